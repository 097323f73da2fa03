// Verification by rejection keeps the target's distribution, whatever the drafts' distribution.
#include <cmath>

#include "base/rng.h"
#include "engine/sampler.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::engine;
using kernels::DType;

namespace {

constexpr std::int64_t kVocab = 12;

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  double sum = 0;
  for (const float l : logits) p.push_back(std::exp(l / temperature)), sum += p.back();
  for (double& x : p) x /= sum;
  return p;
}

/// Chi-square of observed counts against expected probabilities.
double chi_square(const std::vector<std::int64_t>& seen, const std::vector<double>& p, std::int64_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = p[i] * static_cast<double>(n);
    sum += (static_cast<double>(seen[i]) - expected) * (static_cast<double>(seen[i]) - expected) / expected;
  }
  return sum;
}

std::int32_t draw(const std::vector<double>& p, double u) {
  std::size_t i = 0;
  for (; i + 1 < p.size() && u >= p[i]; ++i) u -= p[i];
  return static_cast<std::int32_t>(i);
}

std::vector<float> random_logits(RandomStream& random) {
  std::vector<float> logits;
  for (std::int64_t i = 0; i < kVocab; ++i) logits.push_back(static_cast<float>(random.normal() * 1.5));
  return logits;
}

}  // namespace

TEST_CASE("two drafted tokens and the one after have the target's distribution") {
  const auto backend = kernels::make_cpu_backend(2);
  RandomStream random(11, 0, StreamPurpose::speculation);
  constexpr std::int64_t kBatch = 2000, kRounds = 60, kTrials = kBatch * kRounds;
  constexpr std::int32_t kDraft = 2;
  constexpr float kTemperature = 0.9f;
  Sampler sampler(*backend, kBatch, kDraft);
  // The target's distribution depends on the place only, so that each place can be counted by itself.
  std::vector<std::vector<float>> target, draft;
  for (int i = 0; i <= kDraft; ++i) target.push_back(random_logits(random)), draft.push_back(random_logits(random));
  for (const bool certain : {false, true}) {
    std::vector<std::vector<std::int64_t>> seen(kDraft + 1, std::vector<std::int64_t>(kVocab));
    std::vector<std::int64_t> total(kDraft + 1);
    std::int64_t accepted_first = 0;
    for (std::int64_t round = 0; round < kRounds; ++round) {
      std::vector<float> logits, probabilities, uniform;
      std::vector<std::int32_t> row;
      std::vector<std::vector<std::int32_t>> drafts;
      for (std::int64_t s = 0; s < kBatch; ++s) {
        row.push_back(static_cast<std::int32_t>(s * (kDraft + 1)));
        drafts.emplace_back();
        for (int i = 0; i < kDraft; ++i) {
          const std::vector<double> q = softmax(draft[static_cast<std::size_t>(i)], kTemperature);
          drafts.back().push_back(certain ? static_cast<std::int32_t>((s + i) % kVocab) : draw(q, random.uniform()));
          for (const double x : q) probabilities.push_back(static_cast<float>(x));
        }
        for (int i = 0; i <= kDraft; ++i) {
          logits.insert(logits.end(), target[static_cast<std::size_t>(i)].begin(),
                        target[static_cast<std::size_t>(i)].end());
          uniform.push_back(static_cast<float>(random.next_u64() >> 40) * 0x1p-24f);
        }
      }
      const kernels::Tensor l{logits.data(), DType::f32, kBatch * (kDraft + 1), kVocab, kVocab};
      const kernels::Tensor q{certain ? nullptr : probabilities.data(), DType::f32, kBatch * kDraft, kVocab, kVocab};
      const Sampler::Verified v = sampler.verify(l, kTemperature, row, drafts, q, uniform);
      for (std::size_t s = 0; s < static_cast<std::size_t>(kBatch); ++s) {
        accepted_first += v.accepted[s] > 0;
        for (std::size_t i = 0; i <= static_cast<std::size_t>(v.accepted[s]); ++i) {
          ++seen[i][static_cast<std::size_t>(v.tokens[s * (kDraft + 1) + i])];
          ++total[i];
        }
      }
    }
    for (int i = 0; i <= kDraft; ++i) {
      INFO("place " << i << (certain ? ", certain drafts" : ""));
      const auto at = static_cast<std::size_t>(i);
      REQUIRE(total[at] > 1000);
      CHECK(chi_square(seen[at], softmax(target[at], kTemperature), total[at]) < 38);  // 11 degrees: 1 in 13,000
    }
    // The share kept is the overlap of the two distributions: sum of min(p, q).
    const std::vector<double> p = softmax(target[0], kTemperature), d = softmax(draft[0], kTemperature);
    double overlap = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      overlap += certain ? p[i] / static_cast<double>(kVocab) : std::min(p[i], d[i]);
    const double kept = static_cast<double>(accepted_first) / static_cast<double>(kTrials);
    CHECK(kept == Approx(overlap).margin(4.5 * std::sqrt(overlap * (1 - overlap) / static_cast<double>(kTrials)) +
                                         1e-3 * certain));
  }
}

TEST_CASE("sampling follows softmax at its temperature; zero temperature takes the best, the lowest id on ties") {
  const auto backend = kernels::make_cpu_backend(2);
  RandomStream random(12, 0, StreamPurpose::speculation);
  constexpr std::int64_t kRows = 4000, kRounds = 25;
  Sampler sampler(*backend, kRows, 1);
  const std::vector<float> one = random_logits(random);
  std::vector<float> logits;
  for (std::int64_t r = 0; r < kRows; ++r) logits.insert(logits.end(), one.begin(), one.end());
  const kernels::Tensor l{logits.data(), DType::f32, kRows, kVocab, kVocab};
  std::vector<std::int64_t> seen(kVocab);
  for (std::int64_t round = 0; round < kRounds; ++round) {
    std::vector<float> uniform;
    for (std::int64_t r = 0; r < kRows; ++r) uniform.push_back(static_cast<float>(random.next_u64() >> 40) * 0x1p-24f);
    for (const std::int32_t id : sampler.sample(l, 0.7f, uniform)) ++seen[static_cast<std::size_t>(id)];
  }
  CHECK(chi_square(seen, softmax(one, 0.7), kRows * kRounds) < 38);
  std::vector<float> tied{1, 3, 3, 2, 0, 0, 0, 0, 0, 0, 0, 3};
  CHECK(sampler.sample({tied.data(), DType::f32, 1, kVocab, kVocab}, 0, {}) == std::vector<std::int32_t>{1});
}
