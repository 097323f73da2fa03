// tokenfab price: plans over stored runs, comparison, price lists, FOCUS rows, budgets, ceilings.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const char* kPriced = R"({"name": "priced", "replications": 3, "workload": {"generate": {"arrivals": {"rate": 4},
  "input_tokens": 300, "output_tokens": {"geometric": 40}, "max_requests": 400,
  "classes": [{"name": "chat", "share": 0.75}, {"name": "batch", "priority": 1, "share": 0.25}]}},
  "plan": {"pay_per_token": {"input": 1, "output": 2}},
  "pools": [{"llm": "llama-3.1-8b", "chip": "l4", "supply": {"rent": {"usd_per_chip_hour": 1.0}}}]})";

const char* kProvisioned = R"({"plan": {"provisioned": {"units": 1, "usd_per_unit_hour": {"none": 5, "1mo": 4},
  "term": "1mo", "tokens_per_s": 500, "weights": {"output": 4}, "overflow": "spill",
  "on_demand": {"input": 1, "output": 2}}}})";

/// A study of three replications in r.db.
struct Priced {
  Shell tokenfab;
  Priced() {
    std::ofstream(tokenfab.folder / "priced.json") << kPriced;
    std::ofstream(tokenfab.folder / "provisioned.json") << kProvisioned;
    REQUIRE(tokenfab("run priced.json --no-bands -o r.db").code == 0);
  }
};

double sum_of(const json& lines, const std::string& key, const std::string& charge = "") {
  double out = 0;
  for (const auto& line : lines)
    if (charge.empty() || line["charge"] == charge) out += line[key].get<double>();
  return out;
}

}  // namespace

TEST_CASE("price shows a bill whose lines are the ledger's revenue") {
  const Priced study;
  const json out = study.tokenfab.parsed("price r.db --json");
  CHECK(out["runs"].size() == 3);
  const double revenue = out["cost"]["plan"]["revenue_usd"];
  CHECK(out["bill"]["usd"].get<double>() == Approx(revenue).epsilon(1e-12));
  CHECK(sum_of(out["bill"]["lines"], "usd") == Approx(revenue).epsilon(1e-12));
  CHECK(out["bill"]["lines"][0]["quantity"].get<double>() == out["tokens"]["input"].get<double>());
}

TEST_CASE("price --plan takes a file or a provider; a tier of its class costs its price") {
  const Priced study;
  const json listed = study.tokenfab.parsed("price r.db --plan groq --json");
  CHECK(
      listed["bill"]["usd"].get<double>() ==
      Approx((0.05 * listed["tokens"]["input"].get<double>() + 0.08 * listed["tokens"]["output"].get<double>()) / 1e6));
  std::ofstream(study.tokenfab.folder / "batch.json")
      << R"({"plan": {"pay_per_token": {"input": 1, "output": 2, "tiers": {"batch": 0.5}, "classes": ["standard", "batch"]}}})";
  const double own = study.tokenfab.parsed("price r.db --json")["bill"]["usd"];
  const double batch = study.tokenfab.parsed("price r.db --plan batch.json --json")["bill"]["usd"];
  CHECK(batch < 0.93 * own);
  CHECK(batch > 0.5 * own);
  const json provisioned = study.tokenfab.parsed("price r.db --plan provisioned.json --json")["bill"];
  CHECK(sum_of(provisioned["lines"], "usd", "purchase") ==
        Approx(sum_of(provisioned["lines"], "effective_usd") - sum_of(provisioned["lines"], "usd", "usage")));
  CHECK_THAT(study.tokenfab("price r.db --plan provisioned.json").out, Catch::Contains("provisioned_unused"));
}

TEST_CASE("price --compare has a row per plan, with the risk of a loss over replications") {
  const Priced study;
  const json rows = study.tokenfab.parsed("price r.db --compare own,groq,provisioned.json --json")["plans"];
  REQUIRE(rows.size() == 3);
  const json runs = study.tokenfab.parsed("price r.db --json")["runs"];
  double revenue = 0;
  for (const auto& run : runs) revenue += run["bill"]["usd"].get<double>() / 3;
  CHECK(rows[0]["revenue_usd"].get<double>() == Approx(revenue));
  CHECK(rows[1]["plan"] == "groq");
  CHECK(rows[1]["loss_risk"]["share"] == 1.0);  // an L4 rented by the hour, at a twentieth of its cost
  CHECK(rows[2]["figures"]["capacity_used"].is_number());
  CHECK_THAT(study.tokenfab("price r.db --compare own,groq").out, Catch::Contains("USD per M tokens"));
}

