#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "sim/serving/executor.h"
#include "sim/workload/request.h"

namespace tokenfab::testing {

/// Requests from memory. `hash_ids`: what their hash_begin points into.
class VectorSource final : public RequestSource {
 public:
  explicit VectorSource(std::vector<Request> requests, std::vector<std::uint64_t> hash_ids = {})
      : requests_(std::move(requests)), hash_ids_(std::move(hash_ids)) {
    for (std::size_t i = 0; i < requests_.size(); ++i) requests_[i].id = static_cast<std::int64_t>(i);
  }
  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    batch.hash_ids = hash_ids_;
    for (; next_ < requests_.size() && batch.requests.size() < limit; ++next_)
      batch.requests.push_back(requests_[next_]);
  }

 private:
  std::vector<Request> requests_;
  std::vector<std::uint64_t> hash_ids_;
  std::size_t next_ = 0;
};

/// Every step takes the same time, whatever is in it: turns the batcher into a queue with known theory.
class ConstantExecutor final : public Executor {
 public:
  explicit ConstantExecutor(Ns step) : step_(ticks_from_ns(step)) {}
  Progress run(const StepPlan& plan, Ticks start, Ns until) override {
    std::int64_t steps = plan.repeats;
    if (until != kNever) {
      const Ticks left = ticks_from_ns(until) - start;
      const auto needed = static_cast<std::int64_t>((left + step_ - 1) / step_);
      steps = std::clamp<std::int64_t>(needed, 1, plan.repeats);
    }
    return {steps, start + steps * step_};
  }

 private:
  Ticks step_;
};

}  // namespace tokenfab::testing
