// The shipped providers: each runs, and states its profit and loss on prices with source and date.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

TEST_CASE("every provider's scenario states a profit and loss that follows from its bill and its dated prices") {
  const Shell tokenfab;
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(TOKENFAB_SOURCE_DIR) / "scenarios/providers")) {
    CAPTURE(entry.path());
    const bool generated = entry.path().stem() == "deepseek";
    const json out = tokenfab.parsed("run " + entry.path().string() + " --no-bands --json --set " +
                                     (generated ? "/workload/generate/duration_s=60" : "/workload/max_requests=400"));
    REQUIRE(out.contains("pnl"));
    const json& pnl = out["pnl"];
    // Of the month: a boot or a block is paid once in it, and its off-peak hours are in it.
    const double revenue = pnl["per_month"]["revenue_usd"], cogs = pnl["per_month"]["cogs_usd"];
    const double tokens =
        (out["tokens"]["input"].get<double>() + out["tokens"]["output"].get<double>()) / pnl["months"].get<double>();
    CHECK(pnl["cogs_usd"].get<double>() >= out["cost"]["usd_total"].get<double>() * (1 - 1e-9));
    CHECK(pnl["gross_margin"].get<double>() == Approx(1 - cogs / revenue).epsilon(1e-9));
    CHECK(pnl["markup"].get<double>() == Approx(revenue / cogs - 1).epsilon(1e-9));
    CHECK(pnl["subsidy_usd_per_mtok"].get<double>() == Approx((cogs - revenue) / tokens * 1e6).epsilon(1e-9));
    CHECK(pnl["loss_leader"] == (cogs > revenue));
    for (const json& price : out["prices"]) CHECK(!price["source"].get<std::string>().empty());
    ++seen;
  }
  CHECK(seen == 18);
}
