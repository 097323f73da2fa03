#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/model.h"
#include "engine/sampler.h"
#include "sim/serving/executor.h"

namespace tokenfab::engine {

/// A decoding sequence that may be drafted for: all its tokens so far (the last one is not cached yet).
struct DraftRequest {
  Slot slot;
  std::int64_t request;
  const std::vector<std::int32_t>* tokens;
  std::int32_t most;                       // drafts wanted at most
  const std::vector<std::int32_t>* pages;  // room for tokens + most
};

/// Drafts of one sequence. A chain, or a tree: node i follows node parent[i] (-1: the sequence's last token), parents
/// first; the chain is then nodes 0 .. chain - 1.
struct Draft {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> parent;  // empty: a chain
};

/// Guesses tokens ahead. Not owned by the batcher: what it keeps per slot it must be able to drop.
class Drafter {
 public:
  virtual ~Drafter() = default;
  /// The target runs these prefill chunks now.
  virtual void prefilled(const StepBatch& chunks, const std::vector<Slot>& slots) { (void)chunks, (void)slots; }
  virtual std::vector<Draft> draft(const std::vector<DraftRequest>& requests) = 0;
  /// Of the last draft for `slot`, after `tokens` tokens in all, the first `chain` of its chain were right.
  virtual void settled(Slot slot, std::int64_t tokens, std::int64_t drafted, std::int64_t chain) {
    (void)slot, (void)tokens, (void)drafted, (void)chain;
  }
  virtual void copied(std::int32_t from_page, std::int32_t to_page) { (void)from_page, (void)to_page; }
  /// The distributions behind the last drafts [requests * max_draft, vocab]; no data: each draft was certain.
  virtual kernels::Tensor probabilities() const { return {}; }
};

/// Prompt lookup: the continuation of the latest earlier occurrence of the longest matching suffix (1 .. 3 tokens).
std::unique_ptr<Drafter> make_ngram_drafter();

struct ModelDraftOptions {
  std::int32_t max_draft = 4;
  float temperature = 0;
  std::uint64_t seed = 1;
  std::int32_t branches = 1;  // > 1: a tree; at each depth the next best tokens stand beside the chain (greedy only)
};
/// A smaller model whose cache lies in pages of the same numbers as the target's.
std::unique_ptr<Drafter> make_model_drafter(std::unique_ptr<Model> model, const ModelDraftOptions& options);

}  // namespace tokenfab::engine
