// Supplies in scenario files: the JSON Schema and the loader accept and refuse the same.
#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/money_support.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

bool schema_accepts(const char* supply) {
  json scenario = json::parse(R"({"name": "x", "workload": {"use": "azure-conv-2023"},
      "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm"}]})");
  scenario["pools"][0]["supply"] = json::parse(supply);
  return testing::schema_accepts(TOKENFAB_SOURCE_DIR "/scenarios/schema/scenario.schema.json", scenario);
}

std::string loader_says(const char* supply) {
  return test::user_error([&] { test::supply_of(supply); });
}

}  // namespace

TEST_CASE("supplies that both understand") {
  for (
      const char* text :
      {R"({"rent": "spot"})", R"({"rent": {"kind": "capacity-block", "block_hours": 48}})",
       R"({"rent": {"usd_per_chip_hour": 2, "committed_chips": 4, "upfront_share": 0.25, "interest": 0.1, "term_years": 2}})",
       R"({"rent": {"kind": "spot", "spot": {"volatility": 0.2, "reversion_per_hour": 0.1, "interruptions_per_hour": 0.01,
            "restart_s": 60, "lost_work_s": 60, "notice_s": 30}}})",
       R"({"rent": [{"share": 1}, {"kind": "reserved-1y", "committed_chips": 3}]})",
       R"({"own": {"chip_usd": 1000, "tax_rate": 0.2, "depreciation": "macrs-5", "wacc":
            {"equity_share": 1, "cost_of_equity": 0.1, "cost_of_debt": 0}, "staff_usd_per_chip_year": 10}})",
       R"({"own": {}, "site": {"like": "us-iowa", "market_gco2e_per_kwh": 12, "embodied_boundary": "chip"}})"}) {
    CAPTURE(text);
    CHECK(schema_accepts(text));
    CHECK(loader_says(text) == "");
  }
}

TEST_CASE("supplies that both refuse") {
  for (const char* text :
       {R"({"rent": {"usd_per_chip_hour": 2, "share": 0.5}})", R"({"rent": []})", R"({"rent": {"committed": 4}})",
        R"({"rent": {"spot": {"price": 2}}})", R"({"rent": {"upfront_share": 25}})",
        R"({"own": {"depreciation": "sum-of-years"}})", R"({"own": {"tax_rate": 1}})",
        R"({"own": {"wacc": {"equity_share": 0.5}}})", R"({"own": {"depreciation_years": 2.5}})",
        R"({"rent": "on-demand", "site": {"embodied_boundary": "rack"}})", R"({"rent": "on-demand", "own": {}})",
        R"({"rent": [{"share": 0}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(schema_accepts(text));
    CHECK(loader_says(text).find("s.json: /pools/0/supply") == 0);
  }
}

TEST_CASE("terms that contradict each other are refused at their place") {
  const auto says = [](const char* text, const char* part) {
    CAPTURE(loader_says(text), part);
    CHECK(loader_says(text).find(part) != std::string::npos);
  };
  says(R"({"rent": [{"share": 0.5}, {"share": 0.4}]})", "/supply/rent: shares add up to 0.9");
  says(R"({"rent": [{"share": 1}, {"share": 0.4, "committed_chips": 2}]})", "/rent/1/share: cannot stand beside");
  says(R"({"rent": {"kind": "capacity-block", "committed_chips": 2}})", "/rent/committed_chips: cannot stand beside");
  says(R"({"rent": {"usd_per_chip_hour": 1, "committed_chips": 2, "spot": {}}})", "cannot stand beside \"spot\"");
  says(R"({"own": {"capex_usd_per_chip": 5, "server_share": 0.1}})", "/own/capex_usd_per_chip: is the whole");
  says(R"({"own": {"life_years": 3.5, "tax_rate": 0.2}})", "/own/life_years: 3.5 years are not whole years");
  says(R"({"own": {"interest": 0.1, "wacc": {"equity_share": 1, "cost_of_equity": 0.1, "cost_of_debt": 0}}})",
       "/own/wacc: cannot stand beside interest");
  says(R"({"rent": [{"kind": "spott", "share": 1}]})", "/pools/0/supply/rent/0: no rent of kind \"spott\"");
}
