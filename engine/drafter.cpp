#include "engine/drafter.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace tokenfab::engine {
namespace {

class NgramDrafter final : public Drafter {
 public:
  std::vector<Draft> draft(const std::vector<DraftRequest>& requests) override {
    std::vector<Draft> drafts;
    for (const DraftRequest& r : requests) drafts.push_back({lookup(*r.tokens, r.most), {}});
    return drafts;
  }

 private:
  static constexpr std::ptrdiff_t kLongest = 3;

  static std::vector<std::int32_t> lookup(const std::vector<std::int32_t>& tokens, std::int32_t most) {
    const auto size = static_cast<std::ptrdiff_t>(tokens.size());
    for (std::ptrdiff_t n = std::min(kLongest, size - 1); n >= 1; --n) {
      const auto suffix = tokens.end() - n;
      for (std::ptrdiff_t at = size - n - 1; at >= 0; --at) {
        if (!std::equal(suffix, tokens.end(), tokens.begin() + at)) continue;
        const auto from = tokens.begin() + at + n;
        return {from, from + std::min<std::ptrdiff_t>(most, tokens.end() - from)};
      }
    }
    return {};
  }
};

class ModelDrafter final : public Drafter {
 public:
  ModelDrafter(std::unique_ptr<Model> model, const ModelDraftOptions& options)
      : model_(std::move(model)),
        options_(options),
        sampler_(model_->backend(), model_->capacity().sequences, options.max_draft) {
    require(options.branches <= 1 || options.temperature <= 0, "a draft tree is greedy");
    if (options.temperature <= 0) return;
    const std::int64_t vocab = model_->config().vocab, rows = model_->capacity().sequences * options.max_draft;
    probabilities_ = {model_->backend().allocate(static_cast<std::size_t>(rows * vocab) * 4), kernels::DType::f32, rows,
                      vocab, vocab};
    fresh_ = {model_->backend().allocate(static_cast<std::size_t>(model_->capacity().sequences * vocab) * 4),
              kernels::DType::f32, model_->capacity().sequences, vocab, vocab};
  }
  ~ModelDrafter() override {
    if (probabilities_.data) model_->backend().release(probabilities_.data);
    if (fresh_.data) model_->backend().release(fresh_.data);
  }

  void prefilled(const StepBatch& chunks, const std::vector<Slot>& slots) override {
    StepBatch same = chunks;
    same.output_rows.clear();
    model_->forward(same);
    for (std::size_t i = 0; i < slots.size(); ++i) cached_[slots[i]] = chunks.kv_length[i];
  }

  std::vector<Draft> draft(const std::vector<DraftRequest>& requests) override {
    std::vector<Draft> drafts(requests.size());
    for (std::int32_t depth = 0; depth < options_.max_draft; ++depth)
      if (!extend(requests, depth, drafts)) break;
    for (std::size_t i = 0; i < siblings_.size(); ++i) add_siblings(drafts[i], siblings_[i]);
    siblings_.clear();
    return drafts;
  }

  void settled(Slot slot, std::int64_t tokens, std::int64_t drafted, std::int64_t chain) override {
    if (drafted > 0) cached_[slot] = tokens + std::min(chain, drafted - 1);
  }

  void copied(std::int32_t from, std::int32_t to) override {
    const std::int32_t page = model_->capacity().page_tokens;
    std::vector<std::int64_t> source(static_cast<std::size_t>(page)), target(source.size());
    std::iota(source.begin(), source.end(), static_cast<std::int64_t>(from) * page);
    std::iota(target.begin(), target.end(), static_cast<std::int64_t>(to) * page);
    model_->copy_cache(source, target);
  }

  kernels::Tensor probabilities() const override { return probabilities_; }

