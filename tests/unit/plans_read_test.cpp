// "plan" of a scenario: loader and schema agree, errors name the place.
#include "sim/economics/plans/read_plan.h"
#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;
using nlohmann::json;
using test::cell;
using test::metered_run;

namespace {

/// The schema's verdict on a scenario with this plan.
bool schema_accepts(const json& plan) {
  const json scenario = {{"workload", {{"use", "azure-conv-2023"}}},
                         {"plan", plan},
                         {"pools", {{{"llm", "llama-3.1-8b"}, {"chip", "h100-sxm"}}}}};
  return testing::schema_accepts(TOKENFAB_SOURCE_DIR "/scenarios/schema/scenario.schema.json", scenario);
}

PricePlan read(const json& plan, const std::string& llm = "deepseek-r1") {
  static const MoneyCatalog money = test::shipped_money();
  std::vector<Assumption> assumed;
  return read_price_plan(JsonObject(plan, "s.json", "/plan"), {llm, money, assumed});
}

std::string error(const json& plan) {
  return test::user_error([&] { read(plan); });
}

double usd(const json& plan, std::int64_t input, std::int64_t output, std::int64_t bin = 0, int priority = 0) {
  return bill_of(read(plan), metered_run({cell(bin, input, 0, output, priority, meter_bracket(input))}, 24)).usd;
}

}  // namespace

TEST_CASE("every kind of plan is read, and its schema accepts it") {
  const json tokens = {{"pay_per_token", {{"input", 1}, {"output", 2}}}};
  const json sla = {{{"objective", "good"}, {"at_least", 0.95}, {"credit", 0.1}}};
  const std::vector<json> plans = {
      tokens,
      {{"pay_per_token", "deepseek"}, {"name", "list"}, {"sla", sla}},
      {{"pay_per_token", {{"provider", "openai"}, {"llm", "gpt-4o"}, {"classes", {"standard", "batch"}}}}},
      {{"gpu_second", {{"usd_per_second", 0.00012}, {"boot_s", 30}, {"charged", "paid"}}}},
      {{"gpu_second", {{"usd_per_hour", 2.5}}}},
      {{"gpu_second", {{"provider", "replicate"}, {"item", "h100"}}}},
      {{"provisioned",
        {{"provider", "bedrock"},
         {"item", "cohere.command-text-v14"},
         {"term", "1mo"},
         {"units", 1},
         {"tokens_per_s", 1e4},
         {"overflow", "reject"}}}},
      {{"provisioned",
        {{"units", 2},
         {"usd_per_unit_hour", {{"none", 49}, {"1mo", 39.6}}},
         {"term", "1mo"},
         {"tokens_per_minute", 1e6},
         {"weights", {{"output", 4}}},
         {"overflow", "spill"},
         {"on_demand", {{"input", 1}, {"output", 2}}}}}},
      {{"provisioned", {{"units", 2}, {"usd_per_unit_hour", 5}, {"tokens_per_s", 1e4}, {"overflow", "reject"}}}},
      {{"subscription",
        {{"users", 10}, {"usd_per_user_month", 20}, {"included_tokens", 1e6}, {"overage_usd_per_mtok", 2}}}},
      {{"token_pools", {{"usd_per_pool", 20}, {"tokens_per_pool", 1e7}, {"least_pools", 2}}}},
      {{"unlimited",
        {{"users", 10}, {"usd_per_user_month", 20}, {"usage", {{"pareto_alpha", 1.5}}}, {"selection", 0.2}}}},
      {{"unlimited", {{"users", 10}, {"usd_per_user_month", 20}, {"usage", {{"lognormal_sigma", 1.5}}}}}},
      {{"revenue_share", {{"share", 0.2}, {"of", tokens}}}},
      {{"free_tier", {{"conversion", 0.05}, {"free_usage", 0.3}, {"paid", tokens}}}},
      {{"fixed_output", {{"usd_per_mtok", 3}}}},
      {{"fixed_output", {{"usd_per_request", 0.01}}}},
  };
  for (const json& plan : plans) {
    CAPTURE(plan.dump());
    CHECK(error(plan).empty());
    CHECK(schema_accepts(plan));
  }
}

