// Unit economics of those who buy tokens, and of leaving one supplier for another.
#include "sim/economics/customer.h"

#include <cmath>
#include <filesystem>

#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kScenarios = fs::path(TOKENFAB_SOURCE_DIR) / "scenarios";

Customer read(const json& file) {
  const JsonObject top(file, "c.json");
  (void)top.has("$schema");
  Customer c = read_customer(top.object("customer"), test::shipped_money());
  top.finish();
  return c;
}

Customer shipped(const std::string& name) {
  return read(parse_json_file((kScenarios / "customers" / (name + ".json")).string()));
}

double cost_of(const Customer& c, std::size_t plan) { return interaction_usd(c, c.plans.at(plan).plan); }

/// A basis that costs `usd` an interaction, in proportion to its tokens.
std::function<double(double)> linear(double usd) {
  return [usd](double scale) { return usd * scale; };
}

bool schema_accepts(const json& file) {
  return testing::schema_accepts((kScenarios / "schema/customer.schema.json").string(), file);
}

const json kSmall = json::parse(R"({"customer": {"tokens_per_interaction": {"input": 100, "output": 10},
  "interactions_per_month": 10, "users": 2, "revenue_usd_per_month": 5,
  "plans": {"a": {"pay_per_token": {"input": 1, "output": 2}}, "b": {"pay_per_token": {"input": 3, "output": 4}}},
  "target": {"usd_per_interaction": 0.01}, "switching": {"from": "b", "to": "a", "one_off_usd": 5}}})");

}  // namespace

TEST_CASE("5,000 tokens of a support agent: $0.0175 at $3.50 a million, $0.00195 at $0.39") {
  const Customer c = shipped("support-agent");
  // Plans in order of name.
  CHECK(cost_of(c, 0) == Approx(0.00195).epsilon(1e-12));
  CHECK(cost_of(c, 1) == Approx(0.0175).epsilon(1e-12));
  CHECK(solve_target(c, linear(0.0175)).usd_per_mtok == Approx(1).epsilon(1e-12));
  CHECK_FALSE(solve_target(c, linear(0.0175)).met);
  CHECK(solve_target(c, linear(0.00195)).met);
}

TEST_CASE("$5 a month buys 16.7 million output tokens at $0.30 a million") {
  const Customer c = shipped("tutor");
  REQUIRE(c.plans[1].name == "DeepSeek decode cost");
  const TargetSolution s = solve_target(c, linear(cost_of(c, 1)));
  const double per_user = c.interactions_per_month / c.users;
  CHECK(s.output_tokens_per_interaction * per_user == Approx(16'666'666.6667).epsilon(1e-9));
  CHECK(unit_economics(c, s.allowed_token_usd).usd_per_user_month == Approx(5).epsilon(1e-12));
}

TEST_CASE("tokens at $0.39 instead of $3.50 take a service's cost from 35 % of revenue to 3.9 %") {
  const Customer c = shipped("content-writer");
  CHECK(unit_economics(c, cost_of(c, 1)).cogs_share == Approx(0.35).epsilon(1e-12));
  CHECK(unit_economics(c, cost_of(c, 0)).cogs_share == Approx(0.039).epsilon(1e-12));
}

TEST_CASE("a solution of one thing at a time meets the target exactly") {
  for (const json& target : {json{{"usd_per_interaction", 0.0021}}, json{{"usd_per_user_month", 0.02}},
                             json{{"cogs_share", 0.03}}, json{{"saving", {{"share", 0.4}, {"against", "b"}}}}}) {
    json file = kSmall;
    file["customer"]["other_usd_per_interaction"] = 0.0001;
    file["customer"]["target"] = target;
    const Customer c = read(file);
    for (std::size_t plan : {0u, 1u}) {
      CAPTURE(target, plan);
      const TargetSolution s = solve_target(c, linear(cost_of(c, plan)));
      Customer fewer = c;
      fewer.tokens.input *= s.price_factor, fewer.tokens.output *= s.price_factor;
      CHECK(cost_of(fewer, plan) + 0.0001 == Approx(allowed_usd_per_interaction(c)).epsilon(1e-12));
      CHECK(s.met == (s.price_factor >= 1));
      CHECK(fewer.tokens.all() == Approx(s.tokens_per_interaction).epsilon(1e-12));
    }
  }
  json file = kSmall;
  file["customer"]["other_usd_per_interaction"] = 1;
  const Customer c = read(file);
  CHECK_FALSE(solve_target(c, linear(cost_of(c, 0))).met);
  CHECK(std::isnan(solve_target(c, linear(cost_of(c, 0))).price_factor));
}

