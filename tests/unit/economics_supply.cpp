// Supplies and plans as scenarios write them: what is understood, what is assumed, what is refused.
#include <nlohmann/json.hpp>

#include "sim/economics/plans/read_plan.h"
#include "sim/economics/supply.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

struct Read {
  Supply supply;
  std::vector<Assumption> assumptions;

  bool assumes(const std::string& what) const {
    for (const auto& a : assumptions)
      if (a.what == what) return !a.value.empty() && !a.why.empty();
    return false;
  }
};

Read read(const char* supply, const std::string& chip = "h100-sxm") {
  const json pool = {{"supply", json::parse(supply)}};
  Read out;
  out.supply = read_supply(JsonObject(pool, "s.json", "/pools/0"), chip, test::shipped_money(), out.assumptions);
  return out;
}

std::string refusal(const char* supply, const std::string& chip = "h100-sxm") {
  return test::user_error([&] { read(supply, chip); });
}

/// The first of `parts` that the message lacks, with the message; "" where it has them all.
std::string lacks(const std::string& message, const std::vector<std::string>& parts) {
  for (const auto& part : parts)
    if (message.find(part) == std::string::npos) return part + " is not in: " + message;
  return "";
}

TokenPlan read_plan(const char* text, const std::string& llm) {
  const json plan = json::parse(text);
  std::vector<Assumption> assumed;
  const MoneyCatalog money = test::shipped_money();
  const PricePlan read = read_price_plan(JsonObject(plan, "s.json", "/plan"), {llm, money, assumed});
  return std::get<TokenTariff>(read.terms).rates.front().prices;
}

}  // namespace

TEST_CASE("a kind of rent takes the catalogue's default row, and says so") {
  const Read r = read(R"({"rent": "on-demand"})");
  const Rent expected = test::shipped_money().rent("h100-sxm", "on-demand");
  REQUIRE(r.supply.rent);
  CHECK(r.supply.rent->usd_per_chip_hour.value == expected.usd_per_chip_hour.value);
  CHECK(!r.supply.rent->usd_per_chip_hour.as_of.empty());
  CHECK(r.assumes("/pools/0/supply/rent/provider"));
  CHECK(r.assumes("/pools/0/supply/site/pue"));
}

TEST_CASE("no supply at all means rented on demand, as an assumption") {
  const json pool = json::object();
  Read r;
  r.supply = read_supply(JsonObject(pool, "s.json", "/pools/0"), "l4", test::shipped_money(), r.assumptions);
  CHECK(r.supply.rent->kind == "on-demand");
  CHECK(r.assumes("/pools/0/supply/rent"));
}

TEST_CASE("a provider's row and a price of one's own are not assumptions") {
  const Read listed = read(R"({"rent": {"kind": "spot", "provider": "Crusoe"}})");
  CHECK(listed.supply.rent->provider == "Crusoe");
  CHECK(listed.supply.rent->kind == "spot");
  CHECK_FALSE(listed.assumes("/pools/0/supply/rent/provider"));

  const Read own = read(R"({"rent": {"usd_per_chip_hour": 2.5, "source": "our contract", "as_of": "2026-10"}})");
  CHECK(own.supply.rent->usd_per_chip_hour.value == 2.5);
  CHECK(own.supply.rent->usd_per_chip_hour.source == "our contract");
  CHECK_FALSE(own.assumes("/pools/0/supply/rent/provider"));
  CHECK(read(R"({"rent": {"usd_per_chip_hour": 1}})").supply.rent->usd_per_chip_hour.source == "scenario");
}

