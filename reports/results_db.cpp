#include "reports/results_db.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <vector>

#include "reports/embedded.h"
#include "reports/fields.h"
#include "reports/fleet_db.h"
#include "reports/sqlite.h"

namespace tokenfab {
namespace {

using sqlite::Connection;
using sqlite::Statement;
using sqlite::Transaction;

constexpr int kApplicationId = 0x746b6662;  // "tkfb"
constexpr int kSchemaVersion = 8;
constexpr const char* kSession = "session";  // metric: from the first request to the end of the last

constexpr std::array<const char*, 4> kMetrics = {"ttft", "tpot", "e2e", "queue"};
template <class L>
auto& histogram(L& latencies, std::size_t metric) {
  auto* const all = std::array{&latencies.ttft, &latencies.tpot, &latencies.e2e, &latencies.queue}[metric];
  return *all;
}

int pragma(Connection& db, const char* name) {
  Statement s(db, std::string("PRAGMA ") + name);
  int value = 0;
  if (s.step()) s.read(value);
  return value;
}

/// "INSERT INTO table (keys…, fields…) VALUES (?, …)", the fields named by a visitor from fields.h.
template <class Record, class Visit>
Statement insert(Connection& db, const std::string& table, const std::vector<std::string>& keys, const Record& record,
                 Visit visit) {
  std::string names, marks;
  const auto add = [&](const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
    marks += marks.empty() ? "?" : ", ?";
  };
  for (const auto& key : keys) add(key);
  visit(record, [&](const char* name, const auto&) { add(name); });
  return Statement(db, "INSERT INTO " + table + " (" + names + ") VALUES (" + marks + ")");
}

template <class Record, class Visit>
void write(Statement& s, const Record& record, Visit visit) {
  visit(record, [&](const char*, const auto& value) { s.bind(value); });
  s.execute();
}

/// One row per element, keyed by run and position.
template <class Record, class Visit>
void write_list(Connection& db, std::int64_t run, const std::string& table, const std::string& position,
                const std::vector<Record>& list, Visit visit) {
  if (list.empty()) return;
  Statement s = insert(db, table, {"run_id", position}, list.front(), visit);
  for (std::size_t i = 0; i < list.size(); ++i) write(s.bind(run).bind(static_cast<std::int64_t>(i)), list[i], visit);
}

/// "SELECT fields FROM table WHERE …", the fields named by a visitor from fields.h.
template <class Record, class Visit>
Statement select(Connection& db, const std::string& from, Record& blank, Visit visit) {
  std::string names;
  visit(blank, [&](const char* name, auto&) { names += (names.empty() ? "" : ", ") + std::string(name); });
  return Statement(db, "SELECT " + names + " FROM " + from);
}

template <class Record, class Visit>
void read(Statement& s, Record& record, Visit visit) {
  visit(record, [&](const char*, auto& value) { s.read(value); });
}

/// The row of a table that has one per run; false where there is none.
template <class Record, class Visit>
bool read_one(Connection& db, std::int64_t run, const std::string& from, Record& record, Visit visit) {
  Statement s = select(db, from, record, visit);
  if (!s.bind(run).step()) return false;
  read(s, record, visit);
  return true;
}

template <class Record, class Visit>
std::vector<Record> read_list(Connection& db, std::int64_t run, const std::string& from, Visit visit) {
  Record blank;
  Statement s = select(db, from, blank, visit);
  std::vector<Record> out;
  for (s.bind(run); s.step();) read(s, out.emplace_back(), visit);
  return out;
}

// Visitors as objects, so that they can be passed on.
const auto kRun = [](auto& r, auto f) { fields::run(r, f); };
const auto kTotal = [](auto& r, auto f) { fields::total(r, f); };
const auto kCost = [](auto& r, auto f) { fields::cost(r, f); };
const auto kPool = [](auto& r, auto f) { fields::pool(r, f); };
const auto kUsage = [](auto& r, auto f) { fields::usage(r, f); };
const auto kStepTime = [](auto& r, auto f) { fields::step_time(r, f); };
const auto kCacheLevel = [](auto& r, auto f) { fields::cache_level(r, f); };
const auto kLedger = [](auto& r, auto f) { fields::ledger(r, f); };
const auto kAssumption = [](auto& r, auto f) { fields::assumption(r, f); };
const auto kBand = [](auto& r, auto f) { fields::band(r, f); };
const auto kPnl = [](auto& r, auto f) { fields::pnl(r, f); };
const auto kClass = [](auto& c, auto f) { fields::service_class(c, f); };
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
const auto kCostDetail = [](auto& r, auto f) { fields::cost_detail(r, f); };
const auto kUnitCost = [](auto& r, auto f) { fields::unit_cost(r, f); };

std::string decimal(Int128 value) {
  if (value == 0) return "0";
  std::string out;
  for (Int128 v = value < 0 ? -value : value; v > 0; v /= 10)
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(v % 10)));
  return value < 0 ? "-" + out : out;
}

