#include "sim/economics/budget.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kBinHours = 0.25;
constexpr std::size_t kDayBins = 96;

/// Quantile of Student's t.
double student(double degrees, double probability) {
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

std::vector<double> day_sums(std::span<const double> seen) {
  std::vector<double> out(seen.size() / kDayBins);
  for (std::size_t d = 0; d < out.size(); ++d)
    for (std::size_t i = 0; i < kDayBins; ++i) out[d] += seen[d * kDayBins + i];
  return out;
}

/// Of the bins from the end of `seen` to `bins`, each as the mean of those of its time of the day so far.
double rest_by_hour(std::span<const double> seen, std::size_t bins) {
  std::array<double, kDayBins> sums{}, counts{};
  for (std::size_t i = 0; i < seen.size(); ++i) sums[i % kDayBins] += seen[i], ++counts[i % kDayBins];
  double out = 0;
  for (std::size_t i = seen.size(); i < bins; ++i) out += sums[i % kDayBins] / counts[i % kDayBins];
  return out;
}

/// Squares around a mean, and around a line through (day, sum).
struct Spread {
  double mean = 0, squares = 0, slope = 0, left = 0, xx = 0;
};

Spread spread_of(const std::vector<double>& days) {
  Spread s;
  const auto n = static_cast<double>(days.size());
  s.mean = std::accumulate(days.begin(), days.end(), 0.0) / n;
  double xy = 0;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const double x = static_cast<double>(i) - (n - 1) / 2, y = days[i] - s.mean;
    s.squares += y * y, s.xx += x * x, xy += x * y;
  }
  s.slope = xy / s.xx;
  s.left = std::max(0.0, s.squares - s.slope * xy);
  return s;
}

/// Whether the days rise or fall beyond what chance makes of equal ones.
bool has_trend(const Spread& s, double n) {
  const double error = std::sqrt(s.left / (n - 2) / s.xx);
  return std::fabs(s.slope) > student(n - 2, 0.95) * error + 1e-12 * std::fabs(s.mean);
}

}  // namespace

MonthForecast forecast_month(std::span<const double> seen) {
  require(!seen.empty(), "a forecast is made from a series");
  const double sum = std::accumulate(seen.begin(), seen.end(), 0.0);
  const double bins = kHoursPerMonth / kBinHours, had = static_cast<double>(seen.size());
  MonthForecast out;
  out.middle = sum * std::max(1.0, bins / had);
  out.low = out.high = kNone;
  const std::vector<double> days = day_sums(seen);
  const auto n = static_cast<double>(days.size());
  if (days.size() < kFewestDays) {
    out.why_no_band = std::to_string(kFewestDays) + " whole days would be needed";
    return out;
  }
  out.middle = sum + rest_by_hour(seen, static_cast<std::size_t>(bins));
  const Spread s = spread_of(days);
  if (has_trend(s, n)) {
    out.why_no_band = "the days rise or fall: a month like the mean so far is no forecast";
    return out;
  }
  const double more = std::max(0.0, (bins - had) / static_cast<double>(kDayBins));
  const double half = student(n - 1, 0.95) * std::sqrt(s.squares / (n - 1) * (more + more * more / n));
  out.low = std::max(sum, out.middle - half), out.high = out.middle + half;
  return out;
}

std::vector<double> spend_series(const TokenTariff& tariff, const Metered& used) {
  const auto bin_of = [](double seconds) { return static_cast<std::int64_t>(seconds / (kBinHours * 3600)); };
  const std::int64_t first = bin_of(used.started_s), last = bin_of(used.started_s + used.hours * 3600);
  const double factor = volume_factor(tariff, static_cast<double>(used.total().all()), used.months());
  std::vector<double> out(static_cast<std::size_t>(last - first + 1));
  for (const MeteredTokens& c : used.cells)
    out[static_cast<std::size_t>(std::clamp(c.bin, first, last) - first)] +=
        static_cast<double>(list_usd(tariff, c)) * factor;
  return out;
}

BudgetReport judge_budget(double usd, std::span<const double> alert_shares, const PricePlan& plan,
                          const RunRecord& record) {
  const auto* tariff = std::get_if<TokenTariff>(&plan.terms);
  if (!tariff) throw UserError("a budget is kept on pay_per_token plans only; this plan is " + plan.name);
  auto series = spend_series(*tariff, metered(record));
  const auto month_bins = static_cast<std::size_t>(kHoursPerMonth / kBinHours);
  series.resize(std::min(series.size(), month_bins));
  BudgetReport out;
  out.budget_usd = usd;
  for (const double share : alert_shares) out.alerts.push_back({share, std::nullopt});
  for (std::size_t i = 0; i < series.size(); ++i) {
    out.spent_usd += series[i];
    const double hours = static_cast<double>(i + 1) * kBinHours;
    for (BudgetAlert& alert : out.alerts)
      if (!alert.hours && out.spent_usd >= alert.share * usd) alert.hours = hours;
    if (!out.cap_hours && out.spent_usd >= usd) out.cap_hours = hours;
  }
  const double hours = std::min(record.makespan_s / 3600, kHoursPerMonth), per_hour = out.spent_usd / hours;
  const auto whole = static_cast<std::size_t>(hours / kBinHours);  // the last may be cut short
  if (whole > 0) out.month = forecast_month({series.data(), std::min(whole, series.size())});
  else out.month.low = out.month.high = kNone, out.month.why_no_band = "it is shorter than a quarter of an hour";
  if (!(out.month.middle > 0) || whole < kDayBins)
    out.month.middle = std::max(out.spent_usd, per_hour * kHoursPerMonth);
  if (!out.cap_hours && per_hour > 0 && per_hour * kHoursPerMonth >= usd) out.cap_hours = usd / per_hour;
  return out;
}

}  // namespace tokenfab
