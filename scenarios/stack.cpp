#include "scenarios/stack.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/json_object.h"
#include "sim/core/waterfall.h"

namespace tokenfab {
using nlohmann::json;

namespace {

/// The changes of all entries that this one needs.
json needed(const JsonObject& entry, const std::map<std::string, json>& sets) {
  json all = json::object();
  if (!entry.has("needs")) return all;
  if (!entry.raw("needs").is_array()) entry.fail("needs", "is not a list of names");
  for (const json& name : entry.raw("needs")) {
    const auto found = name.is_string() ? sets.find(name.get<std::string>()) : sets.end();
    if (found == sets.end()) entry.fail("needs", name.dump() + " is not the name of an earlier entry");
    all.update(found->second);
  }
  return all;
}

}  // namespace

void expand_stack(json& scenario, const std::string& file) {
  const JsonObject top(scenario, file);
  if (!top.has("stack")) return;
  if (top.has("alternatives")) top.fail("stack", "is given beside \"alternatives\", which it replaces");
  json base = {{"name", kStackBase}};
  for (const char* key : {"pools", "router"})
    if (top.has(key)) base[key] = scenario[key];
  json alone = json::array(), together = json::array();
  std::map<std::string, json> sets;
  std::string before = kStackBase;
  for (const JsonObject& entry : top.objects("stack")) {
    const std::string name = entry.string("name");
    (void)entry.object("set");
    const json set = sets[name] = entry.raw("set");
    std::string ground = kStackBase;
    if (const json needs = needed(entry, sets); !needs.empty()) {
      ground = kStackBefore + name;
      alone.push_back({{"name", ground}, {"like", kStackBase}, {"set", needs}});
    }
    entry.finish();
    alone.push_back({{"name", kStackAlone + name}, {"like", ground}, {"set", set}});
    together.push_back({{"name", kStackTogether + name}, {"like", before}, {"set", set}});
    before = kStackTogether + name;
  }
  json all = json::array({base});
  all.insert(all.end(), alone.begin(), alone.end());
  all.insert(all.end(), together.begin(), together.end());
  for (const char* key : {"pools", "router", "stack"}) scenario.erase(key);
  scenario["alternatives"] = all;
}

}  // namespace tokenfab
