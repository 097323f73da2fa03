#include <algorithm>
#include <cmath>

#include "kernels/cases/case_data.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

/// Of a cumulative probability: a sum of positive terms in f32 blocks, and each exponential's error.
constexpr double kCumulative = 1e-5;

class SampleCase final : public PreparedCase {
 public:
  SampleCase(std::int64_t rows, std::int64_t vocab, float temperature, bool distribution)
      : rows_(rows), vocab_(vocab), temperature_(temperature), distribution_(distribution) {
    family = "sample";
    name = (temperature > 0 ? "sample " : "argmax ") + std::to_string(rows) + "x" + std::to_string(vocab) +
           (distribution ? " with distribution" : "");
    streamed = 4.0 * static_cast<double>(rows * vocab);
    bytes = streamed * (distribution ? 2 : 1);
    flop = static_cast<double>(rows * vocab) * (temperature > 0 ? 4 : 1);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    // bf16 values: ties are common, and the lowest id wins.
    logits_ = random_matrix("logits", DType::f32, rows_, vocab_, temperature_ > 0 ? 3.0f : 1.0f);
    uniform_.clear(), logits_at_.clear();
    for (std::int64_t r = 0; r < rows_; ++r)
      uniform_.push_back(static_cast<float>(uniform("sample", static_cast<std::uint64_t>(r))));
    for (int c = 0; c < copies; ++c) logits_at_.push_back(memory.upload(logits_));
    args_.temperature = temperature_;
    args_.uniform = memory.upload(uniform_);
    ids_ = memory.output(DType::i32, 1, rows_);
    args_.ids = ids_.as<std::int32_t>();
    if (distribution_) args_.probabilities = memory.output(DType::f32, rows_, vocab_);
  }
  void run(Backend& backend, int copy) override {
    args_.logits = logits_at_[static_cast<std::size_t>(copy)];
    backend.sample(args_);
  }
  std::vector<Tensor> outputs() const override {
    return distribution_ ? std::vector{ids_, args_.probabilities} : std::vector{ids_};
  }
  /// Probabilities to 2^-17 (an exponential of up to some -30, and a sum). The drawn token's interval of the
  /// cumulative distribution holds the uniform number, up to kCumulative.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix ids = download(backend, ids_);
    HostMatrix written;
    if (distribution_) written = download(backend, args_.probabilities);
    Worst worst;
    for (const std::int64_t r : spread(rows_, std::max<std::int64_t>(4, samples / vocab_))) {
      const std::vector<double> p = reference::distribution(logits_.view, r, temperature_);
      check_id(static_cast<std::int64_t>(reference::at(ids.view, 0, r)), p, r, worst);
      for (std::int64_t i = 0; distribution_ && i < vocab_; ++i) {
        const double want = p[static_cast<std::size_t>(i)];
        worst.see(reference::at(written.view, r, i), want, 0x1p-17 * want + 1e-30);
      }
    }
    return worst.ratio;
  }

 private:
  void check_id(std::int64_t id, const std::vector<double>& p, std::int64_t row, Worst& worst) const {
    const double u = temperature_ > 0 ? uniform_[static_cast<std::size_t>(row)] : 0.0;
    const reference::Draw want = reference::draw(p, u);
    if (temperature_ <= 0 || id < 0 || id >= vocab_) return worst.same(id, want.id);
    double below = 0;
    for (std::int64_t i = 0; i < id; ++i) below += p[static_cast<std::size_t>(i)];
    worst.see(std::max({0.0, below - u, u - below - p[static_cast<std::size_t>(id)]}), 0, kCumulative);
  }

  std::int64_t rows_, vocab_;
  float temperature_;
  bool distribution_;
  HostMatrix logits_;
  std::vector<float> uniform_;
  std::vector<Tensor> logits_at_;
  Tensor ids_;
  SampleArgs args_;
};

