#include "audit/numbers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "audit/catalogue.h"
#include "audit/expression.h"
#include "base/error.h"
#include "base/text.h"

namespace tokenfab::audit {
using nlohmann::json;

namespace {

/// {"input": NAME} becomes the value of that input.
json filled(const json& tool, const std::function<double(const std::string&)>& value) {
  if (tool.is_object() && tool.size() == 1 && tool.contains("input")) {
    const double number = value(tool["input"].get<std::string>());
    return number == std::floor(number) && std::fabs(number) < 1e15 ? json(static_cast<std::int64_t>(number))
                                                                    : json(number);
  }
  json out = tool;
  if (tool.is_structured())
    for (auto it = out.begin(); it != out.end(); ++it) it.value() = filled(it.value(), value);
  return out;
}

std::string text(const json& object, const char* key, const std::string& fallback) {
  return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : fallback;
}

std::string pool_text(const json& tool) {
  const json& pool = tool["step"];
  const auto count = [&](const char* key) { return pool.contains(key) ? pool[key].get<int>() : 1; };
  const int chips = count("tensor_parallel") * count("pipeline_parallel") * count("data_parallel");
  return "step model: " + text(pool, "llm", "") + " in " + text(pool, "weights", "bf16") + " on " +
         std::to_string(chips) + " x " + text(pool, "chip", "") + ", " + text(pool, "engine", "vllm");
}

}  // namespace

bool Numbers::runs_depend_on_free() const {
  return std::any_of(claim_.inputs.begin(), claim_.inputs.end(), [this](const auto& entry) {
    const InputSpec& input = entry.second;
    const bool used = std::any_of(claim_.formulas.begin(), claim_.formulas.end(),
                                  [&](const auto& f) { return f.find(entry.first) != std::string::npos; });
    return used && input.origin == Origin::run && input.tool->dump().find("\"input\"") != std::string::npos;
  });
}

void Numbers::set_free(double value) {
  free_ = value;
  std::erase_if(used_, [](const auto& entry) {
    static const std::set<std::string> kFollow = {"free", "formula", "roofline", "simulation"};
    return kFollow.count(entry.second.origin) > 0;
  });
}

double Numbers::evaluate(const std::string& formula) {
  return audit::evaluate(
      formula, [this](const std::string& name) { return value(name); }, claim_.file + ": " + claim_.pointer);
}

std::vector<double> Numbers::recompute() {
  std::vector<double> out;
  for (const auto& formula : claim_.formulas) out.push_back(evaluate(formula));
  return out;
}

double Numbers::value(const std::string& name) {
  if (const auto known = used_.find(name); known != used_.end()) return known->second.value;
  InputUsed used;
  used.name = name;
  if (claim_.over && claim_.over->input == name) {
    used.unit = claim_.over->unit;
    used.source = claim_.over->source;
    used.origin = "free";
    used.value = free_;
  } else {
    used.value = resolve(claim_.inputs.at(name), used);
  }
  used_[name] = used;
  return used.value;
}

double Numbers::resolve(const InputSpec& input, InputUsed& used) {
  const std::string where = input.file + ": " + input.pointer;
  const auto by_name = [this](const std::string& name) { return value(name); };
  used.unit = input.unit;
  used.source = input.source;
  used.as_of = input.as_of;
  switch (input.origin) {
    case Origin::said:
      used.origin = "article";
      used.source = claim_.article + (input.source.empty() ? "" : ": \"" + input.source + "\"");
      return input.value;
    case Origin::claim: {
      if (!library_.has(input.ref))
        throw UserError(where + "/claim: \"" + input.ref + "\" is not a known claim" +
                        nearest_hint(input.ref, library_.ids()));
      const Claim& other = library_.find(input.ref);
      if (input.at >= other.said.size())
        throw UserError(where + "/at: " + other.id + " says " + std::to_string(other.said.size()) + " number(s)");
      used.origin = other.article == claim_.article ? "article" : "other article";
      if (used.unit.empty()) used.unit = other.unit;
      used.source = other.id + ": \"" + other.quote + "\"";
      return other.said[input.at];
    }
    case Origin::catalogue: {
      const Price found = catalogue_figure(input.ref, where);
      used = {used.name, found.unit, found.source, found.as_of, "catalogue", found.value};
      return found.value;
    }
    case Origin::formula:
      used.origin = "formula";
      used.source = input.ref;
      return audit::evaluate(input.ref, by_name, where);
    case Origin::step: {
      const json tool = filled(*input.tool, by_name);
      const double found = tools_.step(tool, {input.file, input.pointer});
      used.origin = "roofline";
      used.source = pool_text(tool) + ", " + text(tool, "read", "");
      return found;
    }
    case Origin::run: {
      const json tool = filled(*input.tool, by_name);
      used.origin = "simulation";
      used.source = text(tool, "run", "") + (tool.contains("set") ? " with " + tool["set"].dump() : "") +
                    (tool.contains("alternative") ? ", " + text(tool, "alternative", "") : "") + ": " +
                    text(tool, "read", "");
      return tools_.run(tool, {input.file, input.pointer});
    }
    default:
      used.origin = "literal";
      return input.value;
  }
}

}  // namespace tokenfab::audit
