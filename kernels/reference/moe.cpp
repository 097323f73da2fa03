#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/reference/reference.h"

namespace tokenfab::kernels::reference {
namespace {

void choose(const MoeRouteArgs& args, std::int64_t token, Route& route) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(args.logits.cols));
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) {
    return at(args.logits, token, a) > at(args.logits, token, b);
  });
  const double top = at(args.logits, token, ids[0]);
  double chosen = 0, all = 0;
  for (std::size_t j = 0; j < ids.size(); ++j) {
    const double e = std::exp(at(args.logits, token, ids[j]) - top);
    all += e;
    if (static_cast<std::int32_t>(j) < args.top_k) chosen += e;
  }
  for (std::int32_t j = 0; j < args.top_k; ++j) {
    const std::int32_t expert = ids[static_cast<std::size_t>(j)];
    route.experts.push_back(expert);
    route.weights.push_back(std::exp(at(args.logits, token, expert) - top) / (args.renormalize ? chosen : all));
  }
}

}  // namespace

Route moe_route(const MoeRouteArgs& args) {
  Route route;
  for (std::int64_t t = 0; t < args.logits.rows; ++t) choose(args, t, route);
  route.position.resize(route.experts.size());
  for (std::int32_t e = 0; e < args.logits.cols; ++e) {
    route.offsets.push_back(static_cast<std::int32_t>(route.order.size()));
    for (std::size_t a = 0; a < route.experts.size(); ++a) {
      if (route.experts[a] != e) continue;
      route.position[a] = static_cast<std::int32_t>(route.order.size());
      route.order.push_back(static_cast<std::int32_t>(a));
    }
  }
  route.offsets.push_back(static_cast<std::int32_t>(route.order.size()));
  return route;
}

Sum grouped_matmul(const GroupedMatmulArgs& args, std::int64_t row, std::int64_t col) {
  std::int32_t expert = 0;
  while (args.offsets[expert + 1] <= row) ++expert;
  MatmulArgs one;
  one.x = args.x, one.w = args.experts[expert];
  return matmul(one, args.order ? args.order[row] / args.divide : row, col);
}

Sum moe_combine(const MoeCombineArgs& args, std::int64_t row, std::int64_t col) {
  Sum sum;
  for (std::int64_t a = row * args.top_k; a < (row + 1) * args.top_k; ++a)
    sum.add(static_cast<double>(args.weights[a]) * at(args.y, args.position[a], col));
  if (args.accumulate) sum.add(at(args.out, row, col));
  return sum;
}

}  // namespace tokenfab::kernels::reference
