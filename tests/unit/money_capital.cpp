// Investments: printed worked examples, and laws that hold for any figures.
#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "sim/economics/capital.h"
#include "sim/economics/formulas.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

namespace {

/// An H100 of $30,000 let at $2.00 for 85 % of the hours, at $0.35 an hour of costs, for four years.
std::vector<double> let_chip() {
  const double yearly = (2.00 * 0.85 - 0.35) * kHoursPerYear;
  return {-30'000, yearly, yearly, yearly, yearly};
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

CapitalTerms terms(double interest, double life, double residual, double tax, Depreciation method) {
  CapitalTerms t{interest, life, residual, tax, {}};
  t.depreciation =
      depreciation_schedule(method, static_cast<int>(life), method == Depreciation::macrs_5 ? 0 : residual);
  return t;
}

constexpr Depreciation kMethods[] = {Depreciation::straight_line, Depreciation::double_declining,
                                     Depreciation::macrs_5};

}  // namespace

TEST_CASE("a chip that is let: present value, rate of return and payback as printed") {
  const std::vector<double> flows = let_chip();
  CHECK(flows[1] == Approx(11'826).epsilon(1e-12));
  CHECK(net_present_value(0.10, flows) == Approx(7486.8287685267305).epsilon(1e-9));
  CHECK(internal_rate_of_return(flows) == Approx(0.21077037803348853).epsilon(1e-9));
  CHECK(payback_periods(flows) == Approx(2.536783358701167).epsilon(1e-9));
}

TEST_CASE("the present value is zero at the rate of return, whatever the flows") {
  RandomStream random(1, 0, StreamPurpose::jitter);
  for (int i = 0; i < 500; ++i) {
    std::vector<double> flows = {-1000 * random.uniform()};
    const auto years = 1 + random.below(20);
    for (std::uint64_t y = 0; y < years; ++y) flows.push_back(500 * random.uniform());
    const double rate = internal_rate_of_return(flows);
    CAPTURE(rate, flows);
    CHECK(net_present_value(rate, flows) == Approx(0).margin(1e-9 * -flows[0]));
    std::vector<double> turned = flows;  // the lender's side has the same rate
    for (double& f : turned) f = -f;
    CHECK(internal_rate_of_return(turned) == Approx(rate).epsilon(1e-9).margin(1e-12));
  }
}

TEST_CASE("flows without a single change of sign have no single rate of return") {
  CHECK(test::user_error([] { internal_rate_of_return({-1, -2}); }).find("change sign 0 times") != std::string::npos);
  CHECK(test::user_error([] { internal_rate_of_return({}); }) != "");
  CHECK(test::user_error([] { internal_rate_of_return({-1, 3, -2}); }).find("2 times") != std::string::npos);
  CHECK(internal_rate_of_return({0, -1, 0, 1.21}) == Approx(0.1).epsilon(1e-9));
  CHECK(internal_rate_of_return({-100, 10}) == Approx(-0.9).epsilon(1e-9));
}

TEST_CASE("payback is linear within a year, later when discounted, and may never come") {
  CHECK(payback_periods({-100, 50, 50}) == Approx(2));
  CHECK(payback_periods({-110, 110}, 0.1) == std::numeric_limits<double>::infinity());
  CHECK(payback_periods({-100, 110}, 0.1) == Approx(1));
  CHECK(payback_periods({5, 1}) == 0);
  const std::vector<double> flows = let_chip();
  CHECK(payback_periods(flows, 0.1) > payback_periods(flows));
  // Discounted payback: the first three years return 11,826 x 2.486852 = 29,409.51; 590.49 of the fourth's 8,077.32.
  CHECK(payback_periods(flows, 0.1) == Approx(3.0731).epsilon(1e-4));
  CHECK(payback_periods({-1, 0.5, 0.4}) == std::numeric_limits<double>::infinity());
}

TEST_CASE("depreciation schedules as printed, five years of 100") {
  const std::vector<double> declining = depreciation_schedule(Depreciation::double_declining, 5, 0);
  const std::vector<double> macrs = depreciation_schedule(Depreciation::macrs_5, 5, 0);
  const std::vector<double> ddb = {40, 24, 14.4, 10.8, 10.8}, irs = {20, 32, 19.2, 11.52, 11.52, 5.76};
  REQUIRE(declining.size() == ddb.size());
  for (std::size_t i = 0; i < ddb.size(); ++i) CHECK(100 * declining[i] == Approx(ddb[i]).epsilon(1e-12));
  REQUIRE(macrs.size() == irs.size());
  for (std::size_t i = 0; i < irs.size(); ++i) CHECK(100 * macrs[i] == Approx(irs[i]).epsilon(1e-12));
  for (const double share : depreciation_schedule(Depreciation::straight_line, 5, 0.1)) CHECK(share == Approx(0.18));
  CHECK_THROWS_AS(depreciation_schedule(Depreciation::macrs_5, 5, 0.1), UserError);
}

TEST_CASE("a schedule writes off the cost but for the residual, at any life") {
  for (int years = 1; years <= 12; ++years)
    for (const double residual : {0.0, 0.05, 0.3, 0.9})
      for (const auto method : {Depreciation::straight_line, Depreciation::double_declining}) {
        const auto shares = depreciation_schedule(method, years, residual);
        CAPTURE(years, residual);
        CHECK(sum(shares) == Approx(1 - residual).epsilon(1e-12));
        for (const double s : shares) CHECK(s >= 0);
      }
  CHECK(sum(depreciation_schedule(Depreciation::macrs_5, 5, 0)) == Approx(1).epsilon(1e-12));
}

TEST_CASE("without tax depreciation moves nothing; with tax, writing off earlier is worth more") {
  RandomStream random(2, 0, StreamPurpose::jitter);
  for (int i = 0; i < 300; ++i) {
    const double interest = 0.3 * random.uniform(), life = 5 + static_cast<double>(random.below(4));
    const double yearly = 1e4 * random.uniform(), cost = 4e4 * random.uniform(), tax = 0.5 * random.uniform();
    std::vector<double> untaxed, taxed;
    for (const auto method : kMethods) {
      const CapitalTerms t = terms(interest, life, 0, tax, method);
      CapitalTerms free = t;
      free.tax_rate = 0;
      untaxed.push_back(net_present_value(interest, after_tax_flows(cost, yearly, free)));
      taxed.push_back(net_present_value(interest, after_tax_flows(cost, yearly, t)));
      CHECK(sum(after_tax_flows(cost, yearly, t)) ==
            Approx((1 - tax) * (yearly * life - cost)).epsilon(1e-9).margin(1e-6));  // tax is on the whole profit
    }
    CHECK(untaxed[1] == Approx(untaxed[0]).epsilon(1e-12).margin(1e-9));
    CHECK(untaxed[2] == Approx(untaxed[0]).epsilon(1e-12).margin(1e-9));
    CHECK(taxed[1] > taxed[0]);
  }
}

TEST_CASE("earning the capital charge leaves an owner with nothing above his interest, taxed or not") {
  RandomStream random(3, 0, StreamPurpose::jitter);
  for (int i = 0; i < 300; ++i)
    for (const auto method : kMethods) {
      const CapitalTerms t = terms(0.3 * random.uniform(), 2 + static_cast<double>(random.below(8)),
                                   0.5 * random.uniform(), 0.6 * random.uniform(), method);
      const double cost = 5e4 * random.uniform();
      CHECK(net_present_value(t.interest, after_tax_flows(cost, cost * capital_charge(t), t)) ==
            Approx(0).margin(1e-9 * cost));
    }
}

TEST_CASE("the charge without tax is the recovery factor, and a half-year life needs no tax") {
  CHECK(capital_charge({0.10, 4, 0, 0, {}}) == Approx(0.31547080370609765).epsilon(1e-12));
  CHECK(capital_charge({0.08, 4, 0, 0, {}}) == Approx(0.3019208044540391).epsilon(1e-12));
  CHECK(capital_charge({0.10, 5, 0, 0, {}}) == Approx(0.26379748079474524).epsilon(1e-12));
  CHECK(capital_charge({0.10, 6, 0, 0, {}}) == Approx(0.22960738036266726).epsilon(1e-12));
  CHECK(capital_charge({0.10, 2.5, 0.2, 0, {}}) ==
        Approx(capital_recovery_factor(0.1, 2.5) - 0.2 * sinking_fund_factor(0.1, 2.5)).epsilon(1e-12));
  CHECK_THROWS_AS(capital_charge({0.10, 2.5, 0, 0.2, {0.5, 0.5}}), UserError);
  // An expense: written off at once, tax takes the same share of cost and revenue, so it changes nothing but the timing
  // of one year's deduction.
  CHECK(capital_charge({0, 4, 0, 0.4, {0.25, 0.25, 0.25, 0.25}}) == Approx(0.25).epsilon(1e-12));
}

TEST_CASE("the weighted cost of capital lies between its parts, with debt cheaper by the tax") {
  CHECK(weighted_cost_of_capital(0.6, 0.12, 0.08, 0.25) == Approx(0.6 * 0.12 + 0.4 * 0.06).epsilon(1e-12));
  CHECK(weighted_cost_of_capital(1, 0.12, 0.08, 0.25) == Approx(0.12));
  CHECK(weighted_cost_of_capital(0, 0.12, 0.08, 0) == Approx(0.08));
}
