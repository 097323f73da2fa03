#include "reports/money_db.h"

#include <cmath>
#include <limits>

#include "reports/fields.h"
#include "reports/table_rows.h"

namespace tokenfab {

using sqlite::Connection;
using sqlite::Statement;

namespace {

const auto kCost = [](auto& r, auto f) { fields::cost(r, f); };
const auto kCostDetail = [](auto& r, auto f) { fields::cost_detail(r, f); };
const auto kUnitCost = [](auto& r, auto f) { fields::unit_cost(r, f); };
const auto kPnl = [](auto& r, auto f) { fields::pnl(r, f); };
const auto kLedger = [](auto& r, auto f) { fields::ledger(r, f); };
const auto kPrice = [](auto& r, auto f) { fields::price_used(r, f); };
const auto kMeter = [](auto& r, auto f) { fields::meter(r, f); };
const auto kSpending = [](auto& r, auto f) { fields::spending(r, f); };

void write_pnl(Connection& db, std::int64_t run, const std::optional<PnlSummary>& pnl) {
  if (!pnl) return;
  Statement s = insert(db, "pnl", {"run_id"}, *pnl, kPnl);
  write(s.bind(run), *pnl, kPnl);
}

std::optional<PnlSummary> read_pnl(Connection& db, std::int64_t run) {
  PnlSummary pnl;
  if (!read_one(db, run, "pnl WHERE run_id = ?", pnl, kPnl)) return std::nullopt;
  if (std::isfinite(pnl.cash_usd) && std::isnan(pnl.runway_months))
    pnl.runway_months = std::numeric_limits<double>::infinity();
  return pnl;
}

}  // namespace

void write_money(Connection& db, std::int64_t run, const RunRecord& r) {
  Statement cost = insert(db, "cost", {"run_id"}, r.cost, kCost);
  write(cost.bind(run), r.cost, kCost);
  Statement detail = insert(db, "cost_detail", {"run_id"}, r.cost.detail, kCostDetail);
  write(detail.bind(run), r.cost.detail, kCostDetail);
  write_list(db, run, "unit_cost", "entry", r.cost.detail.unit_costs, kUnitCost);
  write_pnl(db, run, r.pnl);
  write_list(db, run, "ledger", "entry", r.ledger, kLedger);
  write_list(db, run, "price_used", "entry", r.prices, kPrice);
  write_list(db, run, "meter", "entry", r.meter, kMeter);
  if (!r.spending) return;
  Statement spending = insert(db, "spend_control", {"run_id"}, *r.spending, kSpending);
  write(spending.bind(run), *r.spending, kSpending);
}

void read_money(Connection& db, std::int64_t run, RunRecord& r) {
  if (!read_one(db, run, "cost WHERE run_id = ?", r.cost, kCost))
    throw UserError(db.path() + ": run " + std::to_string(run) + " is damaged: it has no costs");
  read_one(db, run, "cost_detail WHERE run_id = ?", r.cost.detail, kCostDetail);
  r.cost.detail.unit_costs = read_list<UnitCost>(db, run, "unit_cost WHERE run_id = ? ORDER BY entry", kUnitCost);
  r.pnl = read_pnl(db, run);
  r.ledger = read_list<LedgerEntry>(db, run, "ledger WHERE run_id = ? ORDER BY entry", kLedger);
  r.prices = read_list<PriceUsed>(db, run, "price_used WHERE run_id = ? ORDER BY entry", kPrice);
  r.meter = read_list<MeterCell>(db, run, "meter WHERE run_id = ? ORDER BY entry", kMeter);
  if (SpendControl s; read_one(db, run, "spend_control WHERE run_id = ?", s, kSpending)) r.spending = s;
}

}  // namespace tokenfab
