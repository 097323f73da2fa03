#pragma once
#include <optional>
#include <unordered_map>

#include "sim/core/records.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// Follows sessions from the arrival of their first request to the end of their last.
class SessionRecorder {
 public:
  void arrived(Ns now, const Request& request) {
    if (request.session != 0) opened(now, request);
  }
  void ended(Ns end, const Request& request, bool served) {
    if (request.session != 0) closed(end, request, served);
  }
  /// None where no request belonged to a session.
  std::optional<SessionStats> stats() const;

 private:
  void opened(Ns now, const Request& request);
  void closed(Ns end, const Request& request, bool served);

  struct Open {
    Ns since = 0;
    std::int64_t served = 0;
  };
  SessionStats stats_;
  std::unordered_map<std::uint32_t, Open> open_;  // by Request::session
};

}  // namespace tokenfab
