// Markets from outside: text and books of the shipped scenarios, results files, refusals.
#include <cmath>

#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const fs::path kMarkets = fs::path(TOKENFAB_SOURCE_DIR) / "scenarios/market";

std::string path_of(const std::string& name) { return (kMarkets / (name + ".json")).string(); }

double figure(const json& market, const std::string& section, const std::string& name) {
  for (const json& f : market["figures"])
    if (f["section"] == section && f["name"] == name) return f["value"];
  FAIL("no figure " << section << ": " << name);
  return 0;
}

/// The curves alone: a market that does next to nothing.
const char* kResale = R"({"name": "resale", "market": {"years": 0.02,
  "segments": [{"name": "all", "tokens_per_day": 1e9, "reference_usd_per_mtok": 1, "elasticity": -1}],
  "providers": [{"name": "p", "usd_per_mtok": 0.5, "cash_usd": 1000, "price": {"usd_per_mtok": 1}}]}})";

}  // namespace

TEST_CASE("every shipped market prints its approved text") {
  const Shell tokenfab;
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(kMarkets)) {
    CAPTURE(entry.path());
    const fs::path golden =
        fs::path(TOKENFAB_SOURCE_DIR) / "tests/golden/approved/market" / (entry.path().stem().string() + ".txt");
    const Result r = tokenfab("run " + entry.path().string());
    CHECK(r.code == 0);
    if (std::getenv("TOKENFAB_APPROVE")) std::ofstream(golden) << r.out;
    CHECK(r.out == read_file(golden));
    ++seen;
  }
  CHECK(seen >= 5);
}

TEST_CASE("a market is the same bytes whatever the number of threads, and by spans or single steps") {
  const Shell tokenfab;
  const std::string one = tokenfab("run " + path_of("exchange") + " --json --jobs 1").out;
  CHECK_FALSE(one.empty());
  CHECK(one == tokenfab("run " + path_of("exchange") + " --json --jobs 3 --stepwise").out);
}

