// Owned chips: what capital, tax, staff and software cost an hour.
#include <cmath>

#include "sim/economics/capital.h"
#include "tests/catch.h"
#include "tests/unit/money_support.h"

using namespace tokenfab;
using test::held;
using test::supply_of;

namespace {

/// Ownership with every figure given; `more` is merged into it.
std::string own(const std::string& more) {
  return R"({"own": {"life_years": 4, "residual_share": 0, "electricity_usd_per_kwh": 0.08,
             "hosting_usd_per_kw_month": 184.06, "provisioned_kw_per_chip": 1.73,
             "staff_usd_per_chip_year": 0, "software_usd_per_chip_year": 0, )" +
         more + "}}";
}

RunRecord year(const std::string& supply) {
  RunRecord r = held(1, 8760);
  price_run(r, {supply_of(supply.c_str())}, std::nullopt);
  return r;
}

}  // namespace

TEST_CASE("a chip with its server and network is the sum of three inputs, or one figure") {
  const RunRecord whole = year(own(R"("capex_usd_per_chip": 42000, "interest": 0.1)"));
  const RunRecord parts =
      year(own(R"("chip_usd": 30000, "server_share": 0.25, "network_share": 0.15, "interest": 0.1)"));
  CHECK(test::account(whole, "compute.capital") == Approx(42'000 * 0.31547080370609765).epsilon(1e-9));
  CHECK(parts.cost.usd_total == Approx(whole.cost.usd_total).epsilon(1e-12));
  CHECK(supply_of(R"({"own": {}})").owned->capex_usd_per_chip.value ==
        supply_of(R"({"own": {"chip_usd": 30000}})").owned->capex_usd_per_chip.value);
}

TEST_CASE("a weighted cost of capital stands in the place of interest") {
  const RunRecord r = year(own(R"("capex_usd_per_chip": 1000,
      "wacc": {"equity_share": 0.4, "cost_of_equity": 0.13, "cost_of_debt": 0.08})"));
  CHECK(test::account(r, "compute.capital") ==
        Approx(1000 * capital_charge({0.4 * 0.13 + 0.6 * 0.08, 4, 0, 0, {}})).epsilon(1e-12));
}

TEST_CASE("tax raises the charge, writing off earlier lowers it again, and without tax the schedule moves nothing") {
  const auto capital = [](const std::string& more) {
    return test::account(year(own(R"("capex_usd_per_chip": 1000, "interest": 0.1)" + more)), "compute.capital");
  };
  const double plain = capital(""), straight = capital(R"(, "tax_rate": 0.25)");
  const double declining = capital(R"(, "tax_rate": 0.25, "depreciation": "double-declining")");
  CHECK(straight > plain);
  CHECK(declining < straight);
  CHECK(declining > plain);
  CHECK(capital(R"(, "depreciation": "double-declining")") == plain);
  CHECK(capital(R"(, "depreciation": "macrs-5", "depreciation_years": 5)") == plain);
  // By hand: (1 - T PV(depreciation)) CRF / (1 - T), a quarter written off in each of four years at 10 %.
  const double crf = 0.31547080370609765;
  CHECK(straight == Approx(1000 * (1 - 0.25 * 0.25 / crf) * crf / 0.75).epsilon(1e-9));
}

TEST_CASE("staff and software are paid by the chip-year, in lines of their own") {
  const std::string text = R"({"own": {"capex_usd_per_chip": 0, "staff_usd_per_chip_year": 700,
                               "software_usd_per_chip_year": 4500, "hosting_usd_per_kw_month": 0}})";
  const RunRecord r = year(text);
  CHECK(test::account(r, "staff") == Approx(700).epsilon(1e-12));
  CHECK(test::account(r, "software") == Approx(4500).epsilon(1e-12));
  CHECK(r.cost.usd_total == Approx(5200).epsilon(1e-12));
  for (const LedgerEntry& e : year(own(R"("capex_usd_per_chip": 1)")).ledger) CHECK(e.account != "staff");
}

TEST_CASE("hosting of an H100 and four or six years of a $350,000 node, as the bottom-up account has them") {
  // CBRE H2 2024 and SemiAnalysisAI/InferenceX-app@77ca49a: 0.436 an hour hosted; 43,750 a chip: 1.249 and 0.832.
  const auto rates = [](const char* life) {
    RunRecord r = held(1, 8760);
    const std::string text = std::string(R"({"own": {"capex_usd_per_chip": 43750, "interest": 0, "life_years": )") +
                             life + R"(, "provisioned_kw_per_chip": 1.73}})";
    price_run(r, {supply_of(text.c_str())}, std::nullopt);
    return std::pair(test::account(r, "compute.capital") / 8760, test::account(r, "hosting") / 8760);
  };
  CHECK(rates("4").first == Approx(1.249).epsilon(1e-3));
  CHECK(rates("6").first == Approx(0.832).epsilon(1e-3));
  CHECK(rates("4").second == Approx(0.4362).epsilon(1e-3));
}
