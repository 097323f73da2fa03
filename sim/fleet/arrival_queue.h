#pragma once
#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "sim/workload/request.h"

namespace tokenfab {

/// The requests of a source in order of arrival, those of a closed loop that others caused merged in. At one instant
/// those that nothing caused come first, then the others by session: an order that does not depend on the order in
/// which their causes were processed.
class ArrivalQueue {
 public:
  struct Arrival {
    Request request;
    std::span<const std::uint64_t> hashes;  // of its prefix blocks
    std::uint8_t origin = 0;                // region of its client
  };

  explicit ArrivalQueue(RequestSource& source) : source_(source), closed_(source.closed_loop()) {}
  bool closed_loop() const { return closed_; }
  /// Of the earliest request known now; kNever: none is.
  Ns next_time() {
    const Ns stream = stream_time();
    return caused_.empty() ? stream : std::min(stream, caused_.begin()->first.first);
  }
  /// The earliest request; valid until the next call.
  const Arrival& take();
  /// A request ended at `now`, and its client knows at `end`.
  void ended(const Request& request, Ns end, bool served, Ns now);

 private:
  struct Caused {
    Request request;
    std::vector<std::uint64_t> hashes;
  };
  Ns stream_time() { return position_ < batch_.requests.size() ? batch_.requests[position_].arrival : refill(); }
  Ns refill();

  RequestSource& source_;
  bool closed_, exhausted_ = false;
  RequestBatch batch_, next_;
  std::size_t position_ = 0;
  std::multimap<std::pair<Ns, std::uint32_t>, Caused> caused_;  // by arrival and session
  Caused taken_;
  Arrival current_;
  std::int64_t next_id_ = 0;
};

}  // namespace tokenfab
