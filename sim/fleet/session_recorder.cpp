#include "sim/fleet/session_recorder.h"

namespace tokenfab {

void SessionRecorder::opened(Ns now, const Request& request) {
  ++stats_.requests;
  if ((request.session_edge & kOpensSession) == 0) return;
  ++stats_.started;
  open_[request.session] = {now, 0};
}

void SessionRecorder::closed(Ns end, const Request& request, bool served) {
  const auto found = open_.find(request.session);
  if (found == open_.end()) return;
  found->second.served += served;
  if (served && (request.session_edge & kEndsSession) == 0) return;
  if (served) {
    ++stats_.finished;
    stats_.requests_finished += found->second.served;
    stats_.duration.add(end - found->second.since);
  }
  open_.erase(found);
}

std::optional<SessionStats> SessionRecorder::stats() const {
  return stats_.requests > 0 ? std::optional(stats_) : std::nullopt;
}

}  // namespace tokenfab
