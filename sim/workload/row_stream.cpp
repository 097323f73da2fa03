#include "sim/workload/row_stream.h"

#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"
#include "sim/workload/fields.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kBadLimit = 1000;
constexpr std::size_t kShown = 5;

bool parts_fit(const TraceRow& row, std::string& why) {
  const auto larger = [&](const std::string& part, std::int64_t tokens, const char* whole, std::int64_t of) {
    if (tokens <= of) return false;
    why = "the " + part + " " + std::to_string(tokens) + " is larger than the " + whole + " " + std::to_string(of);
    return true;
  };
  return !larger("cached part", row.cached, "input", row.input) &&
         !larger("cached and the written part", row.cached + row.written, "input", row.input) &&
         !larger("part written for an hour", row.written_hour, "written part", row.written) &&
         !larger("reasoning part", row.reasoning, "output", row.output);
}

}  // namespace

RowStream::RowStream(std::istream& in, const TraceOptions& options, std::shared_ptr<TraceReport> report)
    : options_(options), report_(std::move(report)), input_(in, options.path) {
  open_parser();
}

void RowStream::fail(std::int64_t line, const std::string& why) const {
  throw UserError(options_.path + ":" + std::to_string(line) + ": " + why);
}

bool RowStream::next_text(std::string_view& line) {
  while (input_.next_line(line))
    if (!trimmed(line).empty()) return true;
  return false;
}

void RowStream::open_parser() {
  std::string_view line;
  const bool some = next_text(line);
  report_->compression = input_.compression();
  if (!some) throw UserError(options_.path + ": the trace is empty");
  first_line_ = line;
  try {
    parser_ = make_parser(first_line_, options_, report_->format);
  } catch (const UserError& e) {
    fail(input_.line_number(), e.what());
  }
  held_ = !parser_->has_header();
}

bool RowStream::rewind() {
  if (!input_.rewind()) return false;
  first_pass_ = false;
  std::string_view line;
  held_ = !parser_->has_header() && next_text(line);
  if (parser_->has_header()) next_text(line);
  if (held_) first_line_ = line;
  return true;
}

void RowStream::note_bad(const std::string& why) {
  if (!first_pass_) return;
  const std::string at = std::to_string(input_.line_number());
  if (options_.skip_bad_lines) {
    ++report_->skipped;
    if (report_->first_skipped.size() < kShown) report_->first_skipped.push_back("line " + at + ": " + why);
    return;
  }
  if (bad_++ == 0) first_bad_ = at + ": " + why;
  if (bad_ >= kBadLimit) finish_pass();
}

void RowStream::finish_pass() {
  if (!first_pass_) return;
  report_->lines = input_.line_number();
  if (const auto unseen = parser_->never_seen(); bad_ == 0 && !unseen.empty() && report_->requests > 0)
    throw UserError(options_.path + ": no row has a field \"" + one_line(unseen.front(), 60) + "\"");
  if (bad_ == 0) return;
  std::string more;
  if (bad_ >= kBadLimit) more = " (and " + grouped(kBadLimit - 1) + " or more other malformed lines";
  else if (bad_ > 1) more = " (and " + std::to_string(bad_ - 1) + " other malformed lines";
  else more = " (the only malformed line";
  throw UserError(options_.path + ":" + first_bad_ + more + "; they can be skipped by asking for it)");
}

bool RowStream::next(TraceRow& row) {
  std::string_view line;
  std::string why;
  while (held_ || next_text(line)) {
    if (held_) line = first_line_;
    held_ = false;
    bool good = false;
    try {
      good = parser_->parse(line, row, why);
    } catch (const UserError& e) {
      fail(input_.line_number(), e.what());
    }
    if (good && !row.failed) good = parts_fit(row, why);
    if (!good) {
      note_bad(why);
    } else if (row.failed) {
      report_->failed += first_pass_;
    } else {
      report_->requests += first_pass_;
      return true;
    }
  }
  finish_pass();
  return false;
}

}  // namespace tokenfab
