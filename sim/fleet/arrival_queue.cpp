#include "sim/fleet/arrival_queue.h"

#include "base/error.h"

namespace tokenfab {
namespace {

constexpr std::size_t kReadAhead = 4096;

std::span<const std::uint64_t> hashes_of(const RequestBatch& batch, const Request& request) {
  return std::span(batch.hash_ids).subspan(request.hash_begin, request.hash_count);
}

}  // namespace

Ns ArrivalQueue::refill() {
  if (!exhausted_) {
    source_.read(batch_, kReadAhead);
    position_ = 0;
    exhausted_ = batch_.requests.empty();
  }
  return exhausted_ ? kNever : batch_.requests[position_].arrival;
}

const ArrivalQueue::Arrival& ArrivalQueue::take() {
  const Ns stream = stream_time();
  if (caused_.empty() || stream <= caused_.begin()->first.first) {
    const std::uint8_t origin = batch_.origins.empty() ? 0 : batch_.origins[position_];
    const Request& request = batch_.requests[position_++];
    current_ = {request, hashes_of(batch_, request), origin};
  } else {
    taken_ = std::move(caused_.extract(caused_.begin()).mapped());
    current_ = {taken_.request, taken_.hashes, 0};
  }
  if (closed_) current_.request.id = next_id_++;
  return current_;
}

void ArrivalQueue::ended(const Request& request, Ns end, bool served, Ns now) {
  next_.clear();
  source_.ended(request, end, served, next_);
  for (const Request& r : next_.requests) {
    require(r.arrival > now, "what the end of a request causes comes after it");
    const auto hashes = hashes_of(next_, r);
    caused_.emplace(std::pair(r.arrival, r.session), Caused{r, {hashes.begin(), hashes.end()}});
  }
}

}  // namespace tokenfab
