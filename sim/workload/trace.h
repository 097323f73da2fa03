#pragma once
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sim/workload/request.h"
#include "sim/workload/transform.h"

namespace tokenfab {

/// Names of the fields of a generic CSV or JSONL trace.
struct TraceColumns {
  std::string arrival = "arrival", input = "input", output = "output";
  // "" = the trace has none. cached and written: parts of the input; reasoning: part of the output.
  std::string cached, written, reasoning, service_tier, id;
  std::string arrival_unit = "s";  // s, ms, us, ns or iso8601
  bool named = false;              // by the user: they win over a format that the first line looks like
};

struct TraceOptions {
  std::string path;
  std::string format = "auto";           // or one of trace_formats()
  TraceColumns columns;                  // formats csv and jsonl
  bool skip_bad_lines = false;           // malformed lines: false refuses the trace, true drops them and counts
  std::int64_t block_size = 0;           // tokens per prefix block; where given, hash_ids must fit input_length
  std::int64_t sort_limit = 50'000'000;  // rows that an unsorted trace may hold, all of them in memory
  TransformSpec transform;
  bool spread_seconds = false;  // where times are whole seconds and shared (TraceReport), de-jitter by a second
  std::uint64_t seed = 1;       // of the transforms
  std::uint32_t replication = 0;
};

/// What the reader met; complete once open_trace returns, except for a pipe longer than 262,144 rows.
struct TraceReport {
  std::string format, compression;         // compression: "", "gzip" or "zstd"
  std::int64_t lines = 0;                  // header and blank lines included
  std::int64_t requests = 0;               // rows read, before any transform
  std::int64_t skipped = 0;                // malformed lines, dropped as asked
  std::int64_t failed = 0;                 // requests the trace marks as failed: counted and dropped
  std::vector<std::string> first_skipped;  // "line 17: output is 0, …", at most 5
  bool sorted_here = false;                // the trace was not in order of arrival
  std::int64_t repeated = 0;               // rows of a response that another row tells as well: counted once
  bool whole_seconds = false;              // all times are; over 10 seconds and more; and some second has two requests
  std::int64_t cached_rows = 0;            // rows with a part that the recorded provider's cache held
};

const std::vector<std::string>& trace_formats();

/// Reads a request trace, plain, gzip or zstd. Times are made relative to the earliest row. The rows are checked
/// once before the first request comes out; a trace above 262,144 rows is then read again in constant memory, but for
/// the ids of its responses: of rows with one id the one with most tokens counts, at the earliest of their times.
/// Errors: UserError "path:line: why" for malformed lines (all counted), unknown formats or columns, unsorted rows
/// beyond sort_limit, more than a year between neighbours (clocks mixed), damaged compression, an empty trace.
std::unique_ptr<RequestSource> open_trace(const TraceOptions& options, std::shared_ptr<TraceReport> report = nullptr);

/// The same from a stream that the caller keeps alive; options.path only names it in messages.
std::unique_ptr<RequestSource> open_trace(std::istream& in, const TraceOptions& options,
                                          std::shared_ptr<TraceReport> report = nullptr);

}  // namespace tokenfab
