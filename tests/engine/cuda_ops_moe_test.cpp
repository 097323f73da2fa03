// The CUDA router and combination of experts, run by the emulator, against their definitions.
#include <algorithm>
#include <numeric>

#include "tests/engine/cuda_ops_fixture.h"

using namespace tokenfab::kernels;
using namespace tokenfab::kernels::test;

namespace {

void check_route(Backend& b, int tokens, int experts, int top_k, bool renormalize) {
  Random random(static_cast<unsigned>(tokens + experts));
  const int stride = experts + 3;
  auto logits = normal_f32(tokens * stride, random, 2);
  for (std::size_t i = 0; i < logits.size(); i += 3) logits[i] = std::round(logits[i]);  // ties
  const Device logits_d(b, logits);
  const std::size_t assigned = index(tokens * top_k);
  const Device<float> weights_d(b, assigned);
  const Device<std::int32_t> experts_d(b, assigned), order_d(b, assigned), position_d(b, assigned);
  const Device<std::int32_t> offsets_d(b, index(experts + 1));
  b.moe_route({matrix(logits_d, tokens, experts, stride), top_k, renormalize, weights_d.data(), experts_d.data(),
               order_d.data(), position_d.data(), offsets_d.data()});
  b.synchronize();
  const auto weights = weights_d.get();
  const auto chosen = experts_d.get(), order = order_d.get(), position = position_d.get(), offsets = offsets_d.get();
  int bad = 0;
  for (int t = 0; t < tokens; ++t) {
    const float* row = logits.data() + t * stride;
    std::vector<int> best(index(experts));
    std::iota(best.begin(), best.end(), 0);
    std::stable_sort(best.begin(), best.end(), [&](int x, int y) { return row[x] > row[y]; });
    double all = 0, some = 0;
    for (int e = 0; e < experts; ++e) all += std::exp(static_cast<double>(row[e]) - row[best[0]]);
    for (int k = 0; k < top_k; ++k) some += std::exp(static_cast<double>(row[best[index(k)]]) - row[best[0]]);
    for (int k = 0; k < top_k; ++k) {
      const std::size_t at = index(t * top_k + k);
      const double weight =
          std::exp(static_cast<double>(row[best[index(k)]]) - row[best[0]]) / (renormalize ? some : all);
      bad += chosen[at] != best[index(k)] || !close(weights[at], weight, 1e-5 * weight);
    }
  }
  CHECK(bad == 0);
  std::vector<std::int32_t> expected(assigned), first(index(experts + 1), 0);
  std::iota(expected.begin(), expected.end(), 0);
  std::stable_sort(expected.begin(), expected.end(), [&](int x, int y) { return chosen[index(x)] < chosen[index(y)]; });
  for (const std::int32_t e : chosen) ++first[index(e) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  CHECK(order == expected);  // a permutation, by expert and then by assignment
  CHECK(offsets == first);
  for (std::size_t r = 0; r < assigned; ++r) bad += position[index(order[r])] != static_cast<std::int32_t>(r);
  CHECK(bad == 0);
}

template <class T>
void check_combine(Backend& b, int cols, int top_k, bool accumulate) {
  Random random(static_cast<unsigned>(cols));
  const int tokens = 3, stride = cols + 8;
  const auto y = normal_bf16(tokens * top_k * stride, random);
  const auto weights = normal_f32(tokens * top_k, random);
  std::vector<std::int32_t> position(index(tokens * top_k));
  std::iota(position.begin(), position.end(), 0);
  std::shuffle(position.begin(), position.end(), random);
  std::vector<T> before(index(tokens * stride), T(0.75f));
  const Device yd(b, y);
  const Device weights_d(b, weights);
  const Device position_d(b, position);
  const Device given(b, before);
  const Device<T> poison(b, before.size());
  const Device<T>& out = accumulate ? given : poison;
  b.moe_combine({matrix(yd, tokens * top_k, cols, stride), weights_d.data(), position_d.data(), top_k, accumulate,
                 matrix(out, tokens, cols, stride)});
  const auto got = out.get();
  int bad = 0;
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < cols; ++i) {
      double sum = accumulate ? 0.75 : 0, size = sum;
      for (int k = 0; k < top_k; ++k) {
        const double term =
            weights[index(t * top_k + k)] * value(y[index(position[index(t * top_k + k)] * stride + i)]);
        sum += term, size += std::abs(term);
      }
      const double unit = std::is_same_v<T, float> ? 0 : kEps * std::abs(sum);
      bad += !close(value(got[index(t * stride + i)]), sum, unit + top_k * 0x1p-23 * size);
    }
  CHECK(bad == 0);
}

}  // namespace

TEST_CASE("routing: the best experts, ties to the lower, a stable permutation") {
  const auto b = make_emulated_cuda_backend();
  check_route(*b, 1, 8, 2, true);
  check_route(*b, 31, 128, 8, true);
  check_route(*b, 33, 128, 8, false);  // more than one block
  check_route(*b, 300, 7, 1, true);
  check_route(*b, 100, 256, 16, false);
  check_route(*b, 200, 60, 4, false);
  check_route(*b, 5, 3, 3, false);
}

TEST_CASE("combination of the experts' rows") {
  const auto b = make_emulated_cuda_backend();
  for (const int cols : {1, 20, 64, 2060})
    for (const bool accumulate : {false, true}) {
      check_combine<float>(*b, cols, 2, accumulate);
      check_combine<bf16>(*b, cols, 8, accumulate);
    }
}
