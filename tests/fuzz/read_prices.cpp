#include <nlohmann/json.hpp>

#include "base/json_object.h"
#include "sim/economics/plans/litellm.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/pnl.h"
#include "sim/economics/supply.h"
#include "tests/fuzz/read_bytes.h"

// One file as everything that sets prices: a list in LiteLLM's shape, a plan with supply and provider.
void tokenfab::fuzz::read_bytes(const std::string& path) {
  static const MoneyCatalog money = MoneyCatalog::standard();
  const nlohmann::json document = parse_json_file(path);
  if (document.is_object() && document.contains("m")) {
    litellm_tariff(path, "m", "2026-01-01");
    return;
  }
  const JsonObject top(document, path);
  std::vector<Assumption> assumed;
  if (top.has("plan")) read_price_plan(top.object("plan"), {"llama-3.1-8b", money, assumed});
  if (top.has("provider")) read_provider(top.object("provider"));
  read_supply(top, "h100-sxm", money, assumed);
}
