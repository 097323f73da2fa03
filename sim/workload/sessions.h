#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/workload/arrivals.h"
#include "sim/workload/lengths.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// One request of a session, known before it is sent.
struct SessionTurn {
  Ns pause = 0;  // since the end of the request before it, or of the session before it; unused for the very first
  std::int32_t input_tokens = 1, output_tokens = 1;
  std::uint8_t edge = 0;              // kOpensSession, kEndsSession
  std::vector<std::uint64_t> hashes;  // of the prompt's prefix blocks
};

/// The sessions of one user (or agent), one after the other.
class SessionLane {
 public:
  virtual ~SessionLane() = default;
  /// The next request; false where the user has no more. A pure function of the lane's construction and the calls made.
  virtual bool next(SessionTurn& turn) = 0;
  /// The present session is over: the next request opens another.
  virtual void abandon() = 0;
};

/// Who comes when.
struct SessionPopulation {
  std::int64_t users = 0;         // a closed population; 0: a user with one session for each of `arrivals`
  double start_within_s = 0;      // users begin evenly over this time
  ArrivalSpec arrivals;           // where users is 0
  std::int64_t max_sessions = 0;  // in all, shared out evenly among the users; 0 = no limit
  double duration_s = 0;          // no session starts from here on; 0 = no limit
  std::uint64_t seed = 1;
  std::uint32_t replication = 0;
};

/// Makes lane `index` of a population, which may hold at most `sessions` sessions (0 = no limit).
using LaneMaker = std::function<std::unique_ptr<SessionLane>(std::uint32_t index, std::int64_t sessions)>;

/// A closed loop of users: each sends its next request its pause after it heard the end of the one before. A rejection
/// ends the session; the user's next one starts after its pause, one second at least. Errors: UserError.
std::unique_ptr<RequestSource> make_sessions(const SessionPopulation& population, LaneMaker maker);

/// Sessions whose context grows: each prompt is the one before, its output, and new tokens.
struct SessionSpec {
  SessionPopulation population;
  LengthSpec turns = FixedLength{1};
  LengthSpec first_prompt = FixedLength{1}, new_tokens = FixedLength{1}, output = FixedLength{1};
  std::optional<LengthSpec> think_ms;     // before every request; none = at once
  std::int64_t shared_prompt_tokens = 0;  // opens every session's first prompt, the same in all (tools, system)
  std::int64_t max_context_tokens = 0;    // a session ends before prompt and output would exceed this; 0 = no limit
  std::int64_t block_tokens = 64;         // per prefix block (full ones only); 0 = no prefix blocks
};

/// Every draw is a function of seed, replication, user and purpose: all alternatives see the same sessions.
std::unique_ptr<RequestSource> make_sessions(const SessionSpec& spec);

/// Sessions to expect; 0 = not known.
std::int64_t expected_sessions(const SessionPopulation& population);

}  // namespace tokenfab
