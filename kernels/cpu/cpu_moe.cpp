#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/cpu/cpu_backend.h"

namespace tokenfab::kernels::cpu {
namespace {

void route_token(const MoeRouteArgs& args, std::int64_t t) {
  const std::int64_t experts = args.logits.cols;
  const float* logits = args.logits.as<const float>() + t * args.logits.stride;
  std::vector<std::int32_t> best(static_cast<std::size_t>(experts));
  std::iota(best.begin(), best.end(), 0);
  std::partial_sort(best.begin(), best.begin() + args.top_k, best.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  const double top = logits[best[0]];
  double all = 0, chosen = 0;
  for (std::int64_t e = 0; e < experts; ++e) all += std::exp(logits[e] - top);
  for (std::int32_t j = 0; j < args.top_k; ++j) chosen += std::exp(logits[best[static_cast<std::size_t>(j)]] - top);
  for (std::int32_t j = 0; j < args.top_k; ++j) {
    const std::int32_t e = best[static_cast<std::size_t>(j)];
    args.experts[t * args.top_k + j] = e;
    args.weights[t * args.top_k + j] =
        static_cast<float>(std::exp(logits[e] - top) / (args.renormalize ? chosen : all));
  }
}

}  // namespace

void CpuBackend::moe_route(const MoeRouteArgs& args) {
  const std::int64_t tokens = args.logits.rows, assignments = tokens * args.top_k, experts = args.logits.cols;
  for (std::int64_t t = 0; t < tokens; ++t) route_token(args, t);
  std::fill(args.offsets, args.offsets + experts + 1, 0);
  for (std::int64_t a = 0; a < assignments; ++a) ++args.offsets[args.experts[a] + 1];
  std::partial_sum(args.offsets, args.offsets + experts + 1, args.offsets);
  std::vector<std::int32_t> next(args.offsets, args.offsets + experts);
  for (std::int64_t a = 0; a < assignments; ++a) {
    const std::int32_t row = next[static_cast<std::size_t>(args.experts[a])]++;
    args.order[row] = static_cast<std::int32_t>(a);
    args.position[a] = row;
  }
}

void CpuBackend::moe_combine(const MoeCombineArgs& args) {
  const double work = static_cast<double>(args.out.rows * args.out.cols) * args.top_k;
  parallel(args.out.rows, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t t = first; t < last; ++t) {
      float* out = args.out.as<float>() + t * args.out.stride;
      if (!args.accumulate) std::fill(out, out + args.out.cols, 0.0f);
      for (std::int32_t j = 0; j < args.top_k; ++j) {
        const float weight = args.weights[t * args.top_k + j];
        const float* y = args.y.as<const float>() + args.position[t * args.top_k + j] * args.y.stride;
        for (std::int64_t i = 0; i < args.out.cols; ++i) out[i] += weight * y[i];
      }
    }
  });
}

}  // namespace tokenfab::kernels::cpu
