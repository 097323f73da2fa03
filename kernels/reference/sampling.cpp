#include <algorithm>
#include <cmath>

#include "kernels/reference/reference.h"

namespace tokenfab::kernels::reference {

std::vector<double> distribution(const Tensor& logits, std::int64_t row, float temperature) {
  std::vector<double> p;
  for (std::int64_t i = 0; i < logits.cols; ++i) p.push_back(at(logits, row, i));
  const auto best = std::max_element(p.begin(), p.end());
  if (temperature <= 0) {
    const auto id = static_cast<std::size_t>(best - p.begin());
    std::fill(p.begin(), p.end(), 0.0);
    p[id] = 1;
    return p;
  }
  const double top = *best;
  double total = 0;
  for (double& x : p) total += x = std::exp((x - top) / temperature);
  for (double& x : p) x /= total;
  return p;
}

Draw draw(const std::vector<double>& weights, double uniform) {
  double total = 0, below = 0;
  for (const double w : weights) total += w;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double above = below + weights[i] / total;
    if (weights[i] > 0 && above > uniform) {
      const double lower = below > 0 ? uniform - below : 1, upper = above < 1 - 1e-12 ? above - uniform : 1;
      return {static_cast<std::int32_t>(i), std::min(lower, upper)};
    }
    below = above;
  }
  return {static_cast<std::int32_t>(weights.size()) - 1, 0};
}

Verified verify(const VerifyArgs& args, std::int32_t sequence) {
  Verified out;
  for (std::int32_t i = 0;; ++i) {
    std::vector<double> p = distribution(args.logits, args.row[sequence] + i, args.temperature);
    const double u = args.uniform ? args.uniform[sequence * (args.max_draft + 1) + i] : 0.0f;
    Draw next;
    if (i < args.count[sequence]) {
      const std::int32_t slot = sequence * args.max_draft + i, draft = args.drafts[slot];
      const auto q_at = [&](std::size_t id) {
        if (args.draft_probabilities.data) return at(args.draft_probabilities, slot, static_cast<std::int64_t>(id));
        return id == static_cast<std::size_t>(draft) ? 1.0 : 0.0;
      };
      const double ratio = p[static_cast<std::size_t>(draft)] / q_at(static_cast<std::size_t>(draft));
      if (args.temperature > 0) out.margin = std::min(out.margin, std::fabs(u - ratio));
      if (u < ratio) {
        out.tokens.push_back(draft);
        continue;
      }
      for (std::size_t id = 0; id < p.size(); ++id) p[id] = std::max(0.0, p[id] - q_at(id));
      next = draw(p, (u - ratio) / (1 - ratio));  // u is uniform over [ratio, 1): stretched to [0, 1)
      next.margin *= 1 - ratio;
    } else {
      next = draw(p, u);
    }
    if (args.temperature > 0) out.margin = std::min(out.margin, next.margin);
    out.tokens.push_back(next.id);
    return out;
  }
}

}  // namespace tokenfab::kernels::reference
