#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_backend.h"

namespace tokenfab::kernels::cpu {
namespace {

std::int32_t argmax(const float* logits, std::int64_t vocab) {
  return static_cast<std::int32_t>(std::max_element(logits, logits + vocab) - logits);
}

/// softmax(logits / temperature), in double; one-hot where temperature <= 0.
void distribution(const float* logits, std::int64_t vocab, float temperature, std::vector<double>& p) {
  p.assign(static_cast<std::size_t>(vocab), 0.0);
  const std::int32_t best = argmax(logits, vocab);
  if (temperature <= 0) {
    p[static_cast<std::size_t>(best)] = 1;
    return;
  }
  double sum = 0;
  for (std::int64_t i = 0; i < vocab; ++i)
    sum += p[static_cast<std::size_t>(i)] = std::exp((static_cast<double>(logits[i]) - logits[best]) / temperature);
  for (double& x : p) x /= sum;
}

std::int32_t draw(const std::vector<double>& weights, double uniform) {
  double total = 0;
  for (const double w : weights) total += w;
  const double target = uniform * total;
  double seen = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = i;
    seen += weights[i];
    if (seen > target) break;
  }
  return static_cast<std::int32_t>(last);
}

/// p becomes max(0, p - q); where nothing is left (p == q up to rounding) p stays.
void residual(std::vector<double>& p, const float* q, std::int32_t drafted) {
  std::vector<double> left = p;
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double taken = q ? q[i] : (static_cast<std::int32_t>(i) == drafted ? 1.0 : 0.0);
    sum += left[i] = std::max(0.0, left[i] - taken);
  }
  if (sum > 0) p = std::move(left);
}

void verify_sequence(const VerifyArgs& args, std::int32_t s) {
  const std::int64_t vocab = args.logits.cols;
  const float* uniform = args.uniform ? args.uniform + static_cast<std::int64_t>(s) * (args.max_draft + 1) : nullptr;
  std::int32_t* tokens = args.tokens + static_cast<std::int64_t>(s) * (args.max_draft + 1);
  std::vector<double> p;
  for (std::int32_t i = 0;; ++i) {
    const float* logits = args.logits.as<const float>() + (args.row[s] + i) * args.logits.stride;
    const float u = uniform ? uniform[i] : 0.0f;
    distribution(logits, vocab, args.temperature, p);
    args.accepted[s] = i;
    if (i == args.count[s]) {
      tokens[i] = draw(p, u);
      return;
    }
    const std::int64_t at = static_cast<std::int64_t>(s) * args.max_draft + i;
    const std::int32_t drafted = args.drafts[at];
    const float* q = args.draft_probabilities.data
                         ? args.draft_probabilities.as<const float>() + at * args.draft_probabilities.stride
                         : nullptr;
    const double likely = p[static_cast<std::size_t>(drafted)], given = q ? q[drafted] : 1.0;
    if (u * given < likely) {
      tokens[i] = drafted;
      continue;
    }
    // u is uniform on [likely / given, 1) here; stretched to [0, 1) it is a fresh draw.
    residual(p, q, drafted);
    const double cut = std::min(1.0, likely / given);
    tokens[i] = draw(p, cut < 1 ? (u - cut) / (1 - cut) : 0.0);
    return;
  }
}

}  // namespace

void CpuBackend::sample(const SampleArgs& args) {
  const std::int64_t vocab = args.logits.cols;
  const auto choose = [&](std::int64_t r) {
    const float* logits = args.logits.as<const float>() + r * args.logits.stride;
    if (args.temperature <= 0 && !args.probabilities.data) {
      args.ids[r] = argmax(logits, vocab);
      return;
    }
    std::vector<double> p;
    distribution(logits, vocab, args.temperature, p);
    args.ids[r] = draw(p, args.uniform ? args.uniform[r] : 0.0f);
    if (!args.probabilities.data) return;
    float* out = args.probabilities.as<float>() + r * args.probabilities.stride;
    for (std::int64_t i = 0; i < vocab; ++i) out[i] = static_cast<float>(p[static_cast<std::size_t>(i)]);
  };
  const double work = (args.temperature > 0 ? 16.0 : 1.0) * static_cast<double>(args.logits.rows * vocab);
  parallel(args.logits.rows, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t r = first; r < last; ++r) choose(r);
  });
}

void CpuBackend::verify(const VerifyArgs& args) {
  const double work = 16.0 * static_cast<double>(args.logits.rows * args.logits.cols);
  parallel(args.sequences, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t s = first; s < last; ++s) verify_sequence(args, static_cast<std::int32_t>(s));
  });
}

}  // namespace tokenfab::kernels::cpu