TEST_CASE("curves come from the simulator: within the SLO, dearer when idle, never beyond capacity") {
  const Shell tokenfab;
  const json m = tokenfab.parsed("run " + path_of("price-war") + " --json");
  REQUIRE(m["curves"].size() == 3);
  for (const json& curve : m["curves"]) {
    const json& points = curve["points"];
    CHECK(points[0]["tokens_s"] == 0);
    CHECK(points[0]["usd_per_mtok"].is_null());
    for (std::size_t i = 1; i < points.size(); ++i) {
      CHECK(points[i]["attainment"] >= 0.95);
      CHECK(points[i]["busy_share"].get<double>() >= points[i - 1]["busy_share"].get<double>() - 1e-9);
      if (i > 1) CHECK(points[i]["usd_per_mtok"] < points[i - 1]["usd_per_mtok"]);
    }
  }
  double spend = 0, revenue = 0;
  for (const json& s : m["segments"]) spend += s["spend_usd"].get<double>();
  for (const json& p : m["providers"]) {
    revenue += p["revenue_usd"].get<double>();
    CHECK(p["cash_end_usd"].get<double>() ==
          Approx(p["cash_start_usd"].get<double>() + p["revenue_usd"].get<double>() -
                 p["supply_cost_usd"].get<double>() - p["fixed_cost_usd"].get<double>()));
    CHECK((p["exit_h"].is_null()) == (p["cash_end_usd"] >= 0));
  }
  CHECK(spend == Approx(revenue).epsilon(1e-12));
  for (const json& round : m["rounds"]) {
    double share = 0, squares = 0;
    for (const json& p : round["providers"]) {
      share += p["share"].get<double>();
      squares += p["share"].get<double>() * p["share"].get<double>();
    }
    CHECK(share == Approx(1));
    CHECK(round["hhi"].get<double>() == Approx(10'000 * squares));
  }
}

TEST_CASE("the unit cost of a curve's end is rent over throughput, as the threshold says") {
  const Shell tokenfab;
  const json m = tokenfab.parsed("run " + path_of("ten-cents") + " --json --set /market/factories/0/pools/0/supply='" +
                                 R"({"rent":{"usd_per_chip_hour":1.3}})" + "'");
  CHECK(figure(m, "threshold", "throughput needed") == Approx(3611.1111).epsilon(1e-6));
  const double per_chip = figure(m, "threshold", "throughput today");
  CHECK(figure(m, "threshold", "cost today") == Approx(1.3 / per_chip / 3600 * 1e6));
  CHECK(figure(m, "threshold", "years until, cost falling") ==
        Approx(std::log(0.1 / figure(m, "threshold", "cost today")) / std::log(0.5)));
}

TEST_CASE("the long-run floor is capital recovery and electricity over the tokens of an hour") {
  const Shell tokenfab;
  const json m = tokenfab.parsed("run " + path_of("ten-cents") + " --json --set /market/threshold/long_run/supply='" +
                                 R"({"own":{"capex_usd_per_chip":10000,"life_years":4,"interest":0.1,"residual_share":0,
                                     "electricity_usd_per_kwh":0.1},"site":{"pue":1.5}})" +
                                 "'");
  const double mtok = figure(m, "threshold", "throughput today") * 3600 / 1e6;  // per chip-hour
  const double floor = figure(m, "threshold", "long-run floor"), share = figure(m, "threshold", "electricity in it");
  CHECK(floor * (1 - share) == Approx(10'000 * 0.31547080370609765 / 8760 / mtok).epsilon(1e-9));
  const double kw = m["curves"][0]["points"].back()["power_w"].get<double>() / 1000 / 4;
  CHECK(floor * share == Approx(kw * 1.5 * 0.1 / mtok).epsilon(1e-9));
}

TEST_CASE("rebound: spend rises where demand is elastic only") {
  const Shell tokenfab;
  const json m = tokenfab.parsed("run " + path_of("rebound") + " --json");
  const double price = figure(m, "rebound", "price ratio");
  CHECK(price < 1);
  for (const json& r : m["rebound"]) {
    const double e = r["elasticity"];
    CHECK(r["quantity_ratio"].get<double>() == Approx(std::pow(price, e)));
    CHECK((r["spend_ratio"] > 1) == (e < -1));
    CHECK(r["energy_ratio"].get<double>() ==
          Approx(std::pow(price, e) * figure(m, "rebound", "energy per token ratio")));
  }
}

TEST_CASE("pooling pays between regions in reach of each other, and the network bounds it") {
  const Shell tokenfab;
  const std::string run = "run " + path_of("regions") + " --json";
  const json m = tokenfab.parsed(run);
  CHECK(figure(m, "regions", "pooling gain, all regions") > 0.1);
  CHECK(figure(m, "regions", "served away from home") > 0);
  const json far = tokenfab.parsed(run + " --set /market/regions/rtt_ms=[0,2000,2000,2000,0,2000,2000,2000,0]");
  CHECK(figure(far, "regions", "served away from home") == 0);
  CHECK(figure(far, "regions", "pooling gain within reach") == Approx(0).margin(1e-12));
}

TEST_CASE("the exchange's cash is zero in all, to the micro-dollar, by either mechanism") {
  const Shell tokenfab;
  for (const char* mechanism : {"call", "continuous"}) {
    const json m =
        tokenfab.parsed("run " + path_of("exchange") + " --json --set /market/exchange/mechanism=" + mechanism);
    std::int64_t cash = 0, volume = 0;
    for (const json& p : m["exchange"]["participants"]) cash += p["cash_micro_usd"].get<std::int64_t>();
    for (const json& a : m["exchange"]["hours"]) volume += a["volume_lots"].get<std::int64_t>();
    CHECK(cash == 0);
    CHECK(volume > 0);
  }
}

TEST_CASE("results of a market are rows of the results file") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "resale.json") << kResale;
  const json m = tokenfab.parsed("run resale.json --json -o r.db");
  REQUIRE(tokenfab("run resale.json -o r.db").code == 0);
  const std::string query = "sqlite3 '" + (tokenfab.folder / "r.db").string() +
                            "' \"SELECT COUNT(*), SUM(cash_end_micro_usd = cash_start_micro_usd + revenue_micro_usd - "
                            "supply_cost_micro_usd - "
                            "fixed_cost_micro_usd) FROM market JOIN market_provider ON market_id = id\"";
  if (std::system("command -v sqlite3 >/dev/null") != 0) {
    WARN("skipped: sqlite3 is not installed");
    return;
  }
  FILE* pipe = popen(query.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 100> line{};
  REQUIRE(fgets(line.data(), line.size(), pipe) != nullptr);
  pclose(pipe);
  CHECK(std::string(line.data()) == "2|2\n");
  const json p = m["providers"][0];
  CHECK(p["revenue_usd"].get<double>() == Approx(2 * p["supply_cost_usd"].get<double>()));
}

TEST_CASE("mistakes in a market are one line with its place, and other commands say who plays it") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "resale.json") << kResale;
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"/market/providers/0/price/rule=undercutt", "nearest: \"undercut\""},
      {"/market/providers/0/factory=h100", "exactly one of \"factory\" and \"usd_per_mtok\""},
      {"/market/providers/0/cash_usd=-1", "/market/providers/0/cash_usd"},
      {"/market/segments/0/elasticity=1", "/market/segments/0/elasticity"},
      {"/market/segments/0/profile={\"hours\":[1,2]}", "24 factors"},
      {"/market/provider=1", "/market"},
      {"/router=round-robin", "router"},
      {"/market/rebound={\"before\":\"a\"}", "both"},
  };
  for (const auto& [change, text] : mistakes) {
    const Result r = tokenfab("run resale.json --set '" + change + "'");
    CAPTURE(change, r.err);
    CHECK(r.code == 2);
    CHECK_THAT(one_line(r), Catch::Contains(text));
  }
  const Result explained = tokenfab("explain resale.json");
  CHECK(explained.code == 2);
  CHECK_THAT(one_line(explained), Catch::Contains("tokenfab run"));
  const Result slow = tokenfab("run " + path_of("ten-cents") + " --set /slo/ttft_s=0.0001");
  CHECK(slow.code == 3);
  CHECK_THAT(one_line(slow), Catch::Contains("4xH200"));
}
