#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
using nlohmann::json;

bool parse_json_line(std::string_view line, json& out, std::string& why) {
  const bool is_json = try_parse_json(line, out);
  if (is_json && out.is_object()) return true;
  why = is_json ? "is not a JSON object" : "is not valid JSON";  // nothing of it: the file may be no trace at all
  return false;
}

bool json_tokens(const json& object, const std::string& key, std::int64_t low, std::int64_t& out, std::string& why) {
  const auto it = object.find(key);
  bool good = false;
  if (it == object.end()) {
    why = "is missing";
  } else if (it->is_number_unsigned()) {
    out = static_cast<std::int64_t>(std::min<std::uint64_t>(it->get<std::uint64_t>(), INT64_MAX));
    good = check_tokens(out, low, why);
  } else if (it->is_number_integer()) {
    out = it->get<std::int64_t>();
    good = check_tokens(out, low, why);
  } else if (it->is_string()) {
    good = parse_tokens(it->get_ref<const std::string&>(), low, out, why);
  } else if (it->is_number_float()) {
    good = parse_tokens(it->dump(), low, out, why);
  } else {
    why = "is not a number";
  }
  if (!good) why = key + ": " + why;
  return good;
}

bool json_time(const json& object, const std::string& key, int unit_index, Ns& out, std::string& why) {
  const auto unit = static_cast<TimeUnit>(unit_index);
  const auto it = object.find(key);
  bool good = false;
  if (it == object.end()) {
    why = "is missing";
  } else if (it->is_string()) {
    const auto& text = it->get_ref<const std::string&>();
    good = parse_time(text, unit, out, why) || parse_time(text, TimeUnit::iso8601, out, why);
  } else if (!it->is_number()) {
    why = "is not a time";
  } else if (unit == TimeUnit::iso8601) {
    why = "is a number, not a time such as 2023-11-16T18:15:46Z";
  } else if (it->is_number_float()) {
    good = time_from_double(it->get<double>(), unit, out, why);
  } else {
    good = parse_time(it->dump(), unit, out, why);
  }
  if (!good) why = key + ": " + why;
  return good;
}

namespace {

class JsonlParser final : public RowParser {
 public:
  explicit JsonlParser(const TraceColumns& columns) : columns_(columns), unit_(time_unit(columns.arrival_unit)) {}
  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    row.cached = 0;
    if (!parse_json_line(line, object_, why)) return false;
    if (!json_time(object_, columns_.arrival, static_cast<int>(unit_), row.time, why)) return false;
    if (!json_tokens(object_, columns_.input, 1, row.input, why)) return false;
    if (!json_tokens(object_, columns_.output, 1, row.output, why)) return false;
    return columns_.cached.empty() || !object_.contains(columns_.cached) ||
           json_tokens(object_, columns_.cached, 0, row.cached, why);
  }

 private:
  TraceColumns columns_;
  TimeUnit unit_;
  json object_;
};

}  // namespace

std::unique_ptr<RowParser> make_jsonl_parser(const TraceColumns& columns) {
  return std::make_unique<JsonlParser>(columns);
}

}  // namespace tokenfab
