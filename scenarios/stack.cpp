#include "scenarios/stack.h"

#include <nlohmann/json.hpp>

#include "base/json_object.h"

namespace tokenfab {
using nlohmann::json;

void expand_stack(json& scenario, const std::string& file) {
  const JsonObject top(scenario, file);
  if (!top.has("stack")) return;
  if (top.has("alternatives")) top.fail("stack", "is given beside \"alternatives\", which it replaces");
  json base = {{"name", kStackBase}};
  for (const char* key : {"pools", "router"})
    if (top.has(key)) base[key] = scenario[key];
  json alone = json::array(), together = json::array();
  std::string before = kStackBase;
  for (const JsonObject& entry : top.objects("stack")) {
    const std::string name = entry.string("name");
    const json set = entry.raw("set");
    entry.finish();
    alone.push_back({{"name", kStackAlone + name}, {"like", kStackBase}, {"set", set}});
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
