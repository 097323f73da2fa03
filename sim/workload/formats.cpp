#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
using nlohmann::json;

namespace {

std::string detect_json(std::string_view line, const TraceOptions& options) {
  json object;
  if (!try_parse_json(line, object) || !object.is_object()) throw UserError("the first line is not a JSON object");
  if (options.columns.named) return "jsonl";
  const auto has = [&](const std::string& key) { return object.contains(key); };
  if (has("input_length")) return "mooncake";
  if (has("usage") || has("response") || has("prompt_tokens")) return "openai-usage";
  if (has(options.columns.arrival) && has(options.columns.input) && has(options.columns.output)) return "jsonl";
  if (has("input_tokens")) return "openai-usage";
  std::string why = "the JSON lines fit no known format (" + join_names(trace_formats()) +
                    "); name the fields for arrival, input and output";
  // Of a file that has none of a trace's fields nothing is shown.
  const auto& c = options.columns;
  if (has(c.arrival) || has(c.input) || has(c.output) || has("timestamp") || has("created") || has("model")) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(shown(key));
    why += "; the first line has: " + join_names(keys);
  }
  throw UserError(why);
}

std::string detect_csv(std::string_view line, const TraceOptions& options) {
  if (options.columns.named) return "csv";
  std::vector<std::string_view> cells;
  split_csv(line, cells);
  const auto has = [&](std::string_view name) {
    return std::any_of(cells.begin(), cells.end(), [&](std::string_view c) { return trimmed(c) == name; });
  };
  if (has("TIMESTAMP") && has("ContextTokens")) return "azure";
  if (has("Request tokens") && has("Response tokens")) return "burstgpt";
  if (has("num_prefill_tokens")) return "vidur";
  if (has(options.columns.arrival) || has(options.columns.input) || has(options.columns.output)) return "csv";
  throw UserError("the first line fits no known format (" + join_names(trace_formats()) +
                  "); for another CSV name its columns for arrival, input and output");
}

}  // namespace

const std::vector<std::string>& trace_formats() {
  static const std::vector<std::string> names = {"azure", "burstgpt", "mooncake",    "vidur",
                                                 "csv",   "jsonl",    "openai-usage"};
  return names;
}

std::unique_ptr<RowParser> make_parser(std::string_view first_line, const TraceOptions& options, std::string& format) {
  format = options.format;
  if (format == "auto") {
    const std::string_view text = trimmed(first_line);
    format = text.substr(0, 1) == "{" ? detect_json(text, options) : detect_csv(text, options);
  }
  if (options.columns.named && format != "csv" && format != "jsonl")
    throw UserError("\"columns\" go with the formats csv and jsonl; " + format + " names its own");
  if (format == "azure") {
    if (first_line.find("NumImages") != std::string_view::npos)
      throw UserError("the trace has images (NumImages); multimodal traces are not supported yet");
    return make_csv_parser(first_line, azure_layout());
  }
  if (format == "burstgpt") return make_csv_parser(first_line, burstgpt_layout());
  if (format == "vidur") return make_csv_parser(first_line, vidur_layout());
  if (format == "csv") return make_csv_parser(first_line, generic_layout(options.columns));
  if (format == "mooncake") return make_mooncake_parser(options.block_size);
  if (format == "jsonl") return make_jsonl_parser(first_line, options.columns);
  if (format == "openai-usage") return make_usage_parser();
  throw UserError("trace format \"" + format + "\" is not known; allowed: auto, " + join_names(trace_formats()) +
                  nearest_hint(format, trace_formats()));
}

}  // namespace tokenfab
