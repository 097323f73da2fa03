#pragma once
#include <cstdint>
#include <deque>
#include <set>
#include <tuple>

#include "sim/serving/executor.h"
#include "sim/serving/scheduling.h"

namespace tokenfab {

/// Slots in the order in which they are to be admitted. First come, first served is a deque; other orders cost
/// O(log waiting). Preempted sequences return to the front of their class, the last one first.
class WaitingQueue {
 public:
  explicit WaitingQueue(QueueOrder order) : order_(order) {}

  bool empty() const { return size() == 0; }
  std::size_t size() const { return order_ == QueueOrder::fcfs ? line_.size() : ranks_.size(); }
  /// Of a queue that is not empty.
  Slot front() const { return order_ == QueueOrder::fcfs ? line_.front() : ranks_.begin()->slot; }
  void pop_front();
  void push(Slot slot, const Standing& standing);
  void put_back(Slot slot, std::uint8_t priority);

 private:
  struct Rank {
    std::uint8_t priority;
    std::int64_t key, turn;
    Slot slot;
    bool operator<(const Rank& o) const { return std::tie(priority, key, turn) < std::tie(o.priority, o.key, o.turn); }
  };
  std::uint8_t class_of(std::uint8_t priority) const { return order_ == QueueOrder::priority ? priority : 0; }

  QueueOrder order_;
  std::deque<Slot> line_;
  std::set<Rank> ranks_;
  std::int64_t last_ = 0, first_ = 0;  // turns given to arrivals, and to those who return
};

}  // namespace tokenfab
