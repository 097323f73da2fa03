#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/escape.h"
#include "base/json_object.h"
#include "base/text.h"
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

const json* json_field(const json& object, const std::string& name) {
  if (const auto it = object.find(name); it != object.end()) return &*it;
  const json* at = &object;
  for (std::string_view rest = name; at && !rest.empty();) {
    const std::size_t dot = rest.find('.');
    const auto it = at->is_object() ? at->find(std::string(rest.substr(0, dot))) : at->end();
    at = at->is_object() && it != at->end() ? &*it : nullptr;
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  return name.empty() ? nullptr : at;
}

bool json_tokens(const json& object, const std::string& key, std::int64_t low, std::int64_t& out, std::string& why) {
  const json* it = json_field(object, key);
  bool good = false;
  if (!it) {
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
  const json* it = json_field(object, key);
  bool good = false;
  if (!it) {
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
  JsonlParser(std::string_view first_line, const TraceColumns& columns)
      : columns_(columns), unit_(time_unit(columns.arrival_unit)) {
    for (const std::string* name :
         {&columns_.cached, &columns_.written, &columns_.reasoning, &columns_.service_tier, &columns_.id})
      if (!name->empty()) unseen_.insert(*name);
    if (!try_parse_json(first_line, object_) || !object_.is_object()) return;  // a bad line as any other
    for (const std::string& name : {columns.arrival, columns.input, columns.output}) check_column(name);
  }
  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    if (!parse_json_line(line, object_, why)) return false;
    if (!json_time(object_, columns_.arrival, static_cast<int>(unit_), row.time, why)) return false;
    if (!json_tokens(object_, columns_.input, 1, row.input, why)) return false;
    if (!json_tokens(object_, columns_.output, 1, row.output, why)) return false;
    return part(columns_.cached, row.cached, why) && part(columns_.written, row.written, why) &&
           part(columns_.reasoning, row.reasoning, why) && facts(row, why);
  }

  std::vector<std::string> never_seen() const override { return {unseen_.begin(), unseen_.end()}; }

 private:
  /// The field where it is there, and is not null.
  const json* optional(const std::string& name) {
    const json* field = name.empty() ? nullptr : json_field(object_, name);
    if (field) unseen_.erase(name);
    return field && !field->is_null() ? field : nullptr;
  }
  bool part(const std::string& name, std::int64_t& out, std::string& why) {
    out = 0;
    return !optional(name) || json_tokens(object_, name, 0, out, why);
  }
  bool facts(TraceRow& row, std::string& why) {
    const auto text = [](const json& field) { return field.is_string() ? field.get<std::string>() : field.dump(); };
    const json* id = optional(columns_.id);
    const json* tier = optional(columns_.service_tier);
    row.tier = 0;
    row.response = id ? response_key(text(*id)) : 0;
    return !tier || read_service_tier(text(*tier), row.tier, why);
  }
  void check_column(const std::string& name) const {
    if (json_field(object_, name)) return;
    std::vector<std::string> names;
    for (const auto& [key, value] : object_.items()) names.push_back(one_line(key, 60));
    const auto is_known = [&](const std::string& column) { return json_field(object_, column) != nullptr; };
    // A row without any of its fields is that of another file, of which nothing is shown.
    if (!is_known(columns_.arrival) && !is_known(columns_.input) && !is_known(columns_.output))
      throw UserError("there is no field " + shown(name));
    throw UserError("there is no field " + shown(name) + "; the first row has: " + join_names(names) +
                    nearest_hint(name, names));
  }

  TraceColumns columns_;
  std::set<std::string> unseen_;
  TimeUnit unit_;
  json object_;
};

}  // namespace

std::unique_ptr<RowParser> make_jsonl_parser(std::string_view first_line, const TraceColumns& columns) {
  return std::make_unique<JsonlParser>(first_line, columns);
}

}  // namespace tokenfab
