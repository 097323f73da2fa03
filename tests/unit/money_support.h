#pragma once
#include "sim/economics/supply.h"
#include "tests/unit/economics_support.h"

namespace tokenfab::test {

/// A factory that held `chips` for `hours` and was busy for a share of it.
inline RunRecord held(double chips, double hours, double busy = 1) {
  PoolUsage u = pool("p", chips * hours);
  u.busy_chip_seconds *= busy;
  u.prefill_busy_seconds *= busy;
  u.decode_busy_seconds *= busy;
  RunRecord r = record({u}, 3'000'000, 1'000'000);
  r.makespan_s = hours * 3600;
  r.seed = 7;
  return r;
}

inline Supply supply_of(const char* text, const std::string& chip = "h100-sxm") {
  const nlohmann::json pool = {{"supply", nlohmann::json::parse(text)}};
  std::vector<Assumption> assumptions;
  return read_supply(JsonObject(pool, "s.json", "/pools/0"), chip, shipped_money(), assumptions);
}

inline CostSummary bill(RunRecord r, const char* text) {
  price_run(r, {supply_of(text)}, std::nullopt);
  return r.cost;
}

inline double account(const RunRecord& r, const std::string& name) {
  double usd = 0;
  for (const LedgerEntry& e : r.ledger) usd += e.account == name ? e.usd : 0;
  return usd;
}

}  // namespace tokenfab::test
