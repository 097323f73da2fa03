#include "scenarios/resolve.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"

namespace tokenfab {
using nlohmann::json;

namespace {

std::vector<std::string> split_pointer(const std::string& pointer, const std::string& context) {
  try {
    json::json_pointer p(pointer);
    std::vector<std::string> out;
    for (; !p.empty(); p.pop_back()) out.insert(out.begin(), p.back());
    return out;
  } catch (const json::exception&) {
    throw UserError(context + ": \"" + pointer + "\" is not a JSON pointer; it looks like /pools/0/chip");
  }
}

/// {"copy": POINTER} stands for what is there; anything else for itself.
json meant(const json& document, const json& value, const std::string& context) {
  if (!value.is_object() || value.size() != 1 || !value.contains("copy")) return value;
  if (!value["copy"].is_string()) throw UserError(context + ": \"copy\" takes a JSON pointer");
  split_pointer(value["copy"].get<std::string>(), context);
  const json::json_pointer from(value["copy"].get<std::string>());
  if (!document.contains(from)) throw UserError(context + ": nothing to copy at " + from.to_string());
  return document.at(from);
}

/// Sets the value at `pointer`. All but the last step must exist (the last may be a new key of an object, or the end of
/// a list).
void set_at(json& document, const std::string& pointer, const json& value, const std::string& context) {
  const auto steps = split_pointer(pointer, context);
  if (steps.empty()) throw UserError(context + ": the pointer is empty");
  const json meaning = meant(document, value, context);
  json* at = &document;
  std::string walked;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    if (at->is_array()) {
      const bool number =
          !steps[i].empty() && steps[i].size() < 6 && steps[i].find_first_not_of("0123456789") == std::string::npos;
      if (number && last && std::stoul(steps[i]) == at->size()) at->push_back(nullptr);
      if (!number || std::stoul(steps[i]) >= at->size())
        throw UserError(context + ": " + pointer + ": " + (walked.empty() ? "/" : walked) + " has " +
                        std::to_string(at->size()) + " elements, no \"" + steps[i] + "\"");
      at = &(*at)[std::stoul(steps[i])];
    } else if (at->is_object()) {
      if (!last && !at->contains(steps[i])) (*at)[steps[i]] = json::object();
      at = &(*at)[steps[i]];
    } else {
      throw UserError(context + ": " + pointer + ": " + (walked.empty() ? "/" : walked) + " is not an object or list");
    }
    walked += "/" + steps[i];
  }
  *at = meaning;
}

bool belongs_to_alternative(const std::string& pointer) {
  return pointer.rfind("/pools", 0) == 0 || pointer.rfind("/router", 0) == 0;
}

/// `workload`: the scenario's, from which an alternative's changes to it start.
json resolve_like(const json& alternative, const std::map<std::string, json>& known, const JsonObject& view,
                  const json& workload) {
  json out = alternative;
  if (view.has("like")) {
    const std::string base = view.string("like");
    if (!known.count(base)) {
      std::vector<std::string> names;
      for (const auto& [name, value] : known) names.push_back(name);
      view.fail("like", "\"" + base + "\" is not an earlier alternative; allowed: " + join_names(names) +
                            nearest_hint(base, names));
    }
    out = known.at(base);
    for (const auto& [key, value] : alternative.items())
      if (key != "like" && key != "set") out[key] = value;
  }
  if (view.has("set")) {
    if (!view.raw("set").is_object()) view.fail("set", "is not an object of JSON pointers and values");
    for (const auto& [pointer, value] : view.raw("set").items()) {
      if (pointer.starts_with("/workload") && !out.contains("workload")) out["workload"] = workload;
      set_at(out, pointer, value, view.file() + ": " + view.pointer() + "/set");
    }
    out.erase("set");
  }
  return out;
}

}  // namespace

void apply_set(json& scenario, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || assignment[0] != '/')
    throw UserError("--set " + assignment + ": write --set /json/pointer=value");
  const std::string pointer = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  json value;
  if (!try_parse_json(text, value)) value = text;
  const std::string context = "--set " + assignment;
  if (scenario.contains("alternatives") && scenario["alternatives"].is_array() && belongs_to_alternative(pointer)) {
    for (auto& alternative : scenario["alternatives"])
      if (alternative.is_object()) {
        if (alternative.contains("like") && alternative.value("set", json::object()).is_object())
          alternative["set"][pointer] = value;
        else set_at(alternative, pointer, value, context);
      }
    return;
  }
  set_at(scenario, pointer, value, context);
}

std::vector<ResolvedAlternative> resolve_alternatives(const json& scenario, const std::string& file) {
  const JsonObject top(scenario, file);
  if (!top.has("alternatives")) return {{top.string("name", "scenario"), scenario.dump(2)}};
  if (top.has("pools")) top.fail("pools", "is given beside \"alternatives\"; put the pools into the alternatives");
  const auto list = top.objects("alternatives");
  if (list.empty()) top.fail("alternatives", "is empty; at least one alternative is needed");
  std::map<std::string, json> known;
  std::vector<ResolvedAlternative> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string name = list[i].string("name");
    if (known.count(name)) list[i].fail("name", "\"" + name + "\" is used twice");
    known[name] = resolve_like(scenario["alternatives"][i], known, list[i], scenario.value("workload", json::object()));
    json document = scenario;
    document.erase("alternatives");
    for (const auto& [key, value] : known[name].items())
      if (key != "name") document[key] = value;
    out.push_back({name, document.dump(2)});
  }
  return out;
}

}  // namespace tokenfab
