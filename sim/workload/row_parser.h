#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sim/workload/trace.h"

namespace tokenfab {

/// One row of a trace as recorded.
struct TraceRow {
  Ns time = 0;  // from any origin
  std::int64_t input = 0, output = 0, cached = 0;
  std::int64_t written = 0, written_hour = 0, reasoning = 0;  // as in Request
  std::uint8_t tier = 0;
  std::uint64_t response = 0;  // response_key() of its id; 0: none. Rows of one response are one request
  bool failed = false;         // the trace says so; the lengths mean nothing then
  std::vector<std::uint64_t> hashes;
};

/// 0 for an empty id: none.
std::uint64_t response_key(std::string_view id);
/// A tier's name as its number; false with the reason where it is not known.
bool read_service_tier(std::string_view text, std::uint8_t& tier, std::string& why);

class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Errors: false with the reason (one clause, no position) for a malformed line; UserError, without a position as
  /// well, for a trace that cannot be replayed at all.
  virtual bool parse(std::string_view line, TraceRow& row, std::string& why) = 0;
  /// Columns that were asked for and that no row so far has had.
  virtual std::vector<std::string> never_seen() const { return {}; }
  /// The first line names columns and is no row.
  virtual bool has_header() const { return false; }
};

/// The parser of options.format; "auto" looks at the first line that is not blank. `format` gets its name.
/// Errors: UserError without a position.
std::unique_ptr<RowParser> make_parser(std::string_view first_line, const TraceOptions& options, std::string& format);

/// Where a CSV keeps what we need, by column name.
struct CsvLayout {
  TraceColumns columns;
  bool zero_output_failed = false;
};
std::unique_ptr<RowParser> make_csv_parser(std::string_view header, const CsvLayout& layout);
/// Cells of one CSV line; quotes are removed, commas inside them kept.
void split_csv(std::string_view line, std::vector<std::string_view>& cells);
CsvLayout azure_layout();
CsvLayout burstgpt_layout();
CsvLayout vidur_layout();
CsvLayout generic_layout(const TraceColumns& columns);

std::unique_ptr<RowParser> make_mooncake_parser(std::int64_t block_size);
/// Errors: UserError without a position where `first_line`, if it is JSON, lacks one of the columns.
std::unique_ptr<RowParser> make_jsonl_parser(std::string_view first_line, const TraceColumns& columns);
std::unique_ptr<RowParser> make_usage_parser();

/// One JSON object per line; false with the reason otherwise.
bool parse_json_line(std::string_view line, nlohmann::json& out, std::string& why);
/// The field of that name, or at that path ("usage.input_tokens"); null where there is none.
const nlohmann::json* json_field(const nlohmann::json& object, const std::string& name);
/// Field `key` (json_field) as tokens >= low. Numbers, or text holding one.
bool json_tokens(const nlohmann::json& object, const std::string& key, std::int64_t low, std::int64_t& out,
                 std::string& why);
/// Field `key` as a time: a number in `unit`, or text as parse_time reads it (ISO 8601 where it is no number).
bool json_time(const nlohmann::json& object, const std::string& key, int unit, Ns& out, std::string& why);

}  // namespace tokenfab