Int128 from_decimal(const std::string& text) {
  Int128 value = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
  return text.rfind('-', 0) == 0 ? -value : value;
}

void write_histogram(Connection& db, std::int64_t run, const std::string& metric, const Histogram& h) {
  Statement bucket(db, "INSERT INTO latency_sketch VALUES (?, ?, ?, ?, ?, ?)");
  for (std::size_t b = 0; b < h.counts().size(); ++b)
    if (h.counts()[b] > 0)
      bucket.bind(run)
          .bind(metric)
          .bind(b)
          .bind(Histogram::lower(b))
          .bind(Histogram::lower(b + 1))
          .bind(h.counts()[b])
          .execute();
  Statement total(db, "INSERT INTO latency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const double none = std::nan("");
  const auto seconds = [&](double ns) { return h.count() > 0 ? ns * 1e-9 : none; };
  total.bind(run)
      .bind(metric)
      .bind(h.count())
      .bind(decimal(h.sum()))
      .bind(h.min())
      .bind(h.max())
      .bind(seconds(h.mean()))
      .bind(seconds(h.quantile(0.5)))
      .bind(seconds(h.quantile(0.9)))
      .bind(seconds(h.quantile(0.99)))
      .execute();
}

Histogram read_histogram(Connection& db, std::int64_t run, const std::string& metric) {
  std::vector<std::int64_t> counts;
  Statement buckets(db, "SELECT bucket, count FROM latency_sketch WHERE run_id = ? AND metric = ?");
  buckets.bind(run).bind(metric);
  while (buckets.step()) {
    std::size_t bucket = 0;
    std::int64_t count = 0;
    buckets.read(bucket).read(count);
    if (bucket >= counts.size()) counts.resize(bucket + 1);
    counts[bucket] = count;
  }
  Statement total(db, "SELECT sum_ns, min_ns, max_ns FROM latency WHERE run_id = ? AND metric = ?");
  total.bind(run).bind(metric);
  std::string sum;
  std::int64_t low = 0, high = 0;
  if (total.step()) total.read(sum).read(low).read(high);
  return Histogram::restore(std::move(counts), from_decimal(sum), low, high);
}

void write_latency(Connection& db, std::int64_t run, const Latencies& latencies) {
  for (std::size_t m = 0; m < kMetrics.size(); ++m) write_histogram(db, run, kMetrics[m], histogram(latencies, m));
}

void read_latency(Connection& db, std::int64_t run, Latencies& latencies) {
  for (std::size_t m = 0; m < kMetrics.size(); ++m) histogram(latencies, m) = read_histogram(db, run, kMetrics[m]);
}

/// Of one class of service: "ttft.class1" is its TTFT.
std::string metric_of(std::size_t metric, int priority) {
  return std::string(kMetrics[metric]) + ".class" + std::to_string(priority);
}

void write_classes(Connection& db, std::int64_t run, const std::vector<ClassStats>& classes) {
  Statement s = insert(db, "class_total", {"run_id"}, ClassStats{}, kClass);
  for (const ClassStats& c : classes) {
    write(s.bind(run), c, kClass);
    for (std::size_t m = 0; m < kMetrics.size(); ++m)
      write_histogram(db, run, metric_of(m, c.priority), histogram(c.latency, m));
  }
}

std::vector<ClassStats> read_classes(Connection& db, std::int64_t run) {
  auto classes = read_list<ClassStats>(db, run, "class_total WHERE run_id = ? ORDER BY priority", kClass);
  for (ClassStats& c : classes)
    for (std::size_t m = 0; m < kMetrics.size(); ++m)
      histogram(c.latency, m) = read_histogram(db, run, metric_of(m, c.priority));
  return classes;
}

void write_sessions(Connection& db, std::int64_t run, const std::optional<SessionStats>& sessions) {
  if (!sessions) return;
  Statement s(db, "INSERT INTO session_total VALUES (?, ?, ?, ?, ?)");
  s.bind(run).bind(sessions->started).bind(sessions->finished).bind(sessions->requests);
  s.bind(sessions->requests_finished).execute();
  write_histogram(db, run, kSession, sessions->duration);
}

std::optional<SessionStats> read_sessions(Connection& db, std::int64_t run) {
  Statement s(db, "SELECT started, finished, requests, requests_finished FROM session_total WHERE run_id = ?");
  s.bind(run);
  if (!s.step()) return std::nullopt;
  SessionStats out;
  s.read(out.started).read(out.finished).read(out.requests).read(out.requests_finished);
  out.duration = read_histogram(db, run, kSession);
  return out;
}

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

void write_rows(Connection& db, std::int64_t run, const std::vector<RequestRow>& rows) {
  static constexpr std::array<const char*, 3> kStates = {"served", "rejected", "in_flight"};
  Statement s(db, "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto time = [&](Ns t) { t < 0 ? s.bind_null() : s.bind(t); };
  for (const RequestRow& r : rows) {
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
        .execute();
  }
}

void write_pools(Connection& db, std::int64_t run, const std::vector<PoolUsage>& pools) {
  write_list(db, run, "pool", "pool", pools, kPool);
  write_list(db, run, "usage", "pool", pools, kUsage);
  Statement s = insert(db, "step_time", {"run_id", "pool"}, StepTimeRow{}, kStepTime);
  for (std::size_t p = 0; p < pools.size(); ++p)
    for (const auto& row : pools[p].step_time) write(s.bind(run).bind(p), row, kStepTime);
  Statement cache = insert(db, "cache_level", {"run_id", "pool", "level"}, CacheLevelUsage{}, kCacheLevel);
  for (std::size_t p = 0; p < pools.size(); ++p)
    for (std::size_t level = 0; level < pools[p].prefix_cache.size(); ++level)
      write(cache.bind(run).bind(p).bind(level), pools[p].prefix_cache[level], kCacheLevel);
}

void write_trust(Connection& db, std::int64_t run, const std::vector<PoolUsage>& pools) {
  Statement s(db, "INSERT INTO error_band VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t p = 0; p < pools.size(); ++p) {
    const PoolTrust& t = pools[p].trust;
    const auto known = [](double value) { return value != 0 ? value : std::nan(""); };
    s.bind(run).bind(p).bind(t.grade).bind(t.calibration);
    s.bind(known(t.typical)).bind(known(t.band)).bind(known(t.bias)).bind(t.basis).execute();
  }
}

void read_trust(Connection& db, std::int64_t run, std::vector<PoolUsage>& pools) {
  Statement s(db,
              "SELECT grade, calibration, COALESCE(relative_error, 0), COALESCE(band, 0), COALESCE(bias, 0), basis "
              "FROM error_band WHERE run_id = ? ORDER BY pool");
  s.bind(run);
  for (std::size_t p = 0; p < pools.size() && s.step(); ++p) {
    PoolTrust& t = pools[p].trust;
    s.read(t.grade).read(t.calibration).read(t.typical).read(t.band).read(t.bias).read(t.basis);
  }
}

std::vector<PoolUsage> read_pools(Connection& db, std::int64_t run) {
  auto pools = read_list<PoolUsage>(db, run, "pool WHERE run_id = ? ORDER BY pool", kPool);
  PoolUsage blank;
  Statement usage = select(db, "usage WHERE run_id = ? ORDER BY pool", blank, kUsage);
  usage.bind(run);
  for (std::size_t p = 0; p < pools.size() && usage.step(); ++p) {
    read(usage, pools[p], kUsage);
    pools[p].step_time = read_list<StepTimeRow>(
        db, run, "step_time WHERE run_id = ? AND pool = " + std::to_string(p) + " ORDER BY op_class, bound, phase",
        kStepTime);
    pools[p].prefix_cache = read_list<CacheLevelUsage>(
        db, run, "cache_level WHERE run_id = ? AND pool = " + std::to_string(p) + " ORDER BY level", kCacheLevel);
  }
  read_trust(db, run, pools);
  return pools;
}

}  // namespace

struct ResultsDb::Impl {
  Connection db;
  std::string version;
  bool writes = false;

  Impl(const std::string& path, int flags) : db(path, flags) {}
  ~Impl() {
    // Folds the log into the file, so that one .db file remains.
    if (writes) db.try_run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
  }

  void check_ours() {
    if (pragma(db, "application_id") != kApplicationId)
      throw UserError(db.path() + ": is a SQLite file, but not tokenfab results");
    if (const int v = pragma(db, "user_version"); v != kSchemaVersion)
      throw UserError(db.path() + ": has results schema " + std::to_string(v) + "; this version reads " +
                      std::to_string(kSchemaVersion));
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
  }
  db.run("PRAGMA synchronous = NORMAL");
  impl->writes = true;
  return ResultsDb(std::move(impl));
}

ResultsDb ResultsDb::open(const std::string& path) {
  if (!std::filesystem::exists(path)) throw UserError(path + ": no such file");
  auto impl = std::make_unique<Impl>(path, SQLITE_OPEN_READONLY);
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
  Statement cost = insert(db, "cost", {"run_id"}, r.cost, kCost);
  write(cost.bind(run), r.cost, kCost);
  write_pnl(db, run, r.pnl);
  write_pools(db, run, r.pools);
  write_latency(db, run, r.latency);
  write_classes(db, run, r.classes);
  write_sessions(db, run, r.sessions);
  write_series(db, run, r.series);
  write_list(db, run, "ledger", "entry", r.ledger, kLedger);
  write_list(db, run, "assumption", "entry", r.assumptions, kAssumption);
  write_list(db, run, "price_used", "entry", r.prices, kPrice);
  write_rows(db, run, r.rows);
  write_trust(db, run, r.pools);
  write_list(db, run, "band", "entry", r.bands.of, kBand);
  write_list(db, run, "meter", "entry", r.meter, kMeter);
  if (r.spending) {
    Statement spending = insert(db, "spend_control", {"run_id"}, *r.spending, kSpending);
    write(spending.bind(run), *r.spending, kSpending);
  }
  Statement detail = insert(db, "cost_detail", {"run_id"}, r.cost.detail, kCostDetail);
  write(detail.bind(run), r.cost.detail, kCostDetail);
  write_list(db, run, "unit_cost", "entry", r.cost.detail.unit_costs, kUnitCost);
  write_fleet(db, run, r.fleet);
  Statement(db, "UPDATE run SET state = 'complete' WHERE id = ?").bind(run).execute();
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
  const bool whole = read_one(db, run, "total WHERE run_id = ?", r, kTotal) &&
                     read_one(db, run, "cost WHERE run_id = ?", r.cost, kCost);
  require(whole, "a complete run has totals and costs");
  r.pnl = read_pnl(db, run);
  r.pools = read_pools(db, run);
  read_latency(db, run, r.latency);
  r.classes = read_classes(db, run);
  r.sessions = read_sessions(db, run);
  read_series(db, run, r.series);
  r.ledger = read_list<LedgerEntry>(db, run, "ledger WHERE run_id = ? ORDER BY entry", kLedger);
  r.assumptions = read_list<Assumption>(db, run, "assumption WHERE run_id = ? ORDER BY entry", kAssumption);
  r.prices = read_list<PriceUsed>(db, run, "price_used WHERE run_id = ? ORDER BY entry", kPrice);
  r.bands.of = read_list<Band>(db, run, "band WHERE run_id = ? ORDER BY entry", kBand);
  r.meter = read_list<MeterCell>(db, run, "meter WHERE run_id = ? ORDER BY entry", kMeter);
  if (SpendControl s; read_one(db, run, "spend_control WHERE run_id = ?", s, kSpending)) r.spending = s;
  read_one(db, run, "cost_detail WHERE run_id = ?", r.cost.detail, kCostDetail);
  r.cost.detail.unit_costs = read_list<UnitCost>(db, run, "unit_cost WHERE run_id = ? ORDER BY entry", kUnitCost);
  r.fleet = read_fleet(db, run);
  return r;
}

}  // namespace tokenfab
