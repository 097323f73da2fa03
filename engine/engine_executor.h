#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/drafter.h"
#include "engine/kv_pages.h"
#include "engine/model.h"
#include "engine/sampler.h"
#include "sim/serving/batcher.h"
#include "sim/serving/executor.h"

namespace tokenfab::engine {

/// The prompt of a request: exactly its input tokens.
using PromptSource = std::function<std::vector<std::int32_t>(std::int64_t request)>;

struct EngineOptions {
  float temperature = 0;
  std::uint64_t seed = 1;
  std::int32_t max_draft = 0;  // chain length; the batcher's draft_tokens is the most nodes of a tree
  bool real_time = false;      // wait for arrivals; else idle time is skipped and only work takes time
};

/// One step as it was run: the sums that a step model would be asked about, and how long it took.
struct StepRecord {
  double start_s = 0, elapsed_s = 0;
  Ns elapsed_ns = 0;  // exact, unless arrivals are waited for
  StepSums sums;
  std::int64_t draft_tokens = 0, accepted_tokens = 0;
};

/// Counts by draft position: how often a draft there was tried, and kept.
struct Acceptance {
  std::vector<std::int64_t> tried, kept;
  std::int64_t steps = 0, tokens = 0;  // sequence-steps with at least one draft, and the tokens that they gave
};

/// What an engine did. Outlives the executor.
struct EngineRecord {
  std::vector<StepRecord> steps;
  std::map<std::int64_t, std::vector<std::int32_t>> outputs;  // by request
  Acceptance acceptance;
  std::int64_t reused_tokens = 0, copied_pages = 0;
};

/// Runs the batcher's plans on a model and reads the clock. One step per call: needs a stepwise replica.
class EngineExecutor final : public Executor {
 public:
  EngineExecutor(Model& model, std::unique_ptr<Drafter> drafter, PromptSource prompts, const EngineOptions& options,
                 EngineRecord& record);

  void attach(Batcher& batcher) override;
  void accepted(Slot slot, std::int64_t request) override;
  Progress run(const StepPlan& plan, Ticks start, Ns until) override;
  void committed(const StepPlan& plan, std::int64_t steps) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::int64_t request = 0, prompt = 0;
    std::vector<std::int32_t> tokens;  // prompt, then output
  };
  void step();
  void move_pages();
  void prefill(StepBatch& batch);
  std::vector<DraftRequest> decoding();
  void decode(StepBatch& batch);
  void decode_trees(StepBatch& batch);
  void take_samples(const kernels::Tensor& logits);
  void take_chains(const kernels::Tensor& logits);
  void take_trees(const kernels::Tensor& logits);
  void keep_path(std::size_t sequence, const std::vector<std::int32_t>& ids, std::int64_t row);
  void append(Slot slot, const std::int32_t* tokens, std::int64_t count);
  void count(std::size_t drafted, std::size_t kept);
  float draw(Slot slot, std::int64_t ahead) const;
  Ticks clock(Ticks start);

  Model& model_;
  std::unique_ptr<Drafter> drafter_;
  PromptSource prompts_;
  EngineOptions options_;
  EngineRecord& record_;
  Batcher* batcher_ = nullptr;
  std::unique_ptr<KvPages> pages_;
  std::unique_ptr<Sampler> sampler_;
  std::vector<Running> running_;  // by slot

  // The step in progress.
  std::vector<DraftRequest> decodes_;
  std::vector<Draft> drafts_;
  std::vector<Slot> finishing_;  // chunks that complete their prompts, in batch order
  std::vector<std::pair<Slot, std::int32_t>> gains_;
  std::uint64_t serial_ = 0;
  Progress progress_;
  Ticks last_end_ = -1;
  Clock::time_point origin_, last_clock_;
  bool started_ = false;
};

}  // namespace tokenfab::engine
