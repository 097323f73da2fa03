#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/serving/sequence.h"

namespace tokenfab {

/// Sequences by the progress at which something is due for them, the earliest first, then the lowest slot. An entry is
/// outdated once its sequence's epoch has changed.
class DueHeap {
 public:
  struct Due {
    std::int64_t progress;
    Slot slot;
    std::uint32_t epoch;
    /// The standard heap keeps the greatest on top.
    bool operator<(const Due& other) const {
      return progress != other.progress ? progress > other.progress : slot > other.slot;
    }
  };

  bool empty() const { return heap_.empty(); }
  const Due& front() const { return heap_.front(); }
  void push(const Due& due) {
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end());
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  /// Leaves a current entry in front, or none.
  void drop_outdated(const std::vector<Sequence>& sequences) {
    while (!heap_.empty() && sequences[heap_.front().slot].epoch != heap_.front().epoch) pop();
  }

 private:
  std::vector<Due> heap_;
};

}  // namespace tokenfab
