#pragma once
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// One request as offered to the factory. Arrivals never decrease from one request to the next.
struct Request {
  Ns arrival = 0;                  // since the workload's start
  std::int64_t id = 0;             // row number in the workload, from 0
  std::int32_t input_tokens = 0;   // prompt, cached part included, >= 1
  std::int32_t output_tokens = 0;  // >= 1
  std::int32_t cached_tokens = 0;  // part of input_tokens billed as cached by the recorded provider
  std::uint32_t hash_begin = 0;    // into RequestBatch::hash_ids
  std::uint32_t hash_count = 0;    // prefix blocks of the prompt, 0 where the trace has none
};

struct RequestBatch {
  std::vector<Request> requests;
  std::vector<std::uint64_t> hash_ids;
  void clear() { requests.clear(), hash_ids.clear(); }
};

/// A stream of requests in arrival order. Single pass; pure function of its construction arguments.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  /// Replaces `batch` by the next requests (at most `limit`); an empty batch means the end.
  /// Throws UserError on malformed input.
  virtual void read(RequestBatch& batch, std::size_t limit) = 0;
};

}  // namespace tokenfab