 private:
  /// Drafts one more token for every sequence that wants one; false where none does.
  bool extend(const std::vector<DraftRequest>& requests, std::int32_t depth, std::vector<Draft>& drafts) {
    StepBatch batch(model_->capacity().page_tokens);
    std::vector<std::size_t> members;
    std::vector<float> uniform;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const DraftRequest& r = requests[i];
      if (depth >= r.most) continue;
      const auto length = static_cast<std::int64_t>(r.tokens->size());
      const std::int64_t first = depth == 0 ? cached_[r.slot] : length + depth - 1;
      std::vector<std::int32_t> run;
      if (depth == 0) run.assign(r.tokens->begin() + first, r.tokens->end());
      else run = {drafts[i].tokens.back()};
      batch.add(run, first, *r.pages, StepBatch::Outputs::last);
      members.push_back(i);
      uniform.push_back(uniform_draw(options_.seed, r.request, length + depth, Draw::draft));
    }
    if (members.empty()) return false;
    const kernels::Tensor logits = model_->forward(batch);
    const std::vector<std::int32_t> ids = sampler_.sample(logits, options_.temperature, uniform,
                                                          fresh_.data ? fresh_.head(logits.rows) : kernels::Tensor{});
    if (options_.branches > 1) keep_siblings(logits, members, requests.size());
    for (std::size_t m = 0; m < members.size(); ++m) {
      drafts[members[m]].tokens.push_back(ids[m]);
      if (!fresh_.data) continue;
      const auto row = static_cast<std::int64_t>(members[m]) * options_.max_draft + depth;
      kernels::Tensor to = probabilities_;
      to.data = probabilities_.as<float>() + row * to.stride;
      to.rows = 1;
      kernels::Tensor from = fresh_;
      from.data = fresh_.as<float>() + static_cast<std::int64_t>(m) * from.stride;
      from.rows = 1;
      model_->backend().gather({from, nullptr, to});
    }
    return true;
  }

  /// The best tokens after the first, of each drafted row.
  void keep_siblings(const kernels::Tensor& logits, const std::vector<std::size_t>& members, std::size_t requests) {
    siblings_.resize(requests);
    std::vector<float> host(static_cast<std::size_t>(logits.rows * logits.cols));
    model_->backend().download(host.data(), logits.data, host.size() * 4);
    std::vector<std::int32_t> order(static_cast<std::size_t>(logits.cols));
    for (std::size_t m = 0; m < members.size(); ++m) {
      const float* row = host.data() + static_cast<std::int64_t>(m) * logits.cols;
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + options_.branches, order.end(),
                        [&](std::int32_t a, std::int32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
      siblings_[members[m]].push_back({order.begin() + 1, order.begin() + options_.branches});
    }
  }

  /// Chain nodes keep their order, so an accepted chain already lies where plain decoding would have put it.
  static void add_siblings(Draft& draft, const std::vector<std::vector<std::int32_t>>& siblings) {
    const std::size_t chain = draft.tokens.size();
    for (std::size_t i = 0; i < chain; ++i) draft.parent.push_back(static_cast<std::int32_t>(i) - 1);
    for (std::size_t depth = 0; depth < chain; ++depth)
      for (const std::int32_t token : siblings[depth]) {
        draft.tokens.push_back(token);
        draft.parent.push_back(static_cast<std::int32_t>(depth) - 1);
      }
  }

  std::unique_ptr<Model> model_;
  ModelDraftOptions options_;
  Sampler sampler_;
  std::unordered_map<Slot, std::int64_t> cached_;
  kernels::Tensor probabilities_, fresh_;
  std::vector<std::vector<std::vector<std::int32_t>>> siblings_;  // by request, depth
};

}  // namespace

std::unique_ptr<Drafter> make_ngram_drafter() { return std::make_unique<NgramDrafter>(); }

std::unique_ptr<Drafter> make_model_drafter(std::unique_ptr<Model> model, const ModelDraftOptions& options) {
  return std::make_unique<ModelDrafter>(std::move(model), options);
}

}  // namespace tokenfab::engine