TEST_CASE("owned chips: given figures are kept, the others are assumptions with a source") {
  const Read r = read(R"({"own": {"capex_usd_per_chip": 40000, "interest": 0}})");
  REQUIRE(r.supply.owned);
  CHECK(r.supply.owned->capex_usd_per_chip.value == 40'000);
  CHECK(r.supply.owned->capex_usd_per_chip.source == "scenario");
  CHECK(r.supply.owned->interest.value == 0);
  CHECK_FALSE(r.assumes("/pools/0/supply/own/interest"));
  for (const char* key : {"life_years", "residual_share", "electricity_usd_per_kwh", "hosting_usd_per_kw_month",
                          "provisioned_kw_per_chip"})
    CHECK(r.assumes(std::string("/pools/0/supply/own/") + key));
}

TEST_CASE("a site is a name, or figures of one's own on top of a name") {
  CHECK(read(R"({"rent": "on-demand", "site": "france"})").supply.site.grid_gco2e_per_kwh.value ==
        test::shipped_money().site("france", "h100-sxm").grid_gco2e_per_kwh.value);
  const Read r = read(R"({"rent": "on-demand", "site": {"like": "france", "pue": 1.05}})");
  CHECK(r.supply.site.pue.value == 1.05);
  CHECK(r.assumes("/pools/0/supply/site/grid_gco2e_per_kwh"));
  CHECK_FALSE(r.assumes("/pools/0/supply/site/pue"));
  CHECK(read(R"({"own": {}, "site": "us-iowa"})").supply.owned->electricity_usd_per_kwh.value ==
        test::shipped_money().owned("h100-sxm", "us-iowa").electricity_usd_per_kwh.value);
}

TEST_CASE("what is unknown is refused in one line, with what is known and the nearest name") {
  CHECK(lacks(refusal(R"({"rent": "spott"})", "l4"),
              {"s.json: /pools/0/supply/rent: no rent of kind \"spott\" is known for l4; known: on-demand, spot",
               "(nearest: \"spot\")", "give /supply/rent/usd_per_chip_hour"}) == "");
  CHECK(lacks(refusal(R"({"rent": {"provider": "CoreWeav"}})"), {"(nearest: \"CoreWeave\")"}) == "");
  CHECK(lacks(refusal(R"({"rent": "on-demand"})", "abacus"), {"is known for abacus; none is"}) == "");
  CHECK(lacks(refusal(R"({"rent": "on-demand", "site": "frnce"})"),
              {"/pools/0/supply/site: no site \"frnce\"", "(nearest: \"france\")"}) == "");
  CHECK(lacks(refusal(R"({"own": {}})", "l4"), {"/own/capex_usd_per_chip: is missing", "l4"}) == "");
  CHECK(lacks(refusal(R"({"own": {}, "site": "france"})"), {"/own/electricity_usd_per_kwh: is missing", "france"}) ==
        "");
}

TEST_CASE("malformed supplies are refused at their place") {
  CHECK(lacks(refusal(R"({})"), {"/pools/0/supply: needs exactly one of \"rent\" and \"own\""}) == "");
  CHECK(lacks(refusal(R"({"rent": "spot", "own": {}})"), {"exactly one"}) == "");
  CHECK(lacks(refusal(R"({"rent": 2.5})"), {"/pools/0/supply/rent: 2.5 is not an object"}) == "");
  CHECK(lacks(refusal(R"({"rent": {"usd_per_hour": 2.5}})"), {"unknown key"}) == "");
  CHECK(lacks(refusal(R"({"rent": {"usd_per_chip_hour": -1}})"), {"out of range"}) == "");
  CHECK(lacks(refusal(R"({"rent": "on-demand", "region": "eu"})"), {"/region: unknown key"}) == "");
  CHECK(lacks(refusal(R"({"own": {"life_years": 0}})"), {"/life_years: 0 is out of range"}) == "");
  CHECK(lacks(refusal(R"({"own": {"residual_share": 30}})"), {"allowed: 0 to 1"}) == "");
  CHECK(lacks(refusal(R"({"rent": "on-demand", "site": {"pue": 0.9}})"), {"/site/pue: 0.9 is out of range"}) == "");
  CHECK(lacks(refusal(R"({"rent": "on-demand", "site": 5})"), {"/site: 5 is not an object"}) == "");
}

TEST_CASE("token plans: figures, a provider's list, and what cached input costs without a price") {
  const TokenPlan full = read_plan(R"({"pay_per_token": {"input": 0.88, "cached_input": 0.44, "output": 0.9}})", "x");
  CHECK(full.input.value == 0.88);
  CHECK(full.cached_input.value == 0.44);
  CHECK(full.output.value == 0.9);
  CHECK(full.input.source == "scenario");
  const TokenPlan plain = read_plan(R"({"pay_per_token": {"input": 1, "output": 2}})", "x");
  CHECK(plain.cached_input.value == 1);
  CHECK(lacks(plain.cached_input.source, {"no price of cached input"}) == "");

  const TokenPlan listed = read_plan(R"({"pay_per_token": "deepseek"})", "deepseek-v3");
  CHECK(listed.cached_input.value < listed.input.value);
  CHECK(!listed.output.as_of.empty());
  CHECK(lacks(test::user_error([] { read_plan(R"({"pay_per_token": "deepsek"})", "deepseek-v3"); }),
              {"s.json: /plan/pay_per_token: no token price of \"deepsek\" is known for deepseek-v3",
               "(nearest: \"deepseek\")"}) == "");
  CHECK(lacks(test::user_error([] { read_plan(R"({"pay_per_token": {"input": 1}})", "x"); }),
              {"/plan/pay_per_token/output: is missing"}) == "");
  CHECK(lacks(test::user_error([] { read_plan(R"({"pay_per_token": {"input": 1, "output": 1, "in": 1}})", "x"); }),
              {"unknown key"}) == "");
}
