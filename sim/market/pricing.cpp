#include "sim/market/pricing.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

constexpr std::int64_t kGrid = 64;

MicroUsd cost_plus(const PricePolicy& p, const PriceView& v) {
  return std::min(v.highest, std::max<MicroUsd>(1, micro(v.unit_cost_usd * (1 + p.markup))));
}

MicroUsd undercut(const PricePolicy& p, const PriceView& v) {
  const MicroUsd floor = p.floor.value_or(v.marginal_cost);
  return v.lowest_rival ? std::max(floor, std::min(v.highest, *v.lowest_rival - p.step)) : std::max(floor, v.own);
}

}  // namespace

MicroUsd best_price(MicroUsd low, MicroUsd high, MicroUsd step, std::optional<MicroUsd> rival,
                    const std::function<double(MicroUsd)>& profit) {
  std::int64_t left = 0, right = std::max<std::int64_t>(0, (high - low) / step);
  std::int64_t best = 0;
  double most = profit(low);
  const auto consider = [&](std::int64_t n) {
    if (n < 0 || low + n * step > high) return;
    const double value = profit(low + n * step);
    if (value > most || (value == most && n < best)) most = value, best = n;
  };
  if (rival)
    for (std::int64_t near = -1; near <= 1; ++near) consider((*rival - low) / step + near);
  while (true) {
    const std::int64_t stride = std::max<std::int64_t>(1, (right - left) / kGrid);
    for (std::int64_t n = left; n <= right; n += stride) consider(n);
    consider(right);
    if (stride == 1) return low + best * step;
    left = std::max(left, best - stride);
    right = std::min(right, best + stride);
  }
}

MicroUsd next_price(const PricePolicy& p, const PriceView& v) {
  switch (p.rule) {
    case PriceRule::fixed:
      return p.price;
    case PriceRule::cost_plus:
      return cost_plus(p, v);
    case PriceRule::undercut:
      return undercut(p, v);
    case PriceRule::subsidised:
      return v.cash >= p.until_cash ? p.price : cost_plus(p, v);
    case PriceRule::best_response:
      break;
  }
  require(static_cast<bool>(v.profit), "a best response has a profit to maximise");
  const MicroUsd floor = std::max<MicroUsd>(1, p.floor.value_or(v.marginal_cost));
  return best_price(floor, std::max(floor, v.highest), p.step, v.lowest_rival, v.profit);
}

}  // namespace tokenfab::market
