#include "sim/economics/economics.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "sim/economics/books.h"
#include "sim/economics/carbon.h"
#include "sim/economics/common_unit.h"
#include "sim/economics/formulas.h"
#include "sim/economics/unit_costs.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, double whole) { return whole > 0 ? part / whole : kNone; }

void check_usage(const RunRecord& r, const std::vector<Supply>& supplies) {
  require(supplies.size() == r.pools.size(), "one supply per pool");
  for (const auto& s : supplies)
    require(s.rent.has_value() + s.owned.has_value() + !s.blend.empty() == 1, "chips are rented, owned or blended");
  for (const auto& u : r.pools)
    for (const double x : {u.paid_chip_seconds, u.busy_chip_seconds, u.prefill_busy_seconds, u.decode_busy_seconds,
                           u.idle_energy_j, u.dynamic_energy_j})
      require(std::isfinite(x) && x >= 0, "recorded usage is finite and not negative");
  require(0 <= r.cached_tokens && r.cached_tokens <= r.input_served, "cached tokens are input tokens");
}

void add_unit_costs(RunRecord& r, const TokenBill& split) {
  CostSummary& c = r.cost;
  const auto per_million = [](long double usd, std::int64_t tokens) {
    return tokens > 0 ? static_cast<double>(usd / static_cast<long double>(tokens) * 1e6L) : kNone;
  };
  c.usd_per_mtok = per_million(c.usd_total, r.input_served + r.output_served);
  c.usd_per_mtok_in = per_million(split.input + split.cached, r.input_served);
  c.usd_per_mtok_out = per_million(split.output, r.output_served);
  c.usd_per_mtok_output_only = per_million(c.usd_total, r.output_served);
}

/// Writes the ledger's costs and adds up money, energy and carbon.
std::vector<PoolBill> write_bills(RunRecord& r, const std::vector<Supply>& supplies, Books& books) {
  CostSummary& c = r.cost;
  std::vector<PoolBill> bills;
  long double total = 0;
  double unused = 0, market = 0;
  for (std::size_t i = 0; i < r.pools.size(); ++i) {
    const PoolUsage& u = r.pools[i];
    const PoolBill bill = pool_bill(u, supplies[i], static_cast<std::uint32_t>(i), books);
    bills.push_back(bill);
    total += bill.usd;
    unused += bill.unused_usd;
    c.energy_j += it_energy_j(u);
    const Carbon carbon = pool_carbon(u, supplies[i].site, books);
    c.carbon_operational_g += carbon.operational_g;
    c.carbon_embodied_g += carbon.embodied_g;
    market += carbon.market_g;
  }
  c.usd_total = static_cast<double>(total);
  c.detail.usd_unused = unused;
  c.detail.carbon_market_g = market;
  return bills;
}

/// Mean running requests over the most that the batches may hold, while the factory was paid for.
double occupancy(const RunRecord& r) {
  double room = 0;  // sequence-seconds
  for (const PoolUsage& u : r.pools) {
    const double chips = u.replicas > 0 ? static_cast<double>(u.chips) / u.replicas : 0;
    if (u.max_sequences == 0 || !(chips > 0)) return kNone;
    room += u.paid_chip_seconds / chips * static_cast<double>(u.max_sequences);
  }
  double running = 0;
  for (const SeriesBin& b : r.series.bins) running += static_cast<double>(b.running_ns) * 1e-9;
  return ratio(running, room);
}

void add_utilisation(RunRecord& r) {
  CostSummary& c = r.cost;
  double paid = 0, busy = 0, flop = 0, flop_peak = 0, bytes = 0, bytes_peak = 0;
  for (const auto& u : r.pools) {
    paid += u.paid_chip_seconds;
    busy += u.busy_chip_seconds;
    flop += u.flop;
    flop_peak += u.peak_flops * u.paid_chip_seconds;
    bytes += u.hbm_bytes;
    bytes_peak += u.peak_bandwidth * u.paid_chip_seconds;
  }
  c.utilisation_time = ratio(busy, paid);
  c.occupancy = occupancy(r);
  c.load = r.capacity.known() && r.arrival_span_s > 0 ? offered_rps(r) / r.capacity.low_rps : kNone;
  c.usd_usage = (c.usd_total - c.detail.usd_unused) * std::min(1.0, c.load);
  if (std::isnan(c.load)) c.usd_usage = kNone;
  c.utilisation_cost = ratio(c.usd_usage, c.usd_total);
  c.mfu = ratio(flop, flop_peak);
  c.mbu = ratio(bytes, bytes_peak);
  c.goodput_share = ratio(static_cast<double>(r.good_output_tokens), static_cast<double>(r.output_served));
}

