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
  std::string cached;              // "" = the trace has none
  std::string arrival_unit = "s";  // s, ms, us, ns or iso8601
};

struct TraceOptions {
  std::string path;
  std::string format = "auto";           // or one of trace_formats()
  TraceColumns columns;                  // formats csv and jsonl
  bool skip_bad_lines = false;           // malformed lines: false refuses the trace, true drops them and counts
  std::int64_t block_size = 0;           // tokens per prefix block; where given, hash_ids must fit input_length
  std::int64_t sort_limit = 50'000'000;  // rows that an unsorted trace may hold, all of them in memory
  TransformSpec transform;
  std::uint64_t seed = 1;  // of the transforms
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
};

const std::vector<std::string>& trace_formats();

/// Reads a request trace, plain, gzip or zstd. Times are made relative to the earliest row. The rows are checked
/// once before the first request comes out; a trace above 262,144 rows is then read again in constant memory.
/// Errors: UserError "path:line: why" for malformed lines (all counted), unknown formats or columns, unsorted rows
/// beyond sort_limit, damaged compression, an empty trace.
std::unique_ptr<RequestSource> open_trace(const TraceOptions& options, std::shared_ptr<TraceReport> report = nullptr);

/// The same from a stream that the caller keeps alive; options.path only names it in messages.
std::unique_ptr<RequestSource> open_trace(std::istream& in, const TraceOptions& options,
                                          std::shared_ptr<TraceReport> report = nullptr);

}  // namespace tokenfab
