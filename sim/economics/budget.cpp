#include "sim/economics/budget.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

constexpr double kLevel = 0.9, kBinHours = 0.25, kDayBins = 96;

/// Sums of all circular blocks of this length.
std::vector<double> block_sums(std::span<const double> x, std::size_t block) {
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t k = 0; k < block; ++k) out[i] += x[(i + k) % x.size()];
  return out;
}

/// A day where the series holds several, else the cube root rule of the block bootstrap, and at least an hour.
std::size_t block_of(std::size_t bins) {
  const auto n = static_cast<double>(bins);
  const double block = n >= 4 * kDayBins ? kDayBins : std::max(4.0, std::ceil(std::cbrt(n)));
  return std::min(bins, static_cast<std::size_t>(block));
}

}  // namespace

Forecast forecast_sum(std::span<const double> seen, std::size_t more, std::size_t block, double level,
                      std::uint64_t seed, int draws) {
  require(!seen.empty() && block >= 1 && block <= seen.size() && draws > 1, "a forecast is made from a series");
  const double sum = std::accumulate(seen.begin(), seen.end(), 0.0), mean = sum / static_cast<double>(seen.size());
  const auto sums = block_sums(seen, block), ones = block_sums(seen, 1);
  RandomStream random(seed, 0, StreamPurpose::prediction);
  const auto draw = [&](std::size_t bins) {
    double total = 0;
    for (; bins >= block; bins -= block) total += sums[random.below(sums.size())];
    for (std::size_t at = random.below(ones.size()); bins > 0; --bins, ++at) total += ones[at % ones.size()];
    return total;
  };
  std::vector<double> totals;
  for (int i = 0; i < draws; ++i) {
    const double error = mean - draw(seen.size()) / static_cast<double>(seen.size());
    totals.push_back(sum + draw(more) + error * static_cast<double>(more));
  }
  std::sort(totals.begin(), totals.end());
  const auto at = [&](double p) { return totals[static_cast<std::size_t>(p * static_cast<double>(draws - 1))]; };
  return {std::max(sum, at((1 - level) / 2)), sum + mean * static_cast<double>(more), at((1 + level) / 2)};
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
  const auto whole =
      std::max<std::size_t>(1, static_cast<std::size_t>(hours / kBinHours));  // the last may be cut short
  const std::span<const double> seen(series.data(), std::min(whole, series.size()));
  out.month = forecast_sum(seen, month_bins - seen.size(), block_of(seen.size()), kLevel, record.seed);
  if (!out.cap_hours && per_hour > 0 && per_hour * kHoursPerMonth >= usd) out.cap_hours = usd / per_hour;
  return out;
}

}  // namespace tokenfab
