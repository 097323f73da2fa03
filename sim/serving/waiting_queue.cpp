#include "sim/serving/waiting_queue.h"

namespace tokenfab {

void WaitingQueue::pop_front() {
  if (order_ == QueueOrder::fcfs) line_.pop_front();
  else ranks_.erase(ranks_.begin());
}

void WaitingQueue::push(Slot slot, const Standing& standing) {
  if (order_ == QueueOrder::fcfs) line_.push_back(slot);
  else ranks_.insert({class_of(standing.priority), standing.key, ++last_, slot});
}

void WaitingQueue::put_back(Slot slot, std::uint8_t priority) {
  if (order_ == QueueOrder::fcfs) line_.push_front(slot);
  else ranks_.insert({class_of(priority), INT64_MIN, --first_, slot});
}

}  // namespace tokenfab
