// tokenfab breakeven and the provider's statement, from outside.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const fs::path kScenarios = fs::path(TOKENFAB_SOURCE_DIR) / "scenarios";
const std::string kMain = (kScenarios / "azure-conv-h100-70b.json").string();
const std::string kProvider = (kScenarios / "provider-70b.json").string();

void approve(const std::string& text, const std::string& name) {
  const fs::path golden = fs::path(TOKENFAB_SOURCE_DIR) / "tests/golden/approved" / (name + ".txt");
  if (std::getenv("TOKENFAB_APPROVE")) std::ofstream(golden) << text;
  CHECK(text == read_file(golden));
}

double number(const json& value) { return value.get<double>(); }

}  // namespace

TEST_CASE("breakeven prints its approved text for a factory and for every customer") {
  const Shell tokenfab;
  approve(tokenfab("breakeven " + kMain).out, "breakeven-azure-conv-h100-70b");
  for (const auto& entry : fs::directory_iterator(kScenarios / "customers")) {
    CAPTURE(entry.path());
    const Result r = tokenfab("breakeven " + entry.path().string());
    CHECK(r.code == 0);
    approve(r.out, "breakeven-customer-" + entry.path().stem().string());
  }
}

TEST_CASE("breakeven --json: price, utilisation and volume hold when put back in") {
  const Shell tokenfab;
  const json out = tokenfab.parsed("breakeven " + kMain + " --json --max-replicas 4");
  REQUIRE(out["alternatives"].size() == 2);
  const json& a = out["alternatives"][0];
  for (const json& item : a["price"]["items"])
    CHECK(number(item["break_even"]) == Approx(number(item["list"]) * number(a["price"]["factor"])).epsilon(1e-12));
  // Sold at the break-even prices, the run has no margin.
  std::string prices;
  for (const json& item : a["price"]["items"]) {
    std::string key = item["item"];
    if (key == "cached input") key = "cached_input";
    prices += " --set /plan/pay_per_token/" + key + "=" + item["break_even"].dump();
  }
  const json run = tokenfab.parsed("run " + kMain + " --no-bands --json" + prices);
  CHECK(number(run["runs"][0]["cost"]["plan"]["margin"]) == Approx(0).margin(1e-9));
  // A replica at the break-even utilisation of its capacity earns what it costs.
  const double earned = number(a["utilisation"]) * number(a["capacity"]["tokens_per_s"]) * 3600 / 1e6 *
                        number(a["price"]["net_usd_per_mtok"]);
  CHECK(earned == Approx(number(a["unit_cost"]["usd_per_hour"])).epsilon(1e-9));
  REQUIRE(!a["volume"]["crossings"].empty());
  const json& first = a["volume"]["crossings"][0];
  CHECK(first["profit_above"] == true);
  CHECK(number(first["usd_per_day"]) == Approx(24 * number(a["unit_cost"]["usd_per_hour"])).epsilon(1e-9));
  for (const char* basis : {"rent", "own", "API"}) CHECK(a["bases"]["months"][0]["usd"].contains(basis));
  CHECK(a["purchase"]["flows_usd"].size() == 5);
}

TEST_CASE("breakeven of a stored run says so, and answers new prices without a simulation") {
  const Shell tokenfab;
  REQUIRE(tokenfab("run " + kProvider + " -o r.db").code == 0);
  const json stored = tokenfab.parsed("breakeven r.db --json")["alternatives"][0];
  const json fresh = tokenfab.parsed("breakeven " + kProvider + " --json")["alternatives"][0];
  CHECK(stored["basis"] == "stored run");
  CHECK(fresh["basis"] == "simulation");
  CHECK(stored["price"]["factor"] == fresh["price"]["factor"]);
  CHECK(number(stored["capacity"]["requests_per_s"]) ==
        Approx(number(fresh["capacity"]["requests_per_s"])).epsilon(1e-12));
  CHECK(number(stored["volume"]["crossings"][0]["tokens_per_day"]) ==
        Approx(number(fresh["volume"]["crossings"][0]["tokens_per_day"])).epsilon(1e-9));
  CHECK(number(fresh["capacity"]["attained"]) >= 0.95);
  CHECK(stored["pnl"] == fresh["pnl"]);
  const json dearer = tokenfab.parsed(
      "breakeven r.db --json --set /pools/0/supply/rent='{\"usd_per_chip_hour\": 1000}'")["alternatives"][0];
  CHECK(dearer["volume"]["crossings"].empty());
  CHECK(dearer["volume"]["profitable_above_tokens_per_day"].is_null());
  CHECK(dearer["utilisation"].is_null());
  CHECK_THAT(tokenfab("breakeven r.db --set /pools/0/supply/rent='{\"usd_per_chip_hour\": 1000}'").out,
             Catch::Contains("unprofitable at every volume"));
  CHECK_THAT(tokenfab("breakeven r.db --release-idle --set /plan/pay_per_token/input=100").out,
             Catch::Contains("paid only while used"));
}

