#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "sim/economics/economics.h"
#include "sim/economics/money_catalog.h"

namespace tokenfab::test {

inline Price price(double value, const std::string& unit = "USD") { return {value, unit, "test", "2026"}; }

inline Site site(double pue = 1, double grid = 0, double embodied = 0, double life = 1) {
  return {price(pue, "1"), price(grid, "gCO2e/kWh"), price(embodied, "kgCO2e"), price(life, "years")};
}

inline Supply rented(double usd_per_chip_hour, const Site& at = site()) {
  Supply s;
  s.rent = Rent{"on-demand", price(usd_per_chip_hour, "USD per chip-hour"), "lessor"};
  s.site = at;
  return s;
}

inline TokenPlan plan(double input, double cached, double output) {
  const std::string unit = "USD per million tokens";
  return {price(input, unit), price(cached, unit), price(output, unit)};
}

/// A pool that paid for `chip_hours` and was busy all of it, a share `prefill` of it with prefill.
inline PoolUsage pool(const std::string& name, double chip_hours, double prefill = 0.5) {
  PoolUsage u;
  u.name = name;
  u.chip = "h100-sxm";
  u.paid_chip_seconds = u.busy_chip_seconds = chip_hours * 3600;
  u.prefill_busy_seconds = prefill * u.busy_chip_seconds;
  u.decode_busy_seconds = u.busy_chip_seconds - u.prefill_busy_seconds;
  return u;
}

inline RunRecord record(std::vector<PoolUsage> pools, std::int64_t input, std::int64_t output,
                        std::int64_t cached = 0) {
  RunRecord r;
  r.pools = std::move(pools);
  r.input_served = input;
  r.output_served = output;
  r.cached_tokens = cached;
  return r;
}

/// Makes it a run of one request a second, `load` of what the factory could serve.
inline void at_load(RunRecord& r, double load) {
  if (r.makespan_s == 0) r.makespan_s = 3600;
  r.arrival_span_s = r.makespan_s;
  r.served = static_cast<std::int64_t>(r.makespan_s);
  r.offered = r.served + 1;
  r.capacity = {1 / load, 1.02 / load, "given"};
}

inline MoneyCatalog shipped_money() { return MoneyCatalog(TOKENFAB_SOURCE_DIR "/hwmodels"); }

/// The message of the UserError that `action` throws, or "" where it throws none.
template <class Action>
std::string user_error(Action action) {
  try {
    action();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

}  // namespace tokenfab::test
