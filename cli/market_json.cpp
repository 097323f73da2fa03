#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/market_text.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

double usd(MicroUsd amount) { return static_cast<double>(amount) / 1e6; }
json ratio(double over, double under) { return under > 0 ? json(over / under) : json(nullptr); }
json hours(double value) { return value < 0 ? json(nullptr) : json(value); }
/// JSON has no infinity: "never" as text, NaN as null.
json finite(double value) {
  if (std::isnan(value)) return nullptr;
  return std::isinf(value) ? json("never") : json(value);
}

json curve_json(const CurveRecord& c) {
  json points = json::array();
  for (const ServicePoint& p : c.points)
    points.push_back({{"tokens_s", p.tokens_s},
                      {"requests_s", p.requests_s},
                      {"ttft_s", {{"mean", p.ttft_mean_s}, {"p99", p.ttft_p99_s}}},
                      {"tpot_s", {{"mean", p.tpot_mean_s}, {"p99", p.tpot_p99_s}}},
                      {"attainment", p.attainment},
                      {"busy_share", p.busy_share},
                      {"power_w", p.power_w},
                      {"usd_per_hour", p.usd_h},
                      {"usd_per_mtok", ratio(p.usd_h * 1e6, p.tokens_s * 3600)}});
  return {{"factory", c.factory},
          {"chips", c.chips},
          {"provenance", c.provenance},
          {"error_band", c.error_band},
          {"points", points}};
}

json provider_json(const ProviderTotal& p) {
  return {{"name", p.name},
          {"usd_per_mtok", usd(p.last_price)},
          {"marginal_usd_per_mtok", usd(p.marginal_cost)},
          {"cash_start_usd", usd(p.cash_start)},
          {"cash_end_usd", usd(p.cash_end)},
          {"revenue_usd", usd(p.revenue)},
          {"supply_cost_usd", usd(p.supply_cost)},
          {"fixed_cost_usd", usd(p.fixed_cost)},
          {"demanded_tokens", p.demanded},
          {"served_tokens", p.served},
          {"attainment", p.attainment},
          {"replica_hours", p.replica_hours},
          {"energy_j", p.energy_j},
          {"exit_h", hours(p.exit_h)},
          {"runway_at_first_round_h", hours(p.runway_h)}};
}

json provider_round_json(const ProviderRound& p) {
  return {{"provider", p.provider},
          {"usd_per_mtok", usd(p.price)},
          {"share", p.share},
          {"demanded_tokens", p.demanded},
          {"served_tokens", p.served},
          {"revenue_usd", usd(p.revenue)},
          {"supply_cost_usd", usd(p.supply_cost)},
          {"fixed_cost_usd", usd(p.fixed_cost)},
          {"margin", p.revenue > 0 ? json(1 - usd(p.supply_cost + p.fixed_cost) / usd(p.revenue)) : json(nullptr)},
          {"cash_usd", usd(p.cash)},
          {"replica_hours", p.replica_hours},
          {"energy_j", p.energy_j},
          {"attainment", p.attainment}};
}

json rounds_json(const MarketRecord& r) {
  json out = json::array();
  auto p = r.provider_rounds.begin();
  for (const MarketRound& round : r.rounds) {
    json each = json::array();
    for (; p != r.provider_rounds.end() && p->round == round.round; ++p) each.push_back(provider_round_json(*p));
    out.push_back({{"round", round.round},
                   {"start_h", round.start_h},
                   {"end_h", round.end_h},
                   {"hhi", round.hhi},
                   {"demanded_tokens", round.demanded},
                   {"served_tokens", round.served},
                   {"spend_usd", usd(round.spend)},
                   {"providers", each}});
  }
  return out;
}

json exchange_json(const MarketRecord& r) {
  json hours_of = json::array(), people = json::array();
  for (const AuctionRow& a : r.auctions)
    hours_of.push_back({{"hour", a.hour},
                        {"bid_lots", a.bid_lots},
                        {"ask_lots", a.ask_lots},
                        {"volume_lots", a.volume},
                        {"usd_per_lot", a.price < 0 ? json(nullptr) : json(usd(a.price))},
                        {"turnover_usd", usd(a.turnover)},
                        {"buyer_surplus_usd", usd(a.buyer_surplus)},
                        {"seller_surplus_usd", usd(a.seller_surplus)}});
  for (const ParticipantRow& p : r.participants)
    people.push_back({{"name", p.name},
                      {"side", p.side},
                      {"offered_lots", p.offered},
                      {"traded_lots", p.traded},
                      {"cash_usd", usd(p.cash)},
                      {"cash_micro_usd", p.cash}});
  return {{"hours", hours_of}, {"participants", people}};
}

/// Lists that belong to one section each.
void add_lists(const MarketRecord& r, json& out) {
  for (const SegmentTotal& s : r.segments)
    out["segments"].push_back({{"name", s.name},
                               {"demanded_tokens", s.demanded},
                               {"served_tokens", s.served},
                               {"spend_usd", usd(s.spend)},
                               {"consumer_surplus_usd", finite(s.consumer_surplus_usd)}});
  for (const FlowRow& f : r.flows)
    out["flows"].push_back({{"region", f.region}, {"site", f.site}, {"mtok", f.tokens_m}, {"usd", usd(f.cost)}});
  for (const ReboundRow& b : r.rebounds)
    out["rebound"].push_back({{"segment", b.segment},
                              {"elasticity", b.elasticity},
                              {"quantity_ratio", b.quantity_ratio},
                              {"spend_ratio", b.spend_ratio},
                              {"energy_ratio", b.energy_ratio},
                              {"consumer_surplus_gain_usd_per_year", b.consumer_surplus_gain_usd}});
  for (const MarketFigure& f : r.figures)
    out["figures"].push_back(
        {{"section", f.section}, {"name", f.name}, {"value", finite(f.value)}, {"unit", f.unit}, {"basis", f.basis}});
  for (const Assumption& a : r.assumptions)
    out["assumptions"].push_back({{"what", a.what}, {"value", a.value}, {"why", a.why}});
}

}  // namespace

std::string market_json(const MarketRecord& r) {
  json out = {{"market", r.name}, {"seed", r.seed}, {"curves", json::array()}};
  for (const CurveRecord& c : r.curves) out["curves"].push_back(curve_json(c));
  if (!r.rounds.empty()) {
    out["step_h"] = r.step_h;
    out["steps"] = r.steps;
    out["rounds"] = rounds_json(r);
    for (const ProviderTotal& p : r.providers) out["providers"].push_back(provider_json(p));
  }
  if (!r.auctions.empty()) out["exchange"] = exchange_json(r);
  add_lists(r, out);
  return out.dump(2) + "\n";
}

}  // namespace tokenfab::cli