TEST_CASE("a provider's statement is in the run, the file and every new price") {
  const Shell tokenfab;
  const json run = tokenfab.parsed("run " + kProvider + " --no-bands --json -o r.db");
  const json& pnl = run["pnl"];
  CHECK(number(pnl["revenue_usd"]) == Approx(0.9 * number(run["cost"]["plan"]["revenue_usd"])).epsilon(1e-12));
  CHECK(tokenfab.parsed("price r.db --json")["pnl"] == pnl);
  const json paid = tokenfab.parsed("price r.db --json --set /provider/monetised_share=1")["pnl"];
  CHECK(number(paid["revenue_usd"]) == Approx(number(run["cost"]["plan"]["revenue_usd"])).epsilon(1e-12));
  CHECK(paid["per_month"]["fixed_usd"] == pnl["per_month"]["fixed_usd"]);
  const std::string cheap = "price r.db --set /plan='{\"pay_per_token\": {\"input\": 0.01, \"output\": 0.01}}'";
  CHECK_THAT(tokenfab(cheap).out, Catch::Contains("LOSS LEADER") && !Catch::Contains("NEGATIVE CONTRIBUTION"));
  // A year's reservation is owed whatever is sold; rent by the hour is not.
  CHECK_THAT(tokenfab(cheap + " --set /supply/rent='\"on-demand\"'").out, Catch::Contains("NEGATIVE CONTRIBUTION"));
}

TEST_CASE("fixed costs are in the volume, and several pools grow as one factory") {
  const Shell tokenfab;
  const json all = tokenfab.parsed("breakeven " + kProvider + " --json")["alternatives"][0];
  const json none = tokenfab.parsed("breakeven " + kProvider + " --json --set /provider/fixed_usd_per_month='{}'" +
                                    " --set /provider/cogs_usd_per_month='{}'")["alternatives"][0];
  CHECK(number(all["volume"]["profitable_above_tokens_per_day"]) >
        number(none["volume"]["profitable_above_tokens_per_day"]));
  CHECK(none["volume"]["loaded_usd_per_mtok"]["one_unit"] == none["price"]["full_usd_per_mtok"]);
  CHECK(number(all["volume"]["loaded_usd_per_mtok"]["one_unit"]) >
        number(all["volume"]["loaded_usd_per_mtok"]["max_units"]));
  const json split = tokenfab.parsed("breakeven " + (kScenarios / "disaggregated-70b.json").string() + " --json");
  for (const json& a : split["alternatives"]) {
    CHECK(a["unit"] == (a["name"].get<std::string>().find("all") != std::string::npos ? "replica" : "factory"));
    CHECK(number(a["capacity"]["tokens_per_s"]) > 0);
  }
}

TEST_CASE("a scenario says what rent, purchase and API it is compared with") {
  const Shell tokenfab;
  REQUIRE(tokenfab("run " + kProvider + " -o r.db").code == 0);
  const json a = tokenfab.parsed(
      "breakeven r.db --json --set /breakeven='{\"rent\": {\"usd_per_chip_hour\": 3}, "
      "\"own\": {\"capex_usd_per_chip\": 10000, \"hosting_usd_per_kw_month\": 0, "
      "\"electricity_usd_per_kwh\": 0, \"life_years\": 2, \"interest\": 0}, "
      "\"api\": {\"pay_per_token\": {\"input\": 2, \"output\": 2}}}'")["alternatives"][0];
  CHECK(number(a["bases"]["usd_per_unit_hour"]["rent"]["held"]) == Approx(24).epsilon(1e-12));
  CHECK(number(a["bases"]["usd_per_unit_hour"]["own"]["held"]) == Approx(8 * 10'000 / 17'520.0).epsilon(1e-9));
  CHECK(number(a["bases"]["api_usd_per_mtok"]) == Approx(2).epsilon(1e-12));
  CHECK(number(a["purchase"]["npv_usd"]) == Approx(2 * 24 * 8760 - 80'000).epsilon(1e-9));
  CHECK(number(a["purchase"]["payback_years"]) == Approx(80'000.0 / (24 * 8760)).epsilon(1e-9));
  // Rent falls below the API where 24 x 730 hours cost as much as $2 a million.
  const json& all = a["bases"]["crossings"];
  const auto rent_api =
      std::find_if(all.begin(), all.end(), [](const json& c) { return c["first"] == "rent" && c["second"] == "API"; });
  REQUIRE(rent_api != all.end());
  CHECK(number((*rent_api)["tokens_per_month"]) == Approx(24 * 730 / 2.0 * 1e6).epsilon(1e-9));
  CHECK((*rent_api)["first_is_dearer_above"] == false);
}

TEST_CASE("breakeven refuses what it cannot answer, in one line") {
  const Shell tokenfab;
  REQUIRE(tokenfab("run " + kProvider + " --no-bands -o r.db").code == 0);
  const auto fails = [&](const std::string& arguments, const std::string& part) {
    const Result r = tokenfab(arguments);
    CAPTURE(arguments, r.err);
    CHECK(r.code == 2);
    CHECK_THAT(one_line(r), Catch::Contains(part));
  };
  fails("breakeven none.json", "none.json");
  fails("breakeven r.db --seed 3", "finished runs");
  fails("breakeven " + kMain + " --max-replicas 0", "--max-replicas");
  fails("breakeven " + kProvider + " --set /provider/monetized_share=1", "nearest: \"monetised_share\"");
  fails("breakeven " + kProvider + " --release-idle --set /pools/0/supply='{\"own\": {}}'", "owns its chips");
  fails("breakeven " + (kScenarios / "customers/tutor.json").string() + " --set /customer/target='{}'", "exactly one");
  fails("breakeven " + (kScenarios / "customers/tutor.json").string() + " --release-idle", "customer's file");
}
