#include "reports/results_db.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "base/files.h"
#include "reports/embedded.h"
#include "reports/fields.h"
#include "reports/fleet_db.h"
#include "reports/latency_db.h"
#include "reports/money_db.h"
#include "reports/pools_db.h"
#include "reports/schema_upgrade.h"
#include "reports/seal.h"
#include "reports/sqlite.h"
#include "reports/table_rows.h"
#include "sim/core/row_spool.h"

namespace tokenfab {
namespace {

using sqlite::Connection;
using sqlite::Statement;
using sqlite::Transaction;

constexpr int kApplicationId = 0x746b6662;  // "tkfb"
constexpr const char* kFold = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE";
constexpr int kSchemaVersion = 10, kOldestVersion = 8, kUnsealedVersion = 8;  // without a table of seals

int pragma(Connection& db, const char* name) {
  Statement s(db, std::string("PRAGMA ") + name);
  int value = 0;
  if (s.step()) s.read(value);
  return value;
}

const auto kRun = [](auto& r, auto f) { fields::run(r, f); };
const auto kTotal = [](auto& r, auto f) { fields::total(r, f); };
const auto kAssumption = [](auto& r, auto f) { fields::assumption(r, f); };
const auto kBand = [](auto& r, auto f) { fields::band(r, f); };

void write_series(Connection& db, std::int64_t run, const Series& series) {
  Statement s(db, "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto width = static_cast<double>(series.bin_ns);
  for (std::size_t i = 0; i < series.bins.size(); ++i) {
    const SeriesBin& b = series.bins[i];
    const auto start = static_cast<double>(i) * width * 1e-9;
    s.bind(run)
        .bind(i)
        .bind(start)
        .bind(start + width * 1e-9)
        .bind(b.arrived)
        .bind(b.finished)
        .bind(b.rejected)
        .bind(b.input_tokens)
        .bind(b.output_tokens)
        .bind(static_cast<double>(b.waiting_ns) / width)
        .bind(static_cast<double>(b.running_ns) / width)
        .execute();
  }
}

void read_series(Connection& db, std::int64_t run, Series& series) {
  Statement s(db,
              "SELECT end_s - start_s, arrived, finished, rejected, input_tokens, output_tokens, mean_waiting, "
              "mean_running FROM series WHERE run_id = ? ORDER BY bin");
  s.bind(run);
  while (s.step()) {
    SeriesBin b;
    double width = 0, waiting = 0, running = 0;
    s.read(width)
        .read(b.arrived)
        .read(b.finished)
        .read(b.rejected)
        .read(b.input_tokens)
        .read(b.output_tokens)
        .read(waiting)
        .read(running);
    if (series.bins.empty()) series.bin_ns = ns_from_seconds(width);
    b.waiting_ns = static_cast<Int128>(waiting * static_cast<double>(series.bin_ns) + 0.5);
    b.running_ns = static_cast<Int128>(running * static_cast<double>(series.bin_ns) + 0.5);
    series.bins.push_back(b);
  }
}

void write_rows(Connection& db, std::int64_t run, const RunRecord& record) {
  static constexpr std::array<const char*, 3> kStates = {"served", "rejected", "in_flight"};
  Statement s(db, "INSERT INTO request VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  const auto time = [&](Ns t) { t < 0 ? s.bind_null() : s.bind(t); };
  for_each_row(record, [&](const RequestRow& r) {
    s.bind(run).bind(r.id).bind(r.arrival);
    time(r.first_token);
    time(r.finish);
    s.bind(r.input_tokens)
        .bind(r.output_tokens)
        .bind(r.cached_tokens)
        .bind(r.preemptions)
        .bind(r.pool)
        .bind(r.replica)
        .bind(std::string(kStates[static_cast<std::size_t>(r.state)]))
        .bind(static_cast<int>(r.priority))
        .bind(static_cast<int>(r.tier))
        .bind(r.written_tokens)
        .bind(r.written_hour_tokens)
        .bind(r.reasoning_tokens)
        .bind(r.session);
    const RowMoney money = record.price_row ? record.price_row(r) : RowMoney{};
    s.bind(money.cost_usd).bind(money.price_usd).bind(money.price_usd - money.cost_usd).execute();
  });
}

/// SQLite takes a file of a byte or two for a new one. Errors: UserError.
void check_sqlite(const std::string& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::ifstream in(path, std::ios::binary);
  std::string head(kMagic.size(), '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (!head.empty() && head != kMagic) throw UserError(path + ": is not a SQLite file");
}

/// Every request and token offered is served, rejected or in flight.
bool adds_up(const RunRecord& r) {
  const auto sum = [](std::int64_t whole, std::int64_t a, std::int64_t b, std::int64_t c) {
    return a >= 0 && b >= 0 && c >= 0 && static_cast<Int128>(a) + b + c == whole;
  };
  return sum(r.offered, r.served, r.rejected, r.in_flight) &&
         sum(r.input_offered, r.input_served, r.input_rejected, r.input_in_flight) &&
         sum(r.output_offered, r.output_served, r.output_rejected, r.output_in_flight) && r.cached_tokens >= 0 &&
         r.cached_tokens <= r.input_served;
}

/// What prices are folded over is there, finite and not negative.
bool usable(const PoolUsage& u) {
  const double all[] = {u.paid_chip_seconds,
                        u.busy_chip_seconds,
                        u.prefill_busy_seconds,
                        u.decode_busy_seconds,
                        u.idle_energy_j,
                        u.dynamic_energy_j,
                        u.flop,
                        u.hbm_bytes,
                        u.peak_flops,
                        u.peak_bandwidth,
                        u.active_parameters,
                        u.active_weight_bytes};
  return u.replicas >= 1 && u.chips >= 1 &&
         std::all_of(std::begin(all), std::end(all), [](double x) { return std::isfinite(x) && x >= 0; });
}

/// One entry per pool, and no other pool is named.
bool fits(const FleetStats& f, std::size_t pools) {
  const auto known = [&](const auto& row) { return row.pool >= 0 && static_cast<std::size_t>(row.pool) < pools; };
  return f.pools.size() == pools && std::all_of(f.flows.begin(), f.flows.end(), known) &&
         std::all_of(f.counts.begin(), f.counts.end(), known);
}

[[noreturn]] void damaged(Connection& db, std::int64_t run, const std::string& why) {
  throw UserError(db.path() + ": run " + std::to_string(run) + " is damaged: " + why);
}

}  // namespace

struct ResultsDb::Impl {
  Connection db;
  sqlite::Seal seal;
  std::string version;
  bool writes = false;

  Impl(const std::string& path, int flags) : db(path, flags), seal(db) {}
  ~Impl() {
    if (writes) db.try_run(kFold);
  }

  void check_ours() {
    if (empty()) throw UserError(db.path() + ": holds no results");
    if (pragma(db, "application_id") != kApplicationId)
      throw UserError(db.path() + ": is a SQLite file, but not tokenfab results");
    if (const int v = pragma(db, "user_version"); v < kOldestVersion || v > kSchemaVersion)
      throw UserError(db.path() + ": has results schema " + std::to_string(v) + "; this version reads " +
                      std::to_string(kOldestVersion) + " to " + std::to_string(kSchemaVersion));
  }
  bool sealed() { return pragma(db, "user_version") != kUnsealedVersion; }
  bool current() { return pragma(db, "user_version") == kSchemaVersion; }
  /// Gives an older file the tables, columns and views of this version, and its runs a seal over them.
  void upgrade() {
    if (current()) return;
    Transaction transaction(db);
    if (current()) return;  // another process was quicker
    Statement runs(db, "SELECT id FROM run WHERE state = 'complete'");
    std::vector<std::int64_t> ids;
    while (runs.step()) runs.read(ids.emplace_back());
    runs.reset();
    if (sealed())
      for (const std::int64_t id : ids) seal.check(id);
    complete_schema(db, std::string(embedded::schema_sql()));
    db.run("DELETE FROM seal");
    seal.forget();
    for (const std::int64_t id : ids) seal.set(id);
    db.run(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
    transaction.commit();
  }
  bool empty() {
    Statement s(db, "SELECT COUNT(*) FROM sqlite_master");
    int tables = 0;
    if (s.step()) s.read(tables);
    return tables == 0 && pragma(db, "application_id") == 0;
  }
};

ResultsDb::ResultsDb(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResultsDb::ResultsDb(ResultsDb&&) noexcept = default;
ResultsDb& ResultsDb::operator=(ResultsDb&&) noexcept = default;
ResultsDb::~ResultsDb() = default;

ResultsDb ResultsDb::create_or_open(const std::string& path, const std::string& version) {
  check_output_path(path, "results file");
  check_regular(path);
  check_sqlite(path);
  auto impl = std::make_unique<Impl>(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  impl->version = version;
  Connection& db = impl->db;
  if (impl->empty()) {
    db.run("PRAGMA journal_mode = WAL");
    Transaction transaction(db);
    if (impl->empty()) {  // still: another process may have been quicker
      db.run(std::string(embedded::schema_sql()).c_str());
      db.run(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
      db.run(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
    }
    transaction.commit();
    impl->check_ours();
  } else {
    impl->check_ours();
    db.run("PRAGMA journal_mode = WAL");
    impl->upgrade();
  }
  db.run("PRAGMA synchronous = NORMAL");
  impl->writes = true;
  return ResultsDb(std::move(impl));
}

ResultsDb ResultsDb::open(const std::string& path) {
  if (!std::filesystem::exists(path)) throw UserError(path + ": no such file");
  // What a killed writer left is brought in order by the first who may write, a reader too.
  auto impl = std::make_unique<Impl>(path, sqlite::has_log(path) ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  impl->check_ours();
  return ResultsDb(std::move(impl));
}

std::int64_t ResultsDb::begin_run(const RunRecord& r) {
  Connection& db = impl_->db;
  Transaction transaction(db);
  Statement s = insert(db, "run", {"version", "state"}, r, kRun);
  s.bind(impl_->version).bind(std::string("running"));
  write(s, r, kRun);
  const std::int64_t id = sqlite3_last_insert_rowid(db.get());
  transaction.commit();
  return id;
}

void ResultsDb::finish_run(std::int64_t run, const RunRecord& r) {
  Connection& db = impl_->db;
  Transaction transaction(db);
  Statement total = insert(db, "total", {"run_id"}, r, kTotal);
  write(total.bind(run), r, kTotal);
  write_money(db, run, r);
  write_pools(db, run, r.pools);
  write_latency(db, run, r.latency);
  write_classes(db, run, r.classes);
  write_sessions(db, run, r.sessions);
  write_series(db, run, r.series);
  write_list(db, run, "assumption", "entry", r.assumptions, kAssumption);
  write_rows(db, run, r);
  write_list(db, run, "band", "entry", r.bands.of, kBand);
  write_fleet(db, run, r.fleet);
  Statement(db, "UPDATE run SET state = 'complete' WHERE id = ?").bind(run).execute();
  impl_->seal.set(run);
  transaction.commit();
}

void ResultsDb::write_validation(const std::vector<ValidationRow>& rows) {
  Connection& db = impl_->db;
  Transaction transaction(db);
  Statement(db, "DELETE FROM validation").execute();
  Statement s(db, "INSERT INTO validation VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  const std::string& version = impl_->version;
  for (const ValidationRow& r : rows) {
    s.bind(version).bind(r.suite).bind(r.chip).bind(r.engine).bind(r.version).bind(r.metric).bind(r.use).bind(r.grade);
    s.bind(r.n).bind(r.refused).bind(r.mape).bind(r.median).bind(r.p90).bind(r.bias).bind(r.rank_correlation);
    s.bind(r.roofline_mape).bind(r.scaled_roofline_mape).bind(r.chip_left_out_mape).execute();
  }
  transaction.commit();
}

void ResultsDb::write_infeasible(const std::vector<InfeasibleAlternative>& rows) {
  Connection& db = impl_->db;
  Transaction transaction(db);
  Statement s(db,
              "INSERT INTO infeasible (study, alternative, reason) VALUES (?, ?, ?) "
              "ON CONFLICT (study, alternative) DO UPDATE SET reason = excluded.reason");
  for (const InfeasibleAlternative& r : rows) s.bind(r.study).bind(r.alternative).bind(r.reason).execute();
  transaction.commit();
}

void ResultsDb::close() {
  if (!impl_->writes) return;
  impl_->writes = false;
  impl_->db.run_unless_busy(kFold);
}

std::vector<InfeasibleAlternative> ResultsDb::infeasible() {
  Statement s(impl_->db, "SELECT study, alternative, reason FROM infeasible ORDER BY rowid");
  std::vector<InfeasibleAlternative> out;
  while (s.step()) {
    InfeasibleAlternative& r = out.emplace_back();
    s.read(r.study).read(r.alternative).read(r.reason);
  }
  return out;
}

std::vector<RunSummary> ResultsDb::runs() {
  Statement s(impl_->db,
              "SELECT id, study, alternative, sweep_point, version, replication, state = 'complete' "
              "FROM run ORDER BY id");
  std::vector<RunSummary> out;
  while (s.step()) {
    RunSummary r;
    s.read(r.id)
        .read(r.study)
        .read(r.alternative)
        .read(r.sweep_point)
        .read(r.version)
        .read(r.replication)
        .read(r.complete);
    out.push_back(std::move(r));
  }
  return out;
}

RunRecord ResultsDb::load(std::int64_t run) {
  Connection& db = impl_->db;
  RunRecord r;
  if (!read_one(db, run, "run WHERE id = ? AND state = 'complete'", r, kRun))
    throw UserError(db.path() + ": run " + std::to_string(run) + " is not there or not complete");
  if (impl_->sealed()) impl_->seal.check(run);
  if (!read_one(db, run, "total WHERE run_id = ?", r, kTotal)) damaged(db, run, "it has no totals");
  read_money(db, run, r);
  r.pools = read_pools(db, run);
  if (r.pools.empty()) damaged(db, run, "it has no pools");
  for (const PoolUsage& u : r.pools)
    if (!usable(u)) damaged(db, run, "what its pools used is not finite and at least 0");
  if (!(std::isfinite(r.makespan_s) && r.makespan_s >= 0 && std::isfinite(r.started_s)))
    damaged(db, run, "its times are not finite");
  if (!adds_up(r)) damaged(db, run, "its requests and tokens do not add up");
  read_latency(db, run, r.latency);
  r.classes = read_classes(db, run);
  r.sessions = read_sessions(db, run);
  read_series(db, run, r.series);
  r.assumptions = read_list<Assumption>(db, run, "assumption WHERE run_id = ? ORDER BY entry", kAssumption);
  r.bands.of = read_list<Band>(db, run, "band WHERE run_id = ? ORDER BY entry", kBand);
  r.fleet = read_fleet(db, run);
  if (r.fleet && !fits(*r.fleet, r.pools.size())) damaged(db, run, "its fleet is not that of its pools");
  return r;
}

}  // namespace tokenfab
