// Carbon by the grid, by contract and in the making, against published accounts.
#include <cmath>

#include "sim/economics/carbon.h"
#include "sim/economics/formulas.h"
#include "tests/catch.h"
#include "tests/unit/money_support.h"

using namespace tokenfab;
using test::supply_of;

namespace {

RunRecord with_energy(const char* supply, double kwh) {
  RunRecord r = test::held(1, 8760);
  r.pools[0].dynamic_energy_j = kwh * kJoulesPerKwh;
  r.pools[0].chip = "h100-sxm";
  price_run(r, {supply_of(supply)}, std::nullopt);
  return r;
}

}  // namespace

TEST_CASE("a median Gemini prompt: 0.24 Wh and 0.03 g are 125 g per kWh by contract") {
  const double factor = 0.03 / 0.24e-3;
  CHECK(factor == Approx(125).epsilon(1e-12));
  CHECK(test::shipped_money().site("google-us", "tpu-v5e").market_gco2e_per_kwh.value == Approx(factor).epsilon(1e-12));
  const double it_kwh = 0.24e-3 / 1.1;  // at the chips and hosts, where the meter says 0.24 Wh at a PUE of 1.1
  const RunRecord r = with_energy(R"({"rent": "on-demand", "site": "google-us"})", it_kwh);
  CHECK(r.cost.detail.carbon_market_g == Approx(0.03).epsilon(1e-9));
  CHECK(r.cost.carbon_operational_g == Approx(0.24e-3 * 383.6).epsilon(1e-9));
}

TEST_CASE("market-based carbon is what the contract says, and unknown without one") {
  const RunRecord none = with_energy(R"({"rent": "on-demand", "site": "france"})", 10);
  CHECK(std::isnan(none.cost.detail.carbon_market_g));
  CHECK(none.cost.carbon_operational_g > 0);
  const RunRecord own =
      with_energy(R"({"rent": "on-demand", "site": {"like": "france", "market_gco2e_per_kwh": 0}})", 10);
  CHECK(own.cost.detail.carbon_market_g == 0);
  CHECK(own.cost.carbon_operational_g == none.cost.carbon_operational_g);
}

TEST_CASE("embodied carbon with the host's share or of the chip alone") {
  const char* all = R"({"rent": "on-demand"})";
  const char* chip = R"({"rent": "on-demand", "site": {"embodied_boundary": "chip"}})";
  // 164 kg an H100, 5,700 kg its server of eight without chips, three years.
  CHECK(with_energy(all, 0).cost.carbon_embodied_g == Approx((5700.0 / 8 + 164) * 1000 / 3).epsilon(1e-12));
  CHECK(with_energy(chip, 0).cost.carbon_embodied_g == Approx(164'000.0 / 3).epsilon(1e-12));
  CHECK(test::user_error([&] { supply_of(chip, "l4"); }).find("/site/embodied_kgco2e_per_chip: is missing") !=
        std::string::npos);
}

TEST_CASE("LLMCarbon: energy from power, operations and hardware") {
  // SotaroKaneda/MLCarbon@b54d8fe: chips x watts x days x PUE; published energies in MWh.
  struct Row {
    double watts, chips, days, pue, exact_mwh;
  };
  for (const Row& row : {Row{330, 10'000, 14.8, 1.1, 1289.376}}) {
    const double joules = row.watts * row.chips * row.days * 86'400;
    CHECK(operational_carbon_g(joules, row.pue, 1) / 1000 == Approx(row.exact_mwh).epsilon(1e-12));
    CHECK(row.exact_mwh == Approx(1287).epsilon(0.002));
  }
  // XLM: processors, memory, disks, GPUs and their memory; 20.4 days of five years.
  const double kg =
      embodied_kg({{1.47, 1, 64}, {256, 0.4, 64}, {32'768, 0.018, 64}, {8.15, 1.2, 512}, {111.6, 1.2, 64}});
  CHECK(embodied_carbon_g(kg, 20.4 * 86'400, 5) / 1e6 == Approx(0.6480454698082191).epsilon(1e-9));
}

TEST_CASE("watts over tokens per second are joules per token, and a 3.6th of them kWh per million tokens") {
  CHECK(joules_per_token(1730, 1000) == Approx(1.73).epsilon(1e-12));
  for (const double j : {0.1, 1.0, 3.6, 42.0}) CHECK(kwh_per_mtok(j) == Approx(j / 3.6).epsilon(1e-12));
  CHECK(std::isnan(joules_per_token(1, 0)));
}
