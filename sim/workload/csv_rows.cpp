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
      : layout_(layout), unit_(layout.iso_time ? TimeUnit::iso8601 : time_unit(layout.unit)) {
    split_csv(header, cells_);
    columns_ = cells_.size();
    // A header without any of its columns is that of another file, of which nothing is shown.
    for (const std::string& name : {layout.arrival, layout.input, layout.output}) known_ += place(name) != kNone;
    arrival_ = find(layout.arrival);
    input_ = find(layout.input);
    output_ = find(layout.output);
    if (!layout.cached.empty()) cached_ = find(layout.cached);
  }
  bool has_header() const override { return true; }

  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    split_csv(line, cells_);
    if (cells_.size() != columns_) {
      why = "has " + std::to_string(cells_.size()) + " columns, the header has " + std::to_string(columns_);
      return false;
    }
    row.failed = false;
    row.cached = 0;
    if (!parse_time(cells_[arrival_], unit_, row.time, why)) return named(layout_.arrival, why);
    if (!parse_tokens(cells_[output_], layout_.zero_output_failed ? 0 : 1, row.output, why))
      return named(layout_.output, why);
    row.failed = row.output == 0;
    if (!parse_tokens(cells_[input_], row.failed ? 0 : 1, row.input, why)) return named(layout_.input, why);
    if (cached_ != kNone && !trimmed(cells_[cached_]).empty() && !parse_tokens(cells_[cached_], 0, row.cached, why))
      return named(layout_.cached, why);
    return true;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static bool named(const std::string& column, std::string& why) {
    why = column + ": " + why;
    return false;
  }
  std::size_t place(const std::string& name) const {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (trimmed(cells_[i]) == name) return i;
    return kNone;
  }
  std::size_t find(const std::string& name) const {
    const std::size_t at = place(name);
    if (at != kNone) return at;
    if (known_ == 0) throw UserError("there is no column " + shown(name));
    std::vector<std::string> names;
    for (const std::string_view cell : cells_) names.push_back(one_line(trimmed(cell), 60));
    throw UserError("there is no column " + shown(name) + "; the header has: " + join_names(names) +
                    nearest_hint(name, names));
  }

  CsvLayout layout_;
  TimeUnit unit_;
  std::vector<std::string_view> cells_;
  std::size_t columns_ = 0, arrival_ = 0, input_ = 0, output_ = 0, cached_ = kNone;
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
CsvLayout azure_layout() { return {"TIMESTAMP", "ContextTokens", "GeneratedTokens", "", true, "", false}; }

// HPMLL/BurstGPT, both generations of its header; a response of zero tokens is a failed request (its README).
CsvLayout burstgpt_layout() { return {"Timestamp", "Request tokens", "Response tokens", "", false, "s", true}; }

// microsoft/vidur, data/processed_traces.
CsvLayout vidur_layout() { return {"arrived_at", "num_prefill_tokens", "num_decode_tokens", "", false, "s", false}; }

CsvLayout generic_layout(const TraceColumns& c) {
  return {c.arrival, c.input, c.output, c.cached, c.arrival_unit == "iso8601", c.arrival_unit, false};
}

}  // namespace tokenfab
