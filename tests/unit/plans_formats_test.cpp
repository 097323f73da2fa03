// Price lists in LiteLLM's shape, bills in FOCUS' columns, monthly budgets.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "sim/economics/budget.h"
#include "sim/economics/plans/focus.h"
#include "sim/economics/plans/litellm.h"
#include "tests/catch.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;
using test::cell;
using test::metered_run;
using test::plan;
using test::price;

namespace {

constexpr const char* kList = R"({
  "tiered": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 2.5e-07,
    "input_cost_per_token_above_272k_tokens": 5e-06, "output_cost_per_token_above_272k_tokens": 2.25e-05,
    "input_cost_per_token_batches": 1.25e-06, "output_cost_per_token_batches": 7.5e-06,
    "input_cost_per_token_priority": 5e-06, "output_cost_per_token_priority": 3e-05,
    "cache_read_input_token_cost_priority": 5e-07, "litellm_provider": "someone", "max_tokens": 1000,
    "cache_creation_input_token_cost_above_1hr": 1e-5},
  "writes": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06},
  "odd": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06, "input_cost_per_token_above_64k_tokens": 2e-06},
  "pictures": {"input_cost_per_image": 0.1}})";

/// A file that lives as long as this.
class TempFile {
 public:
  explicit TempFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("tokenfab_prices_" + std::to_string(::getpid()) + ".json")) {
    std::ofstream(path_) << text;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (const char c : row) {
    if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) out.emplace_back();
    else if (c != '\r') out.back() += c;
  }
  return out;
}

std::string whole_csv(const FocusCharge& charge) { return std::string(focus_header()) + focus_csv(charge); }

using Row = std::map<std::string, std::string>;
std::vector<Row> parse_csv(const std::string& text) {
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  const auto names = split(line);
  std::vector<Row> out;
  while (std::getline(in, line)) {
    const auto fields = split(line);
    REQUIRE(fields.size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) (i == 0 ? out.emplace_back() : out.back())[names[i]] = fields[i];
  }
  return out;
}

/// Spend that comes in bursts: a two-state Markov chain with gamma amounts.
std::vector<double> bursts(RandomStream& random, std::size_t bins) {
  std::vector<double> out;
  bool high = random.below(4) == 0;
  for (std::size_t i = 0; i < bins; ++i) {
    if (random.uniform() < (high ? 0.25 : 0.08)) high = !high;
    out.push_back((high ? 12 : 1) * random.gamma(2));
  }
  return out;
}

}  // namespace

