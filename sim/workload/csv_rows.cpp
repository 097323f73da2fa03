#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"
#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
namespace {

class CsvParser final : public RowParser {
 public:
  CsvParser(std::string_view header, const CsvLayout& layout)
      : layout_(layout), unit_(time_unit(layout.columns.arrival_unit)) {
    split_csv(header, cells_);
    columns_ = cells_.size();
    const TraceColumns& c = layout_.columns;
    // A header without any of its columns is that of another file, of which nothing is shown.
    for (const std::string& name : {c.arrival, c.input, c.output}) known_ += place(name) != kNone;
    arrival_ = find(c.arrival);
    input_ = find(c.input);
    output_ = find(c.output);
    cached_ = find_optional(c.cached);
    written_ = find_optional(c.written);
    reasoning_ = find_optional(c.reasoning);
    tier_ = find_optional(c.service_tier);
    id_ = find_optional(c.id);
  }
  bool has_header() const override { return true; }

  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    split_csv(line, cells_);
    if (cells_.size() != columns_) {
      why = "has " + std::to_string(cells_.size()) + " columns, the header has " + std::to_string(columns_);
      return false;
    }
    const TraceColumns& c = layout_.columns;
    row.failed = false;
    if (!parse_time(cells_[arrival_], unit_, row.time, why)) return named(c.arrival, why);
    if (!parse_tokens(cells_[output_], layout_.zero_output_failed ? 0 : 1, row.output, why))
      return named(c.output, why);
    row.failed = row.output == 0;
    if (!parse_tokens(cells_[input_], row.failed ? 0 : 1, row.input, why)) return named(c.input, why);
    return part(cached_, c.cached, row.cached, why) && part(written_, c.written, row.written, why) &&
           part(reasoning_, c.reasoning, row.reasoning, why) && facts(row, why);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static bool named(const std::string& column, std::string& why) {
    why = column + ": " + why;
    return false;
  }
  /// A count that may be missing: 0 then.
  bool part(std::size_t at, const std::string& column, std::int64_t& out, std::string& why) const {
    out = 0;
    return at == kNone || trimmed(cells_[at]).empty() || parse_tokens(cells_[at], 0, out, why) || named(column, why);
  }
  bool facts(TraceRow& row, std::string& why) const {
    row.tier = 0;
    row.response = id_ != kNone && !trimmed(cells_[id_]).empty() ? response_key(trimmed(cells_[id_])) : 0;
    return tier_ == kNone || trimmed(cells_[tier_]).empty() || read_service_tier(trimmed(cells_[tier_]), row.tier, why);
  }
  std::size_t find_optional(const std::string& name) const { return name.empty() ? kNone : find(name); }
  std::size_t place(const std::string& name) const {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (trimmed(cells_[i]) == name) return i;
    return kNone;
  }
  std::size_t find(const std::string& name) const {
    const std::size_t at = place(name);
    if (at != kNone) {
      for (std::size_t i = at + 1; i < cells_.size(); ++i)
        if (trimmed(cells_[i]) == name)
          throw UserError("the header names the column " + shown(name) + " twice, as column " + std::to_string(at + 1) +
                          " and column " + std::to_string(i + 1));
      return at;
    }
    if (known_ == 0) throw UserError("there is no column " + shown(name));
    std::vector<std::string> names;
    for (const std::string_view cell : cells_) names.push_back(one_line(trimmed(cell), 60));
    throw UserError("there is no column " + shown(name) + "; the header has: " + join_names(names) +
                    nearest_hint(name, names));
  }

  CsvLayout layout_;
  TimeUnit unit_;
  std::vector<std::string_view> cells_;
  std::size_t columns_ = 0, arrival_ = 0, input_ = 0, output_ = 0;
  std::size_t cached_ = kNone, written_ = kNone, reasoning_ = kNone, tier_ = kNone, id_ = kNone;
  int known_ = 0;  // named columns that are there
};

}  // namespace

void split_csv(std::string_view line, std::vector<std::string_view>& cells) {
  cells.clear();
  for (;;) {
    const bool quote = !line.empty() && line[0] == '"';
    std::size_t from = 0;
    if (quote)  // past the closing quote; a doubled one stays inside
      for (from = 1; from < line.size() && !(line[from] == '"' && line.substr(from, 2) != "\"\""); ++from)
        if (line[from] == '"') ++from;
    const std::size_t comma = line.find(',', std::min(from, line.size()));
    std::string_view cell = line.substr(0, comma);
    if (quote && cell.size() >= 2 && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
    cells.push_back(cell);
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

std::unique_ptr<RowParser> make_csv_parser(std::string_view header, const CsvLayout& layout) {
  return std::make_unique<CsvParser>(header, layout);
}

// Azure/AzurePublicDataset, AzureLLMInferenceTrace_{conv,code}.csv (2023) and the week traces of 2024.
CsvLayout azure_layout() {
  CsvLayout out;
  out.columns.arrival = "TIMESTAMP", out.columns.input = "ContextTokens", out.columns.output = "GeneratedTokens";
  out.columns.arrival_unit = "iso8601";
  return out;
}

// HPMLL/BurstGPT, both generations of its header; a response of zero tokens is a failed request (its README).
CsvLayout burstgpt_layout() {
  CsvLayout out;
  out.columns.arrival = "Timestamp", out.columns.input = "Request tokens", out.columns.output = "Response tokens";
  out.zero_output_failed = true;
  return out;
}

// microsoft/vidur, data/processed_traces.
CsvLayout vidur_layout() {
  CsvLayout out;
  out.columns.arrival = "arrived_at", out.columns.input = "num_prefill_tokens",
  out.columns.output = "num_decode_tokens";
  return out;
}

CsvLayout generic_layout(const TraceColumns& columns) { return {columns, false}; }

}  // namespace tokenfab
