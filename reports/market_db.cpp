#include "reports/market_db.h"

#include "reports/results_db.h"
#include "reports/sqlite.h"

namespace tokenfab {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// "INSERT INTO table VALUES (?, …)" with as many marks.
Statement insert(Connection& db, const std::string& table, int columns) {
  std::string marks = "?";
  for (int i = 1; i < columns; ++i) marks += ", ?";
  return Statement(db, "INSERT INTO " + table + " VALUES (" + marks + ")");
}

std::int64_t write_head(Connection& db, const std::string& version, const MarketRecord& r) {
  Statement s(db, "INSERT INTO market (name, seed, version, scenario, step_h, steps) VALUES (?, ?, ?, ?, ?, ?)");
  s.bind(r.name).bind(r.seed).bind(version).bind(r.scenario_json).bind(r.step_h).bind(r.steps).execute();
  return sqlite3_last_insert_rowid(db.get());
}

void write_curves(Connection& db, std::int64_t id, const MarketRecord& r) {
  Statement s = insert(db, "market_curve", 16);
  for (const CurveRecord& c : r.curves)
    for (std::size_t i = 0; i < c.points.size(); ++i) {
      const ServicePoint& p = c.points[i];
      s.bind(id).bind(c.factory).bind(i).bind(c.chips).bind(c.provenance).bind(c.error_band);
      s.bind(p.tokens_s).bind(p.requests_s).bind(p.ttft_mean_s).bind(p.ttft_p99_s).bind(p.tpot_mean_s);
      s.bind(p.tpot_p99_s).bind(p.attainment).bind(p.busy_share).bind(p.power_w).bind(p.usd_h).execute();
    }
}

void write_competition(Connection& db, std::int64_t id, const MarketRecord& r) {
  Statement round = insert(db, "market_round", 8);
  for (const MarketRound& m : r.rounds) {
    round.bind(id).bind(m.round).bind(m.start_h).bind(m.end_h).bind(m.hhi).bind(m.demanded).bind(m.served);
    round.bind(m.spend).execute();
  }
  Statement firm = insert(db, "market_provider_round", 14);
  for (const ProviderRound& p : r.provider_rounds) {
    firm.bind(id).bind(p.round).bind(p.provider).bind(p.price).bind(p.share).bind(p.demanded).bind(p.served);
    firm.bind(p.revenue).bind(p.supply_cost).bind(p.fixed_cost).bind(p.cash).bind(p.replica_hours).bind(p.energy_j);
    firm.bind(p.attainment).execute();
  }
  Statement total = insert(db, "market_provider", 15);
  for (const ProviderTotal& p : r.providers) {
    total.bind(id).bind(p.name).bind(p.cash_start).bind(p.cash_end).bind(p.revenue).bind(p.supply_cost);
    total.bind(p.fixed_cost).bind(p.last_price).bind(p.marginal_cost).bind(p.demanded).bind(p.served);
    p.exit_h < 0 ? total.bind_null() : total.bind(p.exit_h);
    total.bind(p.replica_hours).bind(p.energy_j).bind(p.attainment).execute();
  }
  Statement segment = insert(db, "market_segment", 6);
  for (const SegmentTotal& s : r.segments)
    segment.bind(id).bind(s.name).bind(s.demanded).bind(s.served).bind(s.spend).bind(s.consumer_surplus_usd).execute();
}

void write_exchange(Connection& db, std::int64_t id, const MarketRecord& r) {
  Statement hour = insert(db, "market_auction", 9);
  for (const AuctionRow& a : r.auctions) {
    hour.bind(id).bind(a.hour).bind(a.bid_lots).bind(a.ask_lots).bind(a.volume);
    a.price < 0 ? hour.bind_null() : hour.bind(a.price);
    hour.bind(a.turnover).bind(a.buyer_surplus).bind(a.seller_surplus).execute();
  }
  Statement who = insert(db, "market_participant", 6);
  for (const ParticipantRow& p : r.participants)
    who.bind(id).bind(p.name).bind(p.side).bind(p.offered).bind(p.traded).bind(p.cash).execute();
}

void write_others(Connection& db, std::int64_t id, const MarketRecord& r) {
  Statement flow = insert(db, "market_flow", 5);
  for (const FlowRow& f : r.flows) flow.bind(id).bind(f.region).bind(f.site).bind(f.tokens_m).bind(f.cost).execute();
  Statement rebound = insert(db, "market_rebound", 7);
  for (const ReboundRow& b : r.rebounds) {
    rebound.bind(id).bind(b.segment).bind(b.elasticity).bind(b.quantity_ratio).bind(b.spend_ratio);
    rebound.bind(b.energy_ratio).bind(b.consumer_surplus_gain_usd).execute();
  }
  Statement figure = insert(db, "market_figure", 6);
  for (const MarketFigure& f : r.figures)
    figure.bind(id).bind(f.section).bind(f.name).bind(f.value).bind(f.unit).bind(f.basis).execute();
  Statement assumption = insert(db, "market_assumption", 5);
  for (std::size_t i = 0; i < r.assumptions.size(); ++i) {
    const Assumption& a = r.assumptions[i];
    assumption.bind(id).bind(i).bind(a.what).bind(a.value).bind(a.why).execute();
  }
}

}  // namespace

void write_market(const std::string& path, const std::string& version, const MarketRecord& record) {
  { ResultsDb::create_or_open(path, version); }
  Connection db(path, SQLITE_OPEN_READWRITE);
  sqlite::Transaction transaction(db);
  const std::int64_t id = write_head(db, version, record);
  write_curves(db, id, record);
  write_competition(db, id, record);
  write_exchange(db, id, record);
  write_others(db, id, record);
  transaction.commit();
}

}  // namespace tokenfab