TEST_CASE("a list in LiteLLM's shape becomes a tariff with tiers, long prompts and its source") {
  const TempFile file(kList);
  TokenTariff t = litellm_tariff(file.path(), "tiered", "2026-07-24");
  t.tier_of_class = {"standard", "batch", "priority", "flex"};
  const auto rates = [&](int priority, std::int64_t prompt) {
    MeteredTokens used;
    used.priority = priority;
    used.bracket = meter_bracket(prompt);
    const TokenPlan& p = rates_for(t, used).prices;
    return std::vector<double>{p.input.value, p.cached_input.value, p.output.value};
  };
  const auto close = [](const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < 3; ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12));
  };
  close(rates(0, 1000), {2.5, 0.25, 15});
  close(rates(0, 272'001), {5, 0.25, 22.5});
  close(rates(1, 1000), {1.25, 0.25, 7.5});
  close(rates(2, 1000), {5, 0.5, 30});
  CHECK(t.rates.front().prices.input.source == file.path() + " (tiered)");
  CHECK(t.rates.front().prices.input.as_of == "2026-07-24");
  TokenTariff writes = litellm_tariff(file.path(), "writes", "2026");
  writes.cache_write_share = 12'304.0 / 12'307;
  CHECK(bill_of({"p", writes}, metered_run({cell(0, 12'307, 0, 550)}, 1)).usd == Approx(0.054399).epsilon(1e-12));
}

TEST_CASE("what a price list lacks is said in one line") {
  const TempFile file(kList);
  const auto error = [&](const std::string& model) {
    return test::user_error([&] { litellm_tariff(file.path(), model, "2026"); });
  };
  CHECK(error("tierd") == file.path() + ": holds no prices of \"tierd\" (nearest: \"tiered\"); choose with --model");
  CHECK_THAT(error("pictures"), Catch::Contains("/pictures/input_cost_per_token"));
  CHECK_THAT(error("odd"), Catch::Contains("/odd/input_cost_per_token_above_64k_tokens"));
}

TEST_CASE("FOCUS rows: billed costs are the bill, and each commitment's effective cost is its purchase") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::images);
    const RunRecord r = metered_run(test::random_cells(random, 40, 20), 10);
    Provisioned t;
    t.units = 1 + random.uniform();
    t.usd_per_unit_hour = price(40 * random.uniform());
    t.usd_without_term = price(50);
    t.tokens_per_s = 3000 * random.uniform();
    t.on_demand = flat_tariff(plan(1, 0.5, 2));
    const std::vector<PricePlan> plans = {{"p", t},
                                          {"s", Subscription{3, price(20), 1e9 * random.uniform(), price(2)}}};
    for (const PricePlan& p : plans) {
      const Bill bill = bill_of(p, r);
      double billed = 0, purchased = 0, effective = 0;
      for (const Row& row : parse_csv(whole_csv({&bill, "a, \"b\"", "llm", "2026-01-01T00:00:00Z", "x"}))) {
        billed += std::stod(row.at("BilledCost"));
        if (row.at("CommitmentDiscountId").empty()) continue;
        (row.at("ChargeCategory") == "Purchase" ? purchased : effective) +=
            std::stod(row.at(row.at("ChargeCategory") == "Purchase" ? "BilledCost" : "EffectiveCost"));
        CHECK(row.at("CommitmentDiscountStatus").empty() == (row.at("ChargeCategory") == "Purchase"));
        CHECK(row.at("ConsumedQuantity").empty() == (row.at("CommitmentDiscountStatus") != "Used"));
      }
      CAPTURE(seed);
      CHECK(billed == Approx(bill.usd).epsilon(1e-9));
      CHECK(effective == Approx(purchased).epsilon(1e-9));
    }
  }
}

TEST_CASE("FOCUS rows of plain usage: list, contracted, billed and effective cost agree, but for volume discounts") {
  TokenTariff t = flat_tariff(plan(1, 1, 1));
  t.volume = {{0, 0.75}};
  const RunRecord r = metered_run({cell(0, 3'000'000, 0, 1'000'000)}, 1);
  const Bill bill = bill_of({"p", t}, r);
  const auto rows = parse_csv(whole_csv({&bill, "run", "llm", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"}));
  REQUIRE(rows.size() == 3);
  CHECK(std::stod(rows[0].at("ListCost")) == Approx(3));
  for (const char* cost : {"ContractedCost", "BilledCost", "EffectiveCost"})
    CHECK(std::stod(rows[0].at(cost)) == Approx(2.25));
  CHECK(rows[0].at("PricingCategory") == "Standard");
  CHECK(rows[0].at("ConsumedUnit") == "tokens");
  CHECK(std::stod(rows[0].at("ConsumedQuantity")) == 3e6);
}

TEST_CASE("times of the clock as UTC") {
  CHECK(utc_time("1970-01-01", 0) == "1970-01-01T00:00:00Z");
  CHECK(utc_time("2026-02-28", 86'400 + 3'661.9) == "2026-03-01T01:01:01Z");
  for (const char* bad : {"2026-13-01", "2026-1-1", "today", "2026-02-30", "2026-01-01x"})
    CHECK_THROWS_AS(utc_time(bad, 0), UserError);
}

namespace {

/// How often the forecast from `days` days holds the month's true sum, of those that have a band, and how many have.
struct Coverage {
  double held = 0, banded = 0;
};

template <class Series>
Coverage coverage(std::size_t days, Series series) {
  constexpr int kTries = 1000;
  constexpr std::size_t kMonth = 2920;
  int held = 0, banded = 0;
  for (int i = 0; i < kTries; ++i) {
    RandomStream random(static_cast<std::uint64_t>(i) + 1, 0, StreamPurpose::jitter);
    const std::vector<double> all = series(random, kMonth);
    double truth = 0;
    for (const double x : all) truth += x;
    const MonthForecast f = forecast_month(std::span(all).first(days * 96));
    banded += f.why_no_band.empty();
    held += f.why_no_band.empty() && f.low <= truth && truth <= f.high;
  }
  return {banded > 0 ? static_cast<double>(held) / banded : 0, static_cast<double>(banded) / kTries};
}

}  // namespace

TEST_CASE("a month's forecast holds the truth nine times of ten, or has no band") {
  const auto steady = [](RandomStream& random, std::size_t n) {
    std::vector<double> out(n);
    for (double& x : out) x = -std::log(1 - random.uniform());
    return out;
  };
  const auto bursty = [](RandomStream& random, std::size_t n) { return bursts(random, n); };
  const auto daily = [](RandomStream& random, std::size_t n) {  // nights are quiet
    std::vector<double> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = (i % 96 < 32 ? 0.1 : 1.0) * (0.5 + random.uniform());
    return out;
  };
  const auto rising = [](RandomStream& random, std::size_t n) {
    std::vector<double> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = (1 + 0.001 * static_cast<double>(i)) * (0.5 + random.uniform());
    return out;
  };
  for (const std::size_t days : {std::size_t{7}, std::size_t{14}, std::size_t{21}}) {
    CAPTURE(days);
    for (const Coverage c : {coverage(days, steady), coverage(days, bursty), coverage(days, daily)}) {
      CHECK(c.held == Approx(0.9).margin(0.05));
      CHECK(c.banded > 0.8);
    }
    CHECK(coverage(days, rising).banded < 0.02);
  }
  CHECK(coverage(6, steady).banded == 0);
}

TEST_CASE("a budget: alerts at the quarter of an hour that reaches them, the cap by the mean rate") {
  std::vector<MeterCell> cells;
  for (int bin = 0; bin < 40; ++bin) cells.push_back(cell(bin, 1'000'000, 0, 0));  // $1 each
  const RunRecord r = metered_run(cells, 10);
  const std::vector<double> shares = {0.5, 0.8, 1};
  BudgetReport b = judge_budget(30, shares, plan(1, 1, 1), r);
  CHECK(b.spent_usd == Approx(40));
  REQUIRE(b.alerts.size() == 3);
  CHECK(b.alerts[0].hours == Approx(3.75));
  CHECK(b.alerts[1].hours == Approx(6));
  CHECK(b.alerts[2].hours == Approx(7.5));
  CHECK(b.cap_hours == Approx(7.5));
  b = judge_budget(1000, shares, plan(1, 1, 1), r);
  CHECK_FALSE(b.alerts[0].hours);
  CHECK(b.cap_hours == Approx(250));
  CHECK(b.month.middle == Approx(2920));
  CHECK(std::isnan(b.month.low));  // ten hours tell nothing of days
  CHECK_THAT(b.month.why_no_band, Catch::Contains("7 whole days"));
  // A run of a minute: the same rate on.
  const RunRecord minute = metered_run({cell(0, 100'000, 0, 0)}, 1.0 / 60);
  CHECK(judge_budget(1000, shares, plan(1, 1, 1), minute).month.middle == Approx(0.1 * 60 * 730).epsilon(1e-9));
  CHECK_FALSE(judge_budget(3000, shares, plan(1, 1, 1), r).cap_hours);
  CHECK_THROWS_AS(judge_budget(1, shares, {"p", FixedOutput{}}, r), UserError);
}