TEST_CASE("schema and loader refuse the same mistakes, and the loader says where") {
  const auto tokens = [](json more) {
    json plan = {{"pay_per_token", {{"input", 1}, {"output", 2}}}};
    plan["pay_per_token"].update(more);
    return plan;
  };
  const std::vector<std::pair<json, std::string>> list = {
      {json::object(), "/plan: needs one of fixed_output, free_tier"},
      {{{"pay_per_tokens", "x"}}, "/plan/pay_per_tokens"},
      {{{"pay_per_token", "deepseek"}, {"fixed_output", {{"usd_per_mtok", 1}}}}, "a plan is of one kind"},
      {tokens({{"per", "1k"}}), "/plan/pay_per_token/per"},
      {tokens({{"context", {{{"above", 64000}, {"input", 1}, {"output", 1}}}}}), "/plan/pay_per_token/context/0/above"},
      {tokens({{"off_peak", {{"from", "16:20"}, {"to", "00:30"}, {"input", 1}, {"output", 1}}}}), "/off_peak/from"},
      {tokens({{"off_peak", {{"from", "16:30"}, {"to", "24:30"}, {"input", 1}, {"output", 1}}}}), "/off_peak/to"},
      {tokens({{"cached", 1}}), "/plan/pay_per_token/cached"},
      {{{"gpu_second", {{"boot_s", 1}}}}, "needs exactly one of"},
      {{{"provisioned", {{"units", 1}, {"usd_per_unit_hour", 5}, {"tokens_per_s", 1}, {"overflow", "queue"}}}},
       "/overflow"},
      {{{"unlimited", {{"users", 10}, {"usd_per_user_month", 20}, {"usage", json::object()}}}},
       "/plan/unlimited/usage"},
      {{{"fixed_output", {{"usd_per_token", 1}}}}, "/plan/fixed_output"},
      {{{"pay_per_token", "deepseek"}, {"sla", {{{"objective", "latency"}, {"at_least", 1}, {"credit", 1}}}}},
       "/plan/sla/0/objective"},
  };
  for (const auto& [plan, place] : list) {
    CAPTURE(plan.dump());
    CHECK_THAT(error(plan), Catch::Contains(place));
    CHECK_FALSE(schema_accepts(plan));
  }
  // Beyond a schema:
  CHECK_THAT(error(tokens({{"classes", {"standard", "bach"}}, {"tiers", {{"batch", 0.5}}}})),
             Catch::Contains("nearest: \"batch\""));
  CHECK_THAT(error(tokens({{"cache_write_share", 0.5}})), Catch::Contains("/cache_write_share"));
  CHECK_THAT(error({{"pay_per_token", {{"provider", "deepseek"}, {"as_of", "2020"}}}}), Catch::Contains("of 2020"));
  CHECK_THAT(error({{"pay_per_token", "deepsek"}}), Catch::Contains("nearest: \"deepseek\""));
}

TEST_CASE("capacity is priced from the catalogue, by term") {
  const auto provisioned = [](const char* term) {
    return json{{"provisioned",
                 {{"provider", "bedrock"},
                  {"item", "cohere.command-text-v14"},
                  {"term", term},
                  {"units", 1},
                  {"tokens_per_s", 1e4},
                  {"overflow", "reject"}}}};
  };
  CHECK(bill_of(read(provisioned("1mo")), metered_run({}, 31 * 24)).usd == Approx(29'462.40).epsilon(1e-12));
  CHECK(bill_of(read(provisioned("6mo")), metered_run({}, 1)).usd == Approx(23.77));
  CHECK_THAT(error(provisioned("3mo")), Catch::Contains("/plan/provisioned/term"));
  CHECK_THAT(error({{"gpu_second", {{"provider", "replicate"}, {"item", "h101"}}}}),
             Catch::Contains("nearest: \"replicate h100\""));
}

TEST_CASE("prices per thousand and per million are one tariff") {
  const json per_million = {{"pay_per_token", {{"input", 0.55}, {"output", 2.19}}}};
  const json per_thousand = {{"pay_per_token", {{"input", 0.00055}, {"output", 0.00219}, {"per", "1K"}}}};
  CHECK(usd(per_million, 1'234'567, 89'012) == Approx(usd(per_thousand, 1'234'567, 89'012)).epsilon(1e-12));
}

TEST_CASE("DeepSeek's list has its off-peak window; the clock's start moves it") {
  CHECK(usd({{"pay_per_token", "deepseek"}}, 1'000'000, 0, 40) == Approx(0.55));  // 10:00
  CHECK(usd({{"pay_per_token", "deepseek"}}, 1'000'000, 0, 70) == Approx(0.135));
  const json shifted = {{"pay_per_token", {{"provider", "deepseek"}, {"clock_start_utc", "16:30"}}}};
  CHECK(usd(shifted, 1'000'000, 0, 0) == Approx(0.135));
  CHECK(usd(shifted, 1'000'000, 0, 32) == Approx(0.55));
}

TEST_CASE("listed tiers and long-prompt prices apply by class and prompt") {
  const json plan = {
      {"pay_per_token", {{"provider", "openai"}, {"llm", "gpt-5.4"}, {"classes", {"standard", "flex"}}}}};
  CHECK(usd(plan, 100'000, 0) == Approx(0.25));
  CHECK(usd(plan, 300'000, 0) == Approx(1.5));
  CHECK(usd(plan, 100'000, 0, 0, 1) == Approx(0.125));
}

TEST_CASE("the latest list is the default, and others are chosen by date") {
  const MoneyCatalog money = test::shipped_money();
  CHECK(money.plan("llama-3.1-70b", "bedrock").input.value == 0.72);
  CHECK(money.tariff("llama-3.1-70b", "bedrock", "2024-11-08").rates.front().prices.input.value == 0.99);
  for (const char* provider : {"together", "fireworks", "groq", "deepseek", "bedrock", "vertex", "azure", "openai",
                               "anthropic", "sambanova", "cerebras", "replicate", "databricks"}) {
    CAPTURE(provider);
    const auto rows = money.rows();
    CHECK(std::any_of(rows.begin(), rows.end(), [&](const PriceRow& row) { return row.provider == provider; }));
  }
}
