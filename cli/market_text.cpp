#include "cli/market_text.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

double usd(MicroUsd amount) { return static_cast<double>(amount) / 1e6; }

std::string with(const char* format, double value) {
  return std::isnan(value) ? "-" : std::isinf(value) ? "never" : shown(fmt::runtime(format), value);
}

std::string dollars(MicroUsd amount) { return grouped(std::llround(usd(amount))); }

std::string titled(const std::string& title, const Rows& rows) {
  return rows.size() > 1 ? title + "\n" + text_table(rows) + "\n" : "";
}

std::string curves(const MarketRecord& r) {
  Rows rows = {{"factory", "chips", "tokens/s", "TTFT p99, s", "TPOT p99, ms", "within SLO", "busy", "kW", "USD/h",
                "USD per M tokens"}};
  for (const CurveRecord& c : r.curves)
    for (const ServicePoint& p : c.points)
      rows.push_back({c.factory, std::to_string(c.chips), with("{:.0f}", p.tokens_s), with("{:.3f}", p.ttft_p99_s),
                      with("{:.1f}", p.tpot_p99_s * 1e3), with("{:.3f}", p.attainment), with("{:.3f}", p.busy_share),
                      with("{:.2f}", p.power_w / 1e3), with("{:.2f}", p.usd_h),
                      with("{:.3f}", p.tokens_s > 0 ? p.usd_h / p.tokens_s / 3600 * 1e6 : std::nan(""))});
  return titled("Service curves: one replica by load, from idle to the SLO's limit", rows);
}

std::string providers(const MarketRecord& r) {
  Rows rows = {{"provider", "price", "marginal cost", "tokens, G", "share", "within SLO", "revenue, USD", "margin",
                "cash, USD", "left after, days"}};
  double all = 0;
  for (const ProviderTotal& p : r.providers) all += static_cast<double>(p.served);
  for (const ProviderTotal& p : r.providers) {
    const double cost = usd(p.supply_cost + p.fixed_cost), revenue = usd(p.revenue);
    rows.push_back({p.name, with("{:.4f}", usd(p.last_price)), with("{:.4f}", usd(p.marginal_cost)),
                    with("{:.1f}", static_cast<double>(p.served) / 1e9),
                    with("{:.3f}", all > 0 ? static_cast<double>(p.served) / all : std::nan("")),
                    with("{:.4f}", p.attainment), dollars(p.revenue),
                    with("{:.3f}", revenue > 0 ? 1 - cost / revenue : std::nan("")), dollars(p.cash_end),
                    p.exit_h < 0 ? "-" : with("{:.1f}", p.exit_h / 24)});
  }
  return titled("Providers (prices per M tokens: the last round's)", rows);
}

constexpr std::size_t kRoundsShown = 12;

/// "0.295 (50 %, 34 %)": price, share, margin; "-" for a provider that is gone.
std::string played(const MarketRecord& r, int round, const std::string& provider) {
  for (const ProviderRound& p : r.provider_rounds) {
    if (p.round != round || p.provider != provider) continue;
    const double margin = p.revenue > 0 ? 1 - usd(p.supply_cost + p.fixed_cost) / usd(p.revenue) : std::nan("");
    return with("{:.3f}", usd(p.price)) + with(" ({:.0f} %, ", 100 * p.share) + with("{:.0f} %)", 100 * margin);
  }
  return "-";
}

std::string rounds(const MarketRecord& r) {
  Rows rows = {{"day", "tokens, G", "served", "mean price", "HHI"}};
  for (const ProviderTotal& p : r.providers) rows[0].push_back(p.name);
  const std::size_t n = r.rounds.size(), step = std::max<std::size_t>(1, (n + kRoundsShown - 1) / kRoundsShown);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % step != 0 && i + 1 != n) continue;
    const MarketRound& round = r.rounds[i];
    const double served = static_cast<double>(round.served), demanded = static_cast<double>(round.demanded);
    auto& row = rows.emplace_back();
    row = {with("{:.0f}", round.start_h / 24), with("{:.1f}", served / 1e9),
           with("{:.4f}", demanded > 0 ? served / demanded : std::nan("")),
           with("{:.4f}", served > 0 ? usd(round.spend) / served * 1e6 : std::nan("")), with("{:.0f}", round.hhi)};
    for (const ProviderTotal& p : r.providers) row.push_back(played(r, round.round, p.name));
  }
  return titled(shown("Rounds ({} in all); by provider: price (share, margin)", n), rows);
}

