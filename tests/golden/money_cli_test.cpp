// Money from outside: splits of the bill, both bases, carbon and declared quality, as the tool prints and stores them.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const char* kFactory = R"({"name": "money", "quality": {"success_rate": 0.8, "usd_per_failure": 2},
  "workload": {"generate": {"arrivals": {"rate": 4}, "input_tokens": 300, "output_tokens": {"geometric": 40},
               "max_requests": 200}},
  "plan": {"pay_per_token": {"input": 1, "cached_input": 0.5, "output": 4}},
  "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm", "supply": {"site": "google-us", "rent":
      [{"usd_per_chip_hour": 2, "committed_chips": 3, "kind": "reserved-1y"}, {"kind": "spot", "share": 1}]}}]})";

double usd(const json& price, double tokens) { return price.is_null() ? 0 : price.get<double>() * tokens / 1e6; }

json factory_run(const Shell& tokenfab, const std::string& arguments) {
  std::ofstream(tokenfab.folder / "s.json") << kFactory;
  return tokenfab.parsed("run s.json --json --no-bands " + arguments);
}

}  // namespace

TEST_CASE("run --json splits the bill by four methods, each of which adds up to it") {
  const Shell tokenfab;
  const json out = factory_run(tokenfab, "");
  const double cached = out["tokens"]["cached"], in = out["tokens"]["input"], made = out["tokens"]["output"];
  REQUIRE(out["cost"]["unit_costs"].size() == 4);
  for (const json& c : out["cost"]["unit_costs"]) {
    CAPTURE(c.dump());
    CHECK(usd(c["usd_per_mtok_input"], in - cached) + usd(c["usd_per_mtok_cached_input"], cached) +
              usd(c["usd_per_mtok_output"], made) ==
          Approx(out["cost"]["usd_total"].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("a commitment larger than the fleet shows what it leaves unused, and a task pays for its failures") {
  const Shell tokenfab;
  const json out = factory_run(tokenfab, "");
  const double hours = out["makespan_s"].get<double>() / 3600, total = out["cost"]["usd_total"];
  CHECK(total == Approx(3 * 2 * hours).epsilon(1e-9));  // one chip held of three committed
  CHECK(out["cost"]["usd_unused"].get<double>() == Approx(2 * 2 * hours).epsilon(1e-9));
  const double a_try = total / out["requests"]["served"].get<double>();
  CHECK(out["cost"]["task"]["usd_per_solved_task"].get<double>() == Approx((a_try + 0.2 * 2) / 0.8).epsilon(1e-9));
}

TEST_CASE("carbon by the grid and by contract, per token and per request; energy per token") {
  const Shell tokenfab;
  const json out = factory_run(tokenfab, ""), &carbon = out["carbon"];
  const double tokens = out["tokens"]["input"].get<double>() + out["tokens"]["output"].get<double>();
  CHECK(carbon["market_g"].get<double>() / carbon["operational_g"].get<double>() == Approx(125 / 383.6).epsilon(1e-9));
  CHECK(carbon["per_mtok"]["market_g"].get<double>() * tokens / 1e6 ==
        Approx(carbon["market_g"].get<double>()).epsilon(1e-9));
  CHECK(carbon["per_request"]["embodied_g"].get<double>() * out["requests"]["served"].get<double>() ==
        Approx(carbon["embodied_g"].get<double>()).epsilon(1e-9));
  CHECK(out["energy"]["kwh_per_mtok"].get<double>() ==
        Approx(out["energy"]["j_per_token"].get<double>() / 3.6).epsilon(1e-12));
  const json dark = factory_run(tokenfab, "--set /pools/0/supply/site='\"france\"'");
  CHECK(dark["carbon"]["market_g"].is_null());
}

TEST_CASE("--bases prices the same factory rented and owned, in run and in price alike") {
  const Shell tokenfab;
  const json out = factory_run(tokenfab, "--bases -o r.db");
  REQUIRE(out["bases"].size() == 2);
  const json &rent = out["bases"][0], &own = out["bases"][1];
  CHECK(rent["basis"] == "rent");
  CHECK(rent["source"] == "scenario");
  CHECK(rent["usd_allocation"] == out["cost"]["usd_total"]);
  CHECK(rent["usd_usage"] == out["cost"]["usd_usage"]);
  CHECK(own["source"] == "catalogue");
  CHECK(own["usd_usage"].is_null());  // no capacity was searched for
  CHECK(tokenfab.parsed("price r.db --json --bases")["bases"] == out["bases"]);
  const json owned = tokenfab.parsed(R"(price r.db --json --set /supply='{"own": {}, "site": "google-us"}')");
  CHECK(owned["cost"]["usd_total"].get<double>() == Approx(own["usd_allocation"].get<double>()).epsilon(1e-12));
  // No price to buy an L4 at is known.
  const json l4 = factory_run(tokenfab, "--bases --set /pools/0/chip='\"l4\"'");
  CHECK(l4["bases"][1]["refused"].get<std::string>().find("/own/capex_usd_per_chip: is missing") != std::string::npos);
}

TEST_CASE("the results file keeps the splits and the details") {
  const Shell tokenfab;
  const json out = factory_run(tokenfab, "-o r.db"), again = tokenfab.parsed("price r.db --json");
  CHECK(again["cost"] == out["cost"]);
  CHECK(again["carbon"] == out["carbon"]);
}
