#include "sim/market/firm.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

/// Without a load there is no latency to choose by: half load stands for it.
double first_latency(const Supplier& s) {
  return s.curve ? s.curve->at(s.curve->capacity() / 2)->ttft_p99_s : s.resale_ttft_s;
}

}  // namespace

Firm::Firm(const ProviderSpec& spec, double step_h)
    : spec_(spec),
      step_h_(step_h),
      price_(spec.price.price),
      latency_s_(first_latency(spec.supplier)),
      fleet_(step_h, spec.capacity.cold_start_h, 0) {
  total_.name = spec.name;
  total_.cash_start = total_.cash_end = spec.cash;
  const double cost = spec.supplier.marginal_cost(spec.capacity.target_load);
  total_.marginal_cost = micro(cost);
  last_unit_cost_usd_ = cost;
}

bool Firm::down(double at_h) const {
  return std::any_of(spec_.outages.begin(), spec_.outages.end(),
                     [&](const Outage& o) { return at_h >= o.from_h && at_h < o.to_h; });
}

Offer Firm::offer(double at_h) const { return {price_, latency_s_, spec_.quality, alive() && !down(at_h)}; }

PriceView Firm::price_view() const {
  PriceView v;
  v.own = price_;
  v.marginal_cost = total_.marginal_cost;
  v.unit_cost_usd = last_unit_cost_usd_;
  v.cash = total_.cash_end;
  return v;
}

void Firm::begin_round() {
  round_ = {};
  took_part_ = true;
  round_good_tokens_ = round_latency_tokens_ = 0;
}

Firm::Served Firm::serve_resold(double tokens) const {
  return {1, 1, tokens / 1e6 * spec_.supplier.resale_usd_per_mtok, spec_.supplier.resale_ttft_s};
}

Firm::Served Firm::serve_with_replicas(std::size_t k) {
  const ServiceCurve& curve = *spec_.supplier.curve;
  const int wanted = wanted_replicas(spec_.capacity, replicas_worth_, k, step_h_);
  if (!fleet_started_) fleet_ = Fleet(step_h_, spec_.capacity.cold_start_h, wanted);
  fleet_started_ = true;
  fleet_.set(wanted);
  const double usable = fleet_.usable(), work = replicas_worth_[k];
  const double done = std::min(work, usable);
  const ServicePoint point = *curve.at(usable > 0 ? std::min(1.0, done / usable) * curve.capacity() : 0);
  const double idle_h = (fleet_.paid() - usable) * step_h_;
  round_.replica_hours += fleet_.paid() * step_h_;
  round_.energy_j += (point.power_w * usable * step_h_ + curve.points().front().power_w * idle_h) * 3600;
  Served out;
  out.share = work > 0 ? done / work : 1;
  out.attainment = out.share * point.attainment;
  out.supply_usd = point.usd_h * usable * step_h_ + curve.points().front().usd_h * idle_h;
  out.ttft_s = point.ttft_p99_s;
  fleet_.next_step();
  return out;
}

void Firm::forget_from(std::size_t from) {
  demand_.resize(from);
  replicas_worth_.resize(from);
}

void Firm::expect(double tokens) {
  const auto& curve = spec_.supplier.curve;
  demand_.push_back(tokens);
  replicas_worth_.push_back(curve ? tokens / (curve->capacity() * 3600 * step_h_) : 0);
}

double Firm::serve(std::size_t k) {
  now_ = spec_.supplier.curve ? serve_with_replicas(k) : serve_resold(demand_[k]);
  return now_.share;
}

void Firm::book(std::size_t k, std::int64_t sold, MicroUsd revenue) {
  const MicroUsd supply = micro(now_.supply_usd);
  fixed_owed_usd_ += spec_.fixed_usd_h * step_h_;
  const MicroUsd fixed = micro(fixed_owed_usd_);
  fixed_owed_usd_ -= in_usd(fixed);
  round_.demanded += std::llround(demand_[k]);
  round_.served += sold;
  round_.revenue += revenue;
  round_.supply_cost += supply;
  round_.fixed_cost += fixed;
  round_good_tokens_ += demand_[k] * now_.attainment;
  round_latency_tokens_ += static_cast<double>(sold) * now_.ttft_s;
  total_.cash_end += revenue - supply - fixed;
  if (total_.cash_end < 0) total_.exit_h = static_cast<double>(k + 1) * step_h_;
}

ProviderRound Firm::end_round(int round, double hours) {
  round_.round = round;
  round_.provider = spec_.name;
  round_.price = price_;
  round_.cash = total_.cash_end;
  round_.attainment = round_.demanded > 0 ? round_good_tokens_ / static_cast<double>(round_.demanded) : 1;
  if (round_.served > 0) {
    const auto sold = static_cast<double>(round_.served);
    last_unit_cost_usd_ = in_usd(round_.supply_cost + round_.fixed_cost) / sold * 1e6;
    latency_s_ = round_latency_tokens_ / sold;
  }
  const MicroUsd burnt = round_.supply_cost + round_.fixed_cost - round_.revenue;
  if (round == 0 && burnt > 0)
    total_.runway_h = static_cast<double>(total_.cash_start) / static_cast<double>(burnt) * hours;
  total_.demanded += round_.demanded;
  total_.served += round_.served;
  total_.revenue += round_.revenue;
  total_.supply_cost += round_.supply_cost;
  total_.fixed_cost += round_.fixed_cost;
  total_.replica_hours += round_.replica_hours;
  total_.energy_j += round_.energy_j;
  good_tokens_ += round_good_tokens_;
  took_part_ = alive();
  return round_;
}

ProviderTotal Firm::total() const {
  ProviderTotal out = total_;
  out.last_price = price_;
  out.attainment = out.demanded > 0 ? good_tokens_ / static_cast<double>(out.demanded) : 1;
  require(out.cash_end == out.cash_start + out.revenue - out.supply_cost - out.fixed_cost,
          "a provider's cash = what it had, plus revenue, less costs");
  return out;
}

}  // namespace tokenfab::market