TEST_CASE("70 % off an API takes 1 / 0.3 of the full cost's share of its price") {
  CHECK(utilisation_for(0.12, 0.3 * 1) == Approx(0.4).epsilon(1e-12));
  CHECK(utilisation_for(0.5, 0.3) > 1);
  CHECK(std::isnan(utilisation_for(0.5, 0)));
}

TEST_CASE("switching: months are cost over saving, and it is worth it where its saving's present value is more") {
  Switch s;
  s.one_off_usd = 12'000;
  s.saving_usd_per_month = 1'000;
  s.horizon_months = 24;
  CHECK(judge_switch(s).break_even_months == Approx(12).epsilon(1e-12));
  CHECK(judge_switch(s).npv_usd == Approx(12'000).epsilon(1e-12));
  s.discount_per_year = 0.2;
  const double rate = std::pow(1.2, 1.0 / 12) - 1;
  CHECK(judge_switch(s).npv_saving_usd == Approx(1'000 * (1 - std::pow(1.2, -2)) / rate).epsilon(1e-9));
  CHECK(judge_switch(s).worth_it);
  s.horizon_months = 12;  // undiscounted just enough, so not discounted
  CHECK_FALSE(judge_switch(s).worth_it);
  CHECK(judge_switch(s).break_even_months == Approx(12).epsilon(1e-12));
}

TEST_CASE("a ramp and dual running put the break-even off by what they cost") {
  Switch s;
  s.one_off_usd = 12'000;
  s.saving_usd_per_month = 1'000;
  s.ramp_months = 3;  // 1/4, 2/4, 3/4 of the saving: 1.5 months lost
  CHECK(judge_switch(s).break_even_months == Approx(13.5).epsilon(1e-12));
  s.dual_run_months = 2;
  s.dual_run_usd_per_month = 500;
  CHECK(judge_switch(s).break_even_months == Approx(14.5).epsilon(1e-12));
  s.saving_usd_per_month = -1;
  CHECK(std::isinf(judge_switch(s).break_even_months));
  CHECK_FALSE(judge_switch(s).worth_it);
}

TEST_CASE("every shipped customer is read and accepted by the schema") {
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(kScenarios / "customers")) {
    CAPTURE(entry.path());
    const json file = parse_json_file(entry.path().string());
    CHECK(schema_accepts(file));
    CHECK_NOTHROW(read(file));
    ++seen;
  }
  CHECK(seen >= 5);
}

TEST_CASE("schema and reader refuse the same mistakes in a customer's file") {
  REQUIRE(schema_accepts(kSmall));
  REQUIRE_NOTHROW(read(kSmall));
  const std::vector<std::pair<std::string, json>> mistakes = {
      {"/customer/user", 3},
      {"/customer/users", -3},
      {"/customer/plans", json::object()},
      {"/customer/plans", 7},
      {"/customer/plans/factory", {{"pay_per_token", {{"input", 1}, {"output", 1}}}}},
      {"/customer/interactions_per_month", 0},
      {"/customer/tokens_per_interaction", {{"input", 5}}},
      {"/customer/target", json::object()},
      {"/customer/target", {{"usd_per_interaction", 1}, {"cogs_share", 1}}},
      {"/customer/target", {{"saving", {{"share", 2}, {"against", "a"}}}}},
      {"/customer/factory", {{"platform_fee_share", 0.1}}},
      {"/customer/switching", {{"from", "a"}, {"to", "b"}}},
      {"/customer/switching/horizon_months", 0}};
  for (const auto& [pointer, value] : mistakes) {
    json file = kSmall;
    file[json::json_pointer(pointer)] = value;
    CAPTURE(pointer, value);
    CHECK_FALSE(schema_accepts(file));
    CHECK_FALSE(test::user_error([&] { read(file); }).empty());
  }
  // What no schema can see.
  for (const auto& [pointer, value] :
       std::vector<std::pair<std::string, json>>{{"/customer/target", {{"saving", {{"share", 0.5}, {"against", "c"}}}}},
                                                 {"/customer/switching/to", "factory"},
                                                 {"/customer/tokens_per_interaction/cached_input", 101},
                                                 {"/customer/plans/a/pay_per_token", "together"}}) {
    json file = kSmall;
    file[json::json_pointer(pointer)] = value;
    CAPTURE(pointer, value);
    CHECK_FALSE(test::user_error([&] { read(file); }).empty());
  }
}
