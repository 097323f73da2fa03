#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// At equal times, lower goes first: what arrives by a step's end can join the next step; a cache is handed over when
/// all steps that end at that time are over, and so replicas come and go.
enum class EventOrder : std::uint32_t { arrival = 0, landing = 1, step_done = 2, handover = 3, control = 4, end = 5 };

/// Value events in total order: (time, order, sequence of scheduling). Nothing is deleted: an event that no longer
/// holds carries an outdated epoch and is ignored by its handler.
template <class Event>
class EventQueue {
 public:
  struct Item {
    Ns time;
    std::uint64_t rank;  // EventOrder, then the sequence of scheduling in the lower kSequenceBits
    Event event;
    /// The standard heap keeps the greatest on top: the earliest event.
    bool operator<(const Item& other) const { return time != other.time ? time > other.time : rank > other.rank; }
  };

  void push(Ns time, EventOrder order, Event event) {
    heap_.push_back({time, (std::uint64_t{static_cast<std::uint32_t>(order)} << kSequenceBits) | next_++, event});
    std::push_heap(heap_.begin(), heap_.end());
  }
  bool empty() const { return heap_.empty(); }
  Item pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const Item top = heap_.back();
    heap_.pop_back();
    return top;
  }

 private:
  static constexpr int kSequenceBits = 60;

  std::vector<Item> heap_;
  std::uint64_t next_ = 0;
};

}  // namespace tokenfab