Bill apply_plan(RunRecord& r, const PricePlan& plan, Books& books) {
  CostSummary& c = r.cost;
  Bill bill = bill_of(plan, r);
  for (const std::string& note : bill.notes) r.assumptions.push_back({kPlanNote, "", note});
  for (const BillLine& l : bill.lines)
    if (l.usd != 0 || l.commitment.empty()) books.entry("revenue." + l.account, "users", -l.usd, l.basis);
  for (const auto& [item, price] : bill.prices) books.uses(item, price);
  c.has_plan = true;
  c.revenue_usd = bill.usd;
  c.margin = gross_margin(c.revenue_usd, c.usd_total);
  c.markup = markup_on_cost(c.revenue_usd, c.usd_total);
  c.break_even_price_factor = ratio(c.usd_total, c.revenue_usd);
  return bill;
}

bool same(long double a, double b) { return std::fabs(a - b) <= 1e-9L * std::fabs(b) + 1e-15L; }

void check_books(const RunRecord& r) {
  const CostSummary& c = r.cost;
  long double costs = 0, revenue = 0, in_out = 0;
  for (const auto& e : r.ledger) (e.account.starts_with("revenue.") ? revenue : costs) += e.usd;
  require(same(costs, c.usd_total), "ledger costs = the bill");
  require(same(-revenue, c.revenue_usd), "ledger revenue = the plan's revenue");
  if (r.input_served + r.output_served == 0) return;
  if (r.input_served > 0) in_out += static_cast<long double>(c.usd_per_mtok_in) * r.input_served / 1e6L;
  if (r.output_served > 0) in_out += static_cast<long double>(c.usd_per_mtok_out) * r.output_served / 1e6L;
  require(same(in_out, c.usd_total), "C_in * N_in + C_out * N_out = the bill");
}

}  // namespace

double plan_revenue(const TokenPlan& plan, std::int64_t input, std::int64_t cached, std::int64_t output) {
  const long double usd = static_cast<long double>(input - cached) * plan.input.value +
                          static_cast<long double>(cached) * plan.cached_input.value +
                          static_cast<long double>(output) * plan.output.value;
  return static_cast<double>(usd / 1e6L);
}

double blended_price(const TokenPlan& plan, std::int64_t input, std::int64_t cached, std::int64_t output) {
  return ratio(plan_revenue(plan, input, cached, output) * 1e6, static_cast<double>(input + output));
}

double offered_rps(const RunRecord& r) {
  return r.offered > 1 && r.arrival_span_s > 0 ? static_cast<double>(r.offered - 1) / r.arrival_span_s : kNone;
}

std::optional<Bill> price_run(RunRecord& r, const std::vector<Supply>& supplies, const std::optional<PricePlan>& plan) {
  check_usage(r, supplies);
  std::erase_if(r.assumptions, [](const Assumption& a) { return a.what == kPlanNote; });
  Books books(r);
  CostSummary& c = r.cost = {};
  const std::vector<PoolBill> bills = write_bills(r, supplies, books);
  add_unit_costs(r, busy_time_bill(r, bills));
  c.detail.unit_costs = unit_costs(r, bills, price_ratio(plan));
  c.detail.equivalent_mtok_flop = equivalent_mtok(r, &PoolUsage::active_parameters, kParametersPerUnit);
  c.detail.equivalent_mtok_bytes = equivalent_mtok(r, &PoolUsage::active_weight_bytes, kWeightBytesPerUnit);
  add_utilisation(r);
  std::optional<Bill> bill;
  if (plan) bill = apply_plan(r, *plan, books);
  check_books(r);
  return bill;
}

double request_cost(const CostSummary& cost, const RequestRow& row) {
  if (row.state != RequestState::served) return 0;
  const double in = row.input_tokens > 0 ? row.input_tokens * cost.usd_per_mtok_in : 0;
  const double out = row.output_tokens > 0 ? row.output_tokens * cost.usd_per_mtok_out : 0;
  return (in + out) / 1e6;
}

}  // namespace tokenfab
