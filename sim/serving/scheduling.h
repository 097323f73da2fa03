#pragma once
#include <array>
#include <cstdint>

namespace tokenfab {

/// In which order waiting requests are admitted: by arrival; by class, then arrival; by predicted output; by deadline.
enum class QueueOrder : std::uint8_t { fcfs, priority, shortest_job, deadline };
inline constexpr std::array<const char*, 4> kQueueOrderNames = {"fcfs", "priority", "shortest-job", "deadline"};

/// Requests of this class and below are offline work that fills gaps; those above are interactive.
inline constexpr std::uint8_t kBatchPriority = 2;

/// Adapters (LoRA) or whole models that a replica loads when a request asks for them.
struct ResidentVariants {
  std::int32_t count = 0;  // that exist; 0: every request runs on what is loaded anyway
  std::int32_t slots = 0;  // resident at a time
};

/// Whom the batcher serves first, and what becomes of those it puts off.
struct Scheduling {
  QueueOrder queue = QueueOrder::fcfs;
  /// shortest_job: predictions are the true output times exp(prediction_error * a standard normal).
  double prediction_error = 0;
  double ageing_tokens_per_s = 0;  // shortest_job: a second of waiting counts as so many tokens less to generate
  bool preempt = false;            // priority: a waiting interactive request displaces running batch-class sequences
  double batch_share = 1;          // priority: of slots and of the token budget, what the batch class may take
  std::int64_t mixed_budget = 0;   // chunked: tokens of a step in which sequences decode; 0: the whole token budget
  double max_step_s = 0;           // chunked: prompts join a step in which sequences decode only as far as it takes no
                                   // longer; 0: no bound
  bool swap = false;               // preempted sequences keep their cache, in host memory
  ResidentVariants variants = {};
};

/// What decides on a request's place in the queue.
struct Standing {
  std::uint8_t priority = 0;  // 0 = highest
  std::uint16_t variant = 0;
  std::int64_t key = 0;  // lower goes first within a class; equal keys by arrival
};

}  // namespace tokenfab
