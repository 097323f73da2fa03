#include "sim/market/choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "sim/economics/demand.h"
#include "sim/market/demand.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

constexpr double kNotOnOffer = -std::numeric_limits<double>::infinity();

std::vector<double> normalised(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum > 0)
    for (double& w : weights) w /= sum;
  return weights;
}

/// Equal shares for the offers whose `value` is lowest.
template <class Value>
std::vector<double> lowest(std::span<const Offer> offers, Value value) {
  std::vector<double> weights(offers.size(), 0.0);
  double best = std::numeric_limits<double>::infinity();
  for (const Offer& o : offers)
    if (o.available) best = std::min(best, value(o));
  for (std::size_t i = 0; i < offers.size(); ++i)
    if (offers[i].available && value(offers[i]) == best) weights[i] = 1;
  return normalised(std::move(weights));
}

/// Price^-2 of the available offers no slower than `latency_s`.
std::vector<double> inverse_square(std::span<const Offer> offers, double latency_s) {
  std::vector<std::size_t> of;
  std::vector<double> prices, out(offers.size(), 0.0);
  for (std::size_t i = 0; i < offers.size(); ++i)
    if (offers[i].available && offers[i].latency_s <= latency_s)
      of.push_back(i), prices.push_back(in_usd(offers[i].price));
  const std::vector<double> found = price_power_shares(prices);
  for (std::size_t k = 0; k < of.size(); ++k) out[of[k]] = found[k];
  return out;
}

std::vector<double> logit(const Choice& c, std::span<const Offer> offers) {
  std::vector<double> utilities;
  for (const Offer& o : offers)
    utilities.push_back(o.available ? c.quality_weight * o.quality - c.price_weight * std::log(in_usd(o.price)) -
                                          c.latency_weight * o.latency_s
                                    : kNotOnOffer);
  return logit_shares(utilities);
}

}  // namespace

std::vector<double> shares(const Choice& c, std::span<const Offer> offers) {
  switch (c.rule) {
    case ChoiceRule::logit:
      return logit(c, offers);
    case ChoiceRule::cheapest:
      return lowest(offers, [](const Offer& o) { return static_cast<double>(o.price); });
    case ChoiceRule::inverse_square:
      return inverse_square(offers, std::numeric_limits<double>::infinity());
    case ChoiceRule::latency_aware:
      break;
  }
  const bool any = std::any_of(offers.begin(), offers.end(),
                               [&](const Offer& o) { return o.available && o.latency_s <= c.latency_s; });
  return any ? inverse_square(offers, c.latency_s) : lowest(offers, [](const Offer& o) { return o.latency_s; });
}

PriceBalancer::PriceBalancer(Choice choice, double exclusion_s, std::vector<Offer> offers)
    : choice_(choice),
      exclusion_s_(exclusion_s),
      offers_(std::move(offers)),
      last_failure_s_(offers_.size(), kNotOnOffer) {}

void PriceBalancer::set(std::size_t provider, const Offer& offer) { offers_[provider] = offer; }

void PriceBalancer::failed(std::size_t provider, double at_s) { last_failure_s_[provider] = at_s; }

bool PriceBalancer::excluded(std::size_t provider, double at_s) const {
  return at_s - last_failure_s_[provider] < exclusion_s_;
}

std::vector<double> PriceBalancer::shares_at(double at_s) const {
  std::vector<Offer> stable = offers_;
  for (std::size_t i = 0; i < stable.size(); ++i) stable[i].available &= !excluded(i, at_s);
  const bool any = std::any_of(stable.begin(), stable.end(), [](const Offer& o) { return o.available; });
  return shares(choice_, any ? stable : offers_);
}

std::vector<std::size_t> PriceBalancer::order(double at_s, double u) const {
  const std::vector<double> chance = shares_at(at_s);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < offers_.size(); ++i)
    if (offers_[i].available) out.push_back(i);
  std::size_t first = offers_.size();
  for (std::size_t i = 0; i < chance.size(); ++i) {
    if (chance[i] <= 0) continue;
    first = i;
    if ((u -= chance[i]) < 0) break;
  }
  const auto rank = [&](std::size_t i) { return std::tuple(i != first, excluded(i, at_s), offers_[i].price, i); };
  std::sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  return out;
}

}  // namespace tokenfab::market
