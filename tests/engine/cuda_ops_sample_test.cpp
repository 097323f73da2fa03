// The CUDA sampling and verification, run by the emulator, against their definitions in double.
#include <algorithm>

#include "tests/engine/cuda_ops_fixture.h"

using namespace tokenfab::kernels;
using namespace tokenfab::kernels::test;

namespace {

using Distribution = std::vector<double>;

Distribution softmax(const float* logits, int vocab, float temperature) {
  Distribution p(index(vocab));
  const float* most = std::max_element(logits, logits + vocab);
  if (temperature <= 0) {
    p[index(most - logits)] = 1;
    return p;
  }
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    sum += p[i] = std::exp((static_cast<double>(logits[i]) - *most) / temperature);
  for (double& x : p) x /= sum;
  return p;
}

/// Whether `id` is where the cumulative sum of the weights passes uniform * total, up to the rounding of f32 sums.
bool drawn_at(const Distribution& weights, int id, double uniform) {
  if (id < 0 || id >= static_cast<int>(weights.size())) return false;
  double total = 0, before = 0;
  for (const double w : weights) total += w;
  for (int i = 0; i < id; ++i) before += weights[index(i)];
  const double slack = 3e-6 * total, target = uniform * total;
  return weights[index(id)] > 0 && before <= target + slack && before + weights[index(id)] > target - slack;
}

std::vector<float> some_logits(int rows, int vocab, Random& random) {
  auto logits = normal_f32(std::int64_t{rows} * vocab, random, 3);
  for (std::size_t i = 0; i < logits.size(); i += 5) logits[i] = -INFINITY;
  return logits;
}

}  // namespace

TEST_CASE("sampling: the largest, and the inverse of the cumulative distribution") {
  const auto b = make_emulated_cuda_backend();
  Random random(3);
  for (const int vocab : {1, 50, 4096, 4097, 21000})
    for (const float temperature : {0.0f, 0.7f, 2.0f}) {
      const int rows = 4, stride = vocab + 5;
      auto logits = some_logits(rows, stride, random);
      for (int r = 0; r < rows; ++r) logits[index(r * stride + vocab)] = 99;       // past the row
      logits[index(stride + vocab - 1)] = logits[index(stride + vocab / 2)] = 30;  // a tie
      logits[index(2 * stride + vocab / 3)] = logits[index(vocab - 1)] = 20;
      logits[index(3 * stride)] = 0;
      const std::vector<float> uniform = {0.0f, 0.5f, 0x1.fffffep-1f, 0.25f};
      const Device logits_d(*b, logits), uniform_d(*b, uniform);
      const Device<float> p_d(*b, index(rows * vocab));
      const Device<std::int32_t> ids_d(*b, rows), again_d(*b, rows);
      b->sample({matrix(logits_d, rows, vocab, stride), temperature, uniform_d.data(), ids_d.data(), {}});
      b->sample({matrix(logits_d, rows, vocab, stride), temperature, uniform_d.data(), again_d.data(),
                 matrix(p_d, rows, vocab)});
      b->synchronize();
      const auto ids = ids_d.get();
      const auto p = p_d.get();
      CHECK(again_d.get() == ids);
      INFO("vocabulary " << vocab << ", temperature " << temperature);
      for (int r = 0; r < rows; ++r) {
        const Distribution expected = softmax(logits.data() + r * stride, vocab, temperature);
        CHECK(drawn_at(expected, ids[index(r)], uniform[index(r)]));
        int bad = 0;
        for (int i = 0; i < vocab; ++i)
          bad += !close(p[index(r * vocab + i)], expected[index(i)], 2e-5 * expected[index(i)] + 1e-30);
        CHECK(bad == 0);
      }
    }
}