std::string segments(const MarketRecord& r) {
  Rows rows = {{"segment", "tokens, G", "served", "spend, USD", "consumer surplus, USD"}};
  for (const SegmentTotal& s : r.segments)
    rows.push_back({s.name, with("{:.1f}", static_cast<double>(s.served) / 1e9),
                    with("{:.4f}", s.demanded > 0 ? static_cast<double>(s.served) / static_cast<double>(s.demanded)
                                                  : std::nan("")),
                    dollars(s.spend),
                    std::isnan(s.consumer_surplus_usd) ? "-" : grouped(std::llround(s.consumer_surplus_usd))});
  return titled("Segments", rows);
}

std::string exchange(const MarketRecord& r) {
  Rows hours = {{"hour", "bid lots", "ask lots", "volume", "price", "buyer surplus", "seller surplus"}};
  for (std::size_t i = 0; i < std::min<std::size_t>(24, r.auctions.size()); ++i) {
    const AuctionRow& a = r.auctions[i];
    hours.push_back({std::to_string(a.hour), std::to_string(a.bid_lots), std::to_string(a.ask_lots),
                     std::to_string(a.volume), a.price < 0 ? "-" : with("{:.4f}", usd(a.price)),
                     with("{:.2f}", usd(a.buyer_surplus)), with("{:.2f}", usd(a.seller_surplus))});
  }
  Rows people = {{"participant", "side", "lots offered", "traded", "cash, USD"}};
  for (const ParticipantRow& p : r.participants)
    people.push_back(
        {p.name, p.side, std::to_string(p.offered), std::to_string(p.traded), with("{:.6f}", usd(p.cash))});
  return titled(shown("Exchange (first hours of {}; a lot is a million tokens)", r.auctions.size()), hours) +
         titled("Participants", people);
}

std::string flows(const MarketRecord& r) {
  Rows rows = {{"region", "site", "M tokens", "USD"}};
  for (const FlowRow& f : r.flows)
    rows.push_back({f.region, f.site, std::to_string(f.tokens_m), with("{:.2f}", usd(f.cost))});
  return titled("Where regions are served", rows);
}

std::string rebounds(const MarketRecord& r) {
  Rows rows = {{"segment", "elasticity", "tokens x", "spend x", "energy x", "consumers gain, USD a year"}};
  for (const ReboundRow& b : r.rebounds)
    rows.push_back({b.segment, with("{:.2f}", b.elasticity), with("{:.3f}", b.quantity_ratio),
                    with("{:.3f}", b.spend_ratio), with("{:.3f}", b.energy_ratio),
                    grouped(std::llround(b.consumer_surplus_gain_usd))});
  return titled("Rebound", rows);
}

std::string figures(const MarketRecord& r) {
  Rows rows = {{"figure", "value", "unit", "basis"}};
  for (const MarketFigure& f : r.figures)
    rows.push_back({f.section + ": " + f.name, with("{:.6g}", f.value), f.unit, f.basis});
  return titled("Figures", rows);
}

std::string trust(const MarketRecord& r) {
  std::string out = "Step times of";
  for (const CurveRecord& c : r.curves)
    out += " " + c.factory + ": " + c.provenance +
           (c.error_band > 0 ? shown(", typically off by {:.1f} %", 100 * c.error_band) : ", error not measured") + ";";
  if (!r.curves.empty()) out.back() = '.';
  return (r.curves.empty() ? "" : out + "\n") + shown("{} assumptions: see --json.\n", r.assumptions.size());
}

}  // namespace

std::string market_text(const MarketRecord& r) {
  return r.name + "\n\n" + curves(r) + providers(r) + rounds(r) + segments(r) + exchange(r) + flows(r) + rebounds(r) +
         figures(r) + trust(r);
}

}  // namespace tokenfab::cli