TEST_CASE("runs of different inputs in one file are columns of their own, whatever their names") {
  const Priced study;
  REQUIRE(study.tokenfab("run priced.json --no-bands -o both.db").code == 0);
  REQUIRE(study.tokenfab("run priced.json --no-bands -o both.db --set /pools/0/chip='\"h100-sxm\"'").code == 0);
  CHECK_THAT(study.tokenfab("price both.db").out, Catch::Contains("(mean of 3)") && Catch::Contains("#2 (mean of 3)"));
  const json rows = study.tokenfab.parsed("price both.db --compare own --json")["plans"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["cost_usd"] != rows[1]["cost_usd"]);
  CHECK(rows[1]["alternative"].get<std::string>().ends_with("#2"));
}

TEST_CASE("price --litellm and --focus") {
  const Priced study;
  std::ofstream(study.tokenfab.folder / "list.json")
      << R"({"m": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}})";
  const json listed = study.tokenfab.parsed("price r.db --litellm list.json --model m --json");
  CHECK(listed["bill"]["usd"] == study.tokenfab.parsed("price r.db --json")["bill"]["usd"]);
  bool sourced = false;
  for (const auto& p : listed["prices"]) sourced = sourced || p["source"] == "list.json (m)";
  CHECK(sourced);
  CHECK(study.tokenfab("price r.db --litellm list.json").code == 2);  // no prices of llama-3.1-8b
  REQUIRE(study.tokenfab("price r.db --plan provisioned.json --focus f.csv --focus-date 2026-11-21").code == 0);
  std::ifstream csv(study.tokenfab.folder / "f.csv");
  std::string header, first;
  std::getline(csv, header);
  std::getline(csv, first);
  CHECK_THAT(header, Catch::Contains("BilledCost,EffectiveCost,ListCost,ContractedCost"));
  CHECK_THAT(first, Catch::Contains("Purchase") && Catch::Contains("2026-11-21T00:00:00Z"));
}

TEST_CASE("price --budget forecasts the month") {
  const Priced study;
  const json b = study.tokenfab.parsed("price r.db --budget 100 --json")["budget"];
  CHECK(b["month_usd"]["middle"].get<double>() > b["spent_usd"].get<double>());
  CHECK(b["alerts"].size() == 3);
  CHECK(study.tokenfab("price r.db --plan provisioned.json --budget 100").code == 2);
}

TEST_CASE("a ceiling on each interaction's spend is kept and reported") {
  const Priced study;
  const std::string run = "run priced.json --no-bands --json --set /spending/max_output_tokens=500 ";
  const json refused = study.tokenfab.parsed(run + "--set /spending/usd_per_interaction=0.0009");
  CHECK(refused["spending"]["refused_share"] == 1.0);  // 300 x $1 + 500 x $2 a million is $0.0013
  const json cut =
      study.tokenfab.parsed(run + "--set /spending/usd_per_interaction=0.0004 --set /spending/over=truncate");
  CHECK(cut["spending"]["refused"] == 0);
  CHECK(cut["spending"]["truncated"].get<int>() > 50);
  CHECK(cut["spending"]["most_usd"].get<double>() <= 0.0004);
  CHECK(study.tokenfab(run + "--set /spending/usd_per_interaction=1 --set /spending/over=downgrade").code == 2);
}

TEST_CASE("what price cannot do is one line and exit 2") {
  const Priced study;
  for (const char* arguments : {"price r.db --plan nobody", "price r.db --plan none.json", "price none.db",
                                "price r.db --compare own --plan groq", "price r.db --litellm none.json",
                                "price r.db --focus f.csv --focus-date soon", "price r.db --budget 0"}) {
    const Result r = study.tokenfab(arguments);
    CAPTURE(arguments, r.err);
    CHECK(r.code == 2);
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  }
}
