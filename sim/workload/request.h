#pragma once
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// One request as offered to the factory. Arrivals never decrease from one request to the next.
struct Request {
  Ns arrival = 0;                   // since the workload's start
  Ns deadline = 0;                  // wanted by this instant, since the workload's start; 0 = none
  std::int64_t id = 0;              // row number in the workload, from 0
  std::int32_t input_tokens = 0;    // prompt, cached part included, >= 1
  std::int32_t output_tokens = 0;   // >= 1
  std::int32_t cached_tokens = 0;   // part of input_tokens that a prefix cache held when the request was recorded
  std::uint32_t hash_begin = 0;     // into RequestBatch::hash_ids
  std::uint32_t hash_count = 0;     // prefix blocks of the prompt, 0 where the trace has none
  std::int32_t encoder_tokens = 0;  // part of input_tokens that an image, audio or video encoder makes
  std::uint32_t session = 0;        // 1 + index of the session (user, agent) it belongs to; 0 = none
  std::uint16_t variant = 0;        // LoRA adapter or model variant; 0 = the first, or the base model
  std::uint8_t priority = 0;        // class of service; 0 = highest (interactive)
  std::uint8_t session_edge = 0;    // kOpensSession, kEndsSession or both
  // What only prices ask for, as recorded. written: part of the input, put into the provider's cache; written_hour:
  // part of written, to be kept for an hour; reasoning: part of the output.
  std::int32_t written_tokens = 0, written_hour_tokens = 0, reasoning_tokens = 0;
  std::uint8_t tier = 0;  // service_tier.h; 0 = not said
};
inline constexpr std::uint8_t kOpensSession = 1, kEndsSession = 2;
static_assert(sizeof(Request) == 72, "requests are copied by the million");

struct RequestBatch {
  std::vector<Request> requests;
  std::vector<std::uint64_t> hash_ids;
  std::vector<std::uint8_t> origins;  // region of each request's client; empty: all of the first
  void clear() { requests.clear(), hash_ids.clear(), origins.clear(); }
};

/// A stream of requests in arrival order. Single pass; pure function of its construction arguments.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  /// Replaces `batch` by the next requests (at most `limit`); an empty batch means the end.
  /// Throws UserError on malformed input.
  virtual void read(RequestBatch& batch, std::size_t limit) = 0;

  /// Whether ends of requests cause others. read() then gives only what nothing in the factory causes, and ids are
  /// given in order of arrival, by the factory.
  virtual bool closed_loop() const { return false; }
  /// A request ended: at `end` its client has the last token, or the rejection where not `served`. Appends what that
  /// causes to `next`; none arrives at or before `end`. What is appended must not depend on the order in which requests
  /// of different sessions end.
  virtual void ended(const Request& request, Ns end, bool served, RequestBatch& next) {
    (void)request, (void)end, (void)served, (void)next;
  }
};

}  // namespace tokenfab
