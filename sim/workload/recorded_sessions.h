#pragma once
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sim/workload/sessions.h"

namespace tokenfab {

/// One session as recorded, the hashes of a request as the blocks it keeps of the one before and new ones.
struct RecordedTurn {
  Ns think = 0;  // since the end of the request before it
  std::int32_t input_tokens = 1, output_tokens = 1;
  std::uint32_t kept = 0;                                      // leading blocks equal to those of the request before
  std::vector<std::pair<std::uint64_t, std::uint32_t>> fresh;  // runs of new block ids: first, count
};
struct RecordedSession {
  std::string id;
  std::int64_t block_tokens = 0;
  std::vector<RecordedTurn> turns;
};

/// Reads agent sessions (callanjfox/kv-cache-tester), one JSON object per line, plain, gzip or zstd: "in", "out", and
/// "think_time" (or "think") seconds per request, and "hash_ids", or "keep" and "new" runs of them. Requests without
/// "in" (nested sub-agents) are passed over. Errors: UserError "path:line: why".
std::shared_ptr<const std::vector<RecordedSession>> read_sessions(const std::string& path);
std::shared_ptr<const std::vector<RecordedSession>> read_sessions(std::istream& in, const std::string& path);

/// Replays recorded sessions in a closed loop: user u of `population` takes sessions u, u + users, … of the list, from
/// the front again where max_sessions asks for more. Block ids of different sessions are different.
std::unique_ptr<RequestSource> replay_sessions(std::shared_ptr<const std::vector<RecordedSession>> sessions,
                                               SessionPopulation population);

/// How much of the prompts the request before in the same session holds already, in tokens of full blocks.
struct SessionReuse {
  std::int64_t sessions = 0, requests = 0, input_tokens = 0;
  std::int64_t repeated_tokens = 0;  // of input_tokens; none for a session's first request
};
/// Only where the think time is at most `life`. kNever: always.
SessionReuse session_reuse(const std::vector<RecordedSession>& sessions, Ns life);

}  // namespace tokenfab
