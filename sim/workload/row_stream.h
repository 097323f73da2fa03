#pragma once
#include <memory>

#include "sim/workload/row_parser.h"
#include "sim/workload/trace_input.h"

namespace tokenfab {

/// The good rows of a trace in file order, pass after pass; what is wrong goes to the report.
class RowStream {
 public:
  /// Errors: UserError for an unknown format or missing columns.
  RowStream(std::istream& in, const TraceOptions& options, std::shared_ptr<TraceReport> report);

  /// Errors: UserError with the position for a trace that cannot be replayed at all. At the end of the first pass,
  /// or after 1,000 malformed lines, UserError for these unless they are to be skipped.
  bool next(TraceRow& row);
  /// From the first row again, the report left as it is; false where the input cannot go back.
  bool rewind();
  bool can_rewind() const { return input_.can_rewind(); }
  std::int64_t line() const { return input_.line_number(); }
  [[noreturn]] void fail(std::int64_t line, const std::string& why) const;

 private:
  bool next_text(std::string_view& line);
  void open_parser();
  void note_bad(const std::string& why);
  void finish_pass();

  TraceOptions options_;
  std::shared_ptr<TraceReport> report_;
  TraceInput input_;
  std::unique_ptr<RowParser> parser_;
  std::string first_line_;  // held back: the first data row of a format without a header
  bool held_ = false, first_pass_ = true;
  std::int64_t bad_ = 0;
  std::string first_bad_;
};

}  // namespace tokenfab