class VerifyCase final : public PreparedCase {
 public:
  explicit VerifyCase(const VerifyShape& s) : s_(s) {
    family = "verify";
    name = "verify s" + std::to_string(s.sequences) + " d" + std::to_string(s.max_draft) + " v" +
           std::to_string(s.vocab) + (s.temperature > 0 ? " sampled" : " greedy") +
           (s.distributions ? " with draft distribution" : "");
    for (std::int32_t i = 0; i < s.sequences; ++i) {  // ragged, an empty draft among them
      row_.push_back(rows_);
      count_.push_back(s.max_draft - i % (s.max_draft + 1));
      rows_ += count_.back() + 1;
    }
    streamed = bytes = 4.0 * static_cast<double>((rows_ + (s.distributions ? rows_ - s.sequences : 0)) * s.vocab);
    flop = static_cast<double>(rows_ * s.vocab) * (s.temperature > 0 ? 4 : 1);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    logits_ = random_matrix("logits", DType::f32, rows_, s_.vocab, 3.0f);
    make_drafts();
    args_.row = memory.upload(row_), args_.count = memory.upload(count_), args_.drafts = memory.upload(drafts_);
    args_.uniform = memory.upload(uniform_);
    if (s_.distributions) args_.draft_probabilities = memory.upload(given_);
    args_.sequences = s_.sequences, args_.max_draft = s_.max_draft, args_.temperature = s_.temperature;
    tokens_ = memory.output(DType::i32, s_.sequences, s_.max_draft + 1);
    accepted_ = memory.output(DType::i32, 1, s_.sequences);
    args_.tokens = tokens_.as<std::int32_t>(), args_.accepted = accepted_.as<std::int32_t>();
    logits_at_.clear();
    for (int c = 0; c < copies; ++c) logits_at_.push_back(memory.upload(logits_));
  }
  void run(Backend& backend, int copy) override {
    args_.logits = logits_at_[static_cast<std::size_t>(copy)];
    backend.verify(args_);
  }
  std::vector<Tensor> outputs() const override { return {tokens_, accepted_}; }

  /// Token for token, but for sequences whose least certain decision lies within kCumulative of another outcome.
  double check(Backend& backend, std::int64_t) override {
    const HostMatrix tokens = download(backend, tokens_), accepted = download(backend, accepted_);
    VerifyArgs host = args_;
    host.logits = logits_.view, host.row = row_.data(), host.count = count_.data(), host.drafts = drafts_.data();
    host.uniform = uniform_.data();
    if (s_.distributions) host.draft_probabilities = given_.view;
    Worst worst;
    for (std::int32_t s = 0; s < s_.sequences; ++s) {
      const reference::Verified want = reference::verify(host, s);
      if (s > 0 && want.margin < kCumulative) continue;
      worst.see(reference::at(accepted.view, 0, s), static_cast<double>(want.tokens.size()) - 1, 0.5);
      for (std::size_t i = 0; i < want.tokens.size(); ++i)
        worst.see(reference::at(tokens.view, s, static_cast<std::int64_t>(i)), want.tokens[i], 0.5);
    }
    return worst.ratio;
  }

 private:
  /// The target's best tokens most of the time, so that drafts are kept and refused; the draft's distribution is the
  /// target's at another temperature.
  void make_drafts() {
    const auto slots = static_cast<std::size_t>(s_.sequences * s_.max_draft);
    drafts_.assign(slots, 0), uniform_.clear();
    given_ = HostMatrix(DType::f32, s_.sequences * s_.max_draft, s_.vocab);
    for (std::int32_t s = 0; s < s_.sequences; ++s)
      for (std::int32_t i = 0; i <= s_.max_draft; ++i) {
        const auto at = static_cast<std::size_t>(s * s_.max_draft + i);
        uniform_.push_back(static_cast<float>(uniform("verify", uniform_.size())));
        if (i >= count_[static_cast<std::size_t>(s)]) continue;
        const std::int64_t row = row_[static_cast<std::size_t>(s)] + i;
        const std::vector<double> q = reference::distribution(logits_.view, row, 2.0f);
        for (std::size_t t = 0; t < q.size(); ++t)
          given_.view.as<float>()[at * q.size() + t] = static_cast<float>(q[t]);
        const double u = uniform("draft", at);
        const bool best = !s_.distributions && u >= 0.25;
        drafts_[at] = best ? reference::draw(reference::distribution(logits_.view, row, 0.0f), 0).id
                           : reference::draw(q, s_.distributions ? u : 4 * u).id;
      }
  }

  VerifyShape s_;
  std::int32_t rows_ = 0;
  HostMatrix logits_, given_;
  std::vector<std::int32_t> row_, count_, drafts_;
  std::vector<float> uniform_;
  std::vector<Tensor> logits_at_;
  Tensor tokens_, accepted_;
  VerifyArgs args_;
};

}  // namespace

std::unique_ptr<OpCase> sample_case(std::int64_t rows, std::int64_t vocab, float temperature, bool distribution) {
  return std::make_unique<SampleCase>(rows, vocab, temperature, distribution);
}
std::unique_ptr<OpCase> verify_case(const VerifyShape& shape) { return std::make_unique<VerifyCase>(shape); }

}  // namespace tokenfab::kernels