namespace {

struct Verification {
  int vocab = 0, max_draft = 0;
  float temperature = 0;
  bool with_q = false;
  std::vector<std::int32_t> row, count, drafts;
  std::vector<float> logits, q, uniform;
};

Verification make_verification(int sequences, int max_draft, int vocab, float temperature, bool with_q,
                               Random& random) {
  Verification v{vocab, max_draft, temperature, with_q, {}, {}, {}, {}, {}, {}};
  int rows = 2;  // of others
  for (int s = 0; s < sequences; ++s) {
    v.row.push_back(rows);
    v.count.push_back(s % (max_draft + 1));
    rows += v.count.back() + 1;
  }
  v.logits = some_logits(rows, vocab, random);
  for (int s = 0; s < sequences; ++s)
    for (int i = 0; i < max_draft; ++i) {
      const float* target = v.logits.data() + std::int64_t{v.row[index(s)] + std::min(i, v.count[index(s)])} * vocab;
      const auto likely = static_cast<std::int32_t>(std::max_element(target, target + vocab) - target);
      v.drafts.push_back(random() % 4 ? likely : static_cast<std::int32_t>(random() % static_cast<unsigned>(vocab)));
      auto near = normal_f32(vocab, random, 0.7f);
      for (std::size_t k = 0; k < near.size(); ++k) near[k] += s % 3 == 0 ? 0.0f : target[k];
      if (s % 4 == 1) std::copy_n(target, vocab, near.begin());
      for (const double p : softmax(near.data(), vocab, 0.8f)) v.q.push_back(static_cast<float>(p));
    }
  for (int i = 0; i < sequences * (max_draft + 1); ++i)
    v.uniform.push_back(static_cast<float>(random() >> 8) * 0x1p-24f);
  return v;
}

/// Follows what was decided, and accepts either decision where u is within rounding of the threshold.
void check_sequence(const Verification& v, std::size_t s, const std::int32_t* tokens, int accepted) {
  REQUIRE((accepted >= 0 && accepted <= v.count[s]));
  for (int i = 0; i <= accepted; ++i) {
    Distribution p = softmax(v.logits.data() + std::int64_t{v.row[s] + i} * v.vocab, v.vocab, v.temperature);
    const double u = v.uniform[s * index(v.max_draft + 1) + index(i)];
    double fresh = u;
    if (i < v.count[s]) {
      const std::size_t at = s * index(v.max_draft) + index(i);
      const std::int32_t drafted = v.drafts[at];
      const float* q = v.with_q ? v.q.data() + at * index(v.vocab) : nullptr;
      const double given = q ? q[drafted] : 1, likely = p[index(drafted)], slack = 1e-5 * (likely + given) + 1e-30;
      if (i < accepted) {
        CHECK(u * given < likely + slack);
        CHECK(tokens[i] == drafted);
        continue;
      }
      CHECK(u * given >= likely - slack);
      if (v.temperature > 0) {
        Distribution left = p;
        double total = 0;
        for (int k = 0; k < v.vocab; ++k)
          total += left[index(k)] = std::max(0.0, p[index(k)] - (q ? q[k] : k == drafted ? 1.0 : 0.0));
        if (total < 1e-3) return;  // what is left is rounding
        p = left;
      }
      const double cut = std::min(1.0, likely / given);
      fresh = cut < 1 ? (u - cut) / (1 - cut) : 0;
      if (v.temperature > 0 && cut > 0.9) return;  // the stretching magnifies rounding
    }
    INFO("sequence " << s << ", place " << i);
    if (v.temperature <= 0) CHECK(p[index(tokens[i])] == 1);
    else
      CHECK((drawn_at(p, tokens[i], fresh) || drawn_at(p, tokens[i], fresh + 2e-5) ||
             drawn_at(p, tokens[i], fresh - 2e-5)));
  }
}

}  // namespace

TEST_CASE("verification: greedy and by rejection, ragged, with and without the draft's distribution") {
  const auto b = make_emulated_cuda_backend();
  Random random(8);
  for (const int vocab : {40, 5000})
    for (const float temperature : {0.0f, 0.8f})
      for (const bool with_q : {false, true})
        for (const int max_draft : {1, 4}) {
          const int sequences = 15;
          const Verification v = make_verification(sequences, max_draft, vocab, temperature, with_q, random);
          const Device logits(*b, v.logits), q(*b, v.q), uniform(*b, v.uniform);
          const Device row(*b, v.row), count(*b, v.count), drafts(*b, v.drafts);
          const Device<std::int32_t> tokens_d(*b, index(sequences * (max_draft + 1))), accepted_d(*b, sequences);
          VerifyArgs a;
          a.logits = matrix(logits, static_cast<std::int64_t>(v.logits.size()) / vocab, vocab);
          a.row = row.data(), a.count = count.data(), a.drafts = drafts.data();
          if (with_q) a.draft_probabilities = matrix(q, sequences * max_draft, vocab);
          a.uniform = uniform.data(), a.sequences = sequences, a.max_draft = max_draft, a.temperature = temperature;
          a.tokens = tokens_d.data(), a.accepted = accepted_d.data();
          b->verify(a);
          b->synchronize();
          const auto tokens = tokens_d.get(), accepted = accepted_d.get();
          for (std::size_t s = 0; s < sequences; ++s)
            check_sequence(v, s, tokens.data() + s * index(max_draft + 1), accepted[s]);
        }
}
