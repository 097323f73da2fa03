#pragma once
#include <memory>

#include "base/json_object.h"
#include "sim/workload/recorded_sessions.h"
#include "sim/workload/sessions.h"

namespace tokenfab {

/// A "sessions" workload: generated, or recorded and replayed.
struct SessionsPlan {
  SessionSpec spec;  // of a replay only its population counts
  std::shared_ptr<const std::vector<RecordedSession>> recorded;
  std::int64_t expected_requests = 0;  // about; 0 = not known
};

/// Reads "sessions":
///   "users": N of them, each one session after the other, beginning within "start_within_s"; or
///   "arrivals": of sessions, as in "generate"; with "max_sessions" or "duration_s" (no session starts from there on).
///   Generated: "turns" (requests per session), "first_prompt_tokens", "new_tokens" (added per turn), "output_tokens",
///   "think_ms": whole numbers or laws as in "generate"; "shared_prompt_tokens" (opens every session's prompt),
///   "max_context_tokens" (a session ends before exceeding it), "block_tokens" (of prefix blocks, default 64).
///   Recorded: "trace": path of agent sessions; all of them once where neither end is given.
SessionsPlan read_sessions(const JsonObject& sessions);

}  // namespace tokenfab
