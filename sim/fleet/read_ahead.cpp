#include "sim/fleet/read_ahead.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab {

void ReadAhead::fetch() {
  RequestBatch& batch = ahead_.emplace_back();
  source_.read(batch, kBatch);
  for (const Request& r : batch.requests) times_.push_back(r.arrival);
  if (!batch.requests.empty()) return;
  ahead_.pop_back();
  exhausted_ = true;
}

void ReadAhead::read(RequestBatch& batch, std::size_t limit) {
  require(limit >= kBatch, "batches are handed on whole");
  if (ahead_.empty() && !exhausted_) fetch();
  batch.clear();
  if (ahead_.empty()) return;
  std::swap(batch, ahead_.front());
  ahead_.pop_front();
}

std::int64_t ReadAhead::count(Ns from, Ns to) {
  while (!exhausted_ && (times_.empty() || times_.back() <= to)) fetch();
  return std::upper_bound(times_.begin(), times_.end(), to) - std::upper_bound(times_.begin(), times_.end(), from);
}

void ReadAhead::forget(Ns until) {
  while (!times_.empty() && times_.front() <= until) times_.pop_front();
}

}  // namespace tokenfab
