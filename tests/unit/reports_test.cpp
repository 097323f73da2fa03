// The results file: what goes in comes out, the views answer, the content is deterministic.
#include <algorithm>
#include <tuple>

#include "tests/unit/reports_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

// Every field in order: a field added to a record does not compile here until it is listed, and so stored.
auto fields_of(const CostSummary& c) {
  const auto& [a, b, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, detail] = c;
  const auto& [da, db, dc, dd, de, df, dg, dh, di, unit_costs] = detail;
  return std::tie(a, b, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, da, db, dc, dd, de, df, dg, dh, di);
}
auto fields_of(const UnitCost& cost) {
  const auto& [a, b, c, d, e] = cost;
  return std::tie(a, b, c, d, e);
}
auto fields_of(const SeriesBin& bin) {
  const auto& [a, b, c, d, e, f, g] = bin;
  return std::tie(a, b, c, d, e, f, g);
}
auto fields_of(const StepTimeRow& row) {
  const auto& [a, b, c, d] = row;
  return std::tie(a, b, c, d);
}
auto fields_of(const Assumption& assumption) {
  const auto& [a, b, c] = assumption;
  return std::tie(a, b, c);
}
auto fields_of(const Band& band) {
  const auto& [a, b, c] = band;
  return std::tie(a, b, c);
}
auto fields_of(const PriceUsed& price) {
  const auto& [a, b, c, d, e] = price;
  return std::tie(a, b, c, d, e);
}
auto fields_of(const CacheLevelUsage& level) {
  const auto& [a, b, c, d] = level;
  return std::tie(a, b, c, d);
}
auto fields_of(const LedgerEntry& entry) {
  const auto& [a, b, c, d] = entry;
  return std::tie(a, b, c, d);
}
auto fields_of(const PnlSummary& pnl) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z] = pnl;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z);
}
auto fields_of(const PoolFleet& fleet) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k] = fleet;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k);
}
auto fields_of(const RegionFlow& flow) {
  const auto& [a, b, c, d] = flow;
  return std::tie(a, b, c, d);
}
template <class Row>
void check_same(const std::vector<Row>& in, const std::vector<Row>& out) {
  REQUIRE(in.size() == out.size());
  for (std::size_t n = 0; n < in.size(); ++n) CHECK((fields_of(in[n]) == fields_of(out[n])));
}
void check_same(const Histogram& in, const Histogram& out) {
  CHECK(in.counts() == out.counts());
  CHECK((in.count() == out.count() && in.sum() == out.sum() && in.min() == out.min() && in.max() == out.max()));
}
void check_same(const PoolUsage& in, const PoolUsage& out) {
  const auto plain = [](const PoolUsage& pool) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab, ac, ad, ae, af,
                 ag, ah, ai, aj, ak, al, trust, steps, levels, looked_up, active, active_bytes] = pool;
    const auto& [ta, tb, tc, td, te, tf] = trust;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab, ac, ad, ae,
                    af, ag, ah, ai, aj, ak, al, ta, tb, tc, td, te, tf, looked_up, active, active_bytes);
  };
  CHECK((plain(in) == plain(out)));
  const auto sorted = [](std::vector<StepTimeRow> rows) {  // a table without order
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return fields_of(a) < fields_of(b); });
    return rows;
  };
  check_same(sorted(in.step_time), sorted(out.step_time));
  check_same(in.prefix_cache, out.prefix_cache);
}
void check_same(const RunRecord& in, const RunRecord& out) {
  const auto plain = [](const RunRecord& record) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab, ac, ad, ae, af,
                 ag, ah, ai, latency, classes, sessions, series, pools, assumptions, prices, ledger, cost, pnl,
                 provenance, error, bands, fleet, keeps, rows, spooled_rows, started, meter, capacity, spending,
                 price_row] = record;
    const auto& [ca, cb, cc] = capacity;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab, ac, ad, ae,
                    af, ag, ah, ai, provenance, error, bands.basis, started, meter, spending, ca, cb, cc);
  };
  CHECK((plain(in) == plain(out)));
  for (const auto part : {&Latencies::ttft, &Latencies::tpot, &Latencies::e2e, &Latencies::queue})
    check_same(in.latency.*part, out.latency.*part);
  REQUIRE(in.classes.size() == out.classes.size());
  for (std::size_t n = 0; n < in.classes.size(); ++n) {
    const auto counts = [](const ClassStats& c) { return std::tie(c.priority, c.served, c.output_tokens, c.good); };
    CHECK((counts(in.classes[n]) == counts(out.classes[n])));
    for (const auto part : {&Latencies::ttft, &Latencies::tpot, &Latencies::e2e, &Latencies::queue})
      check_same(in.classes[n].latency.*part, out.classes[n].latency.*part);
  }
  REQUIRE(in.sessions.has_value() == out.sessions.has_value());
  if (in.sessions) {
    const auto counts = [](const SessionStats& s) {
      return std::tuple(s.started, s.finished, s.requests, s.requests_finished);
    };
    CHECK((counts(*in.sessions) == counts(*out.sessions)));
    check_same(in.sessions->duration, out.sessions->duration);
  }
  CHECK(in.series.bin_ns == out.series.bin_ns);
  check_same(in.series.bins, out.series.bins);
  REQUIRE(in.pools.size() == out.pools.size());
  for (std::size_t n = 0; n < in.pools.size(); ++n) check_same(in.pools[n], out.pools[n]);
  check_same(in.assumptions, out.assumptions);
  check_same(in.bands.of, out.bands.of);
  check_same(in.prices, out.prices);
  check_same(in.ledger, out.ledger);
  REQUIRE(in.fleet.has_value() == out.fleet.has_value());
  if (in.fleet) {
    check_same(in.fleet->pools, out.fleet->pools);
    check_same(in.fleet->flows, out.fleet->flows);
    CHECK(in.fleet->counts == out.fleet->counts);
    const auto totals = [](const FleetStats& f) {
      const auto& [counts, pools, flows, a, b, c, d, e, g, h] = f;
      return std::tie(a, b, c, d, e, g, h);
    };
    CHECK((totals(*in.fleet) == totals(*out.fleet)));
  }
  CHECK((fields_of(in.cost) == fields_of(out.cost)));
  REQUIRE(in.pnl.has_value() == out.pnl.has_value());
  if (in.pnl) CHECK((fields_of(*in.pnl) == fields_of(*out.pnl)));
  check_same(in.cost.detail.unit_costs, out.cost.detail.unit_costs);
}

}  // namespace

TEST_CASE("a run comes back from the file as it went in") {
  Folder folder;
  const std::string path = folder.file("r.db");
  RunRecord in = sample_record("study", 1);
  in.sweep_point = "rate_scale=2";
  in.seed = UINT64_MAX;
  in.stepwise = true;
  in.rejected_too_long = 1;
  in.skipped_lines = 6;
  in.slo_tpot_s = 0.05, in.slo_e2e_s = 20;
  in.error_band = 0.055;
  in.series.bins[3].rejected = 2;
  in.sessions = SessionStats{9, 7, 60, 50, {}};
  for (int i = 1; i <= 7; ++i) in.sessions->duration.add(i * 1'000'000'000ll);
  in.pools.push_back(in.pools[0]);
  in.fleet->pools.push_back(in.fleet->pools[0]);
  in.pools[1].trust = {"class defaults", "", 0, 0, 0, "not measured"};
  in.pools[1].name = "second", in.pools[1].pipeline_parallel = 4, in.pools[1].step_time.pop_back();
  write_one(path, in);
  CHECK_FALSE(fs::exists(path + "-wal"));  // one file remains
  CHECK_FALSE(fs::exists(path + "-shm"));
  ResultsDb db = ResultsDb::open(path);
  const auto runs = db.runs();
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].complete);
  CHECK(runs[0].version == "test");
  check_same(in, db.load(runs[0].id));
}

TEST_CASE("what cannot work is stored once per study and alternative, with the newest reason") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const std::vector<InfeasibleAlternative> rows = {{"s", "b", "it's too large"}, {"s", "a", "too slow"}};
  {
    ResultsDb db = ResultsDb::create_or_open(path, "test");
    CHECK(db.infeasible().empty());
    db.write_infeasible({{"s", "b", "old"}});
    db.write_infeasible(rows);
    db.write_infeasible({{"t", "b", "another study's"}});
  }
  auto all = rows;
  all.push_back({"t", "b", "another study's"});
  CHECK((ResultsDb::open(path).infeasible() == all));
}

TEST_CASE("each view answers its question with the record's numbers") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const RunRecord r = sample_record("study");
  write_one(path, r);
  CHECK(value(path, "SELECT output_tok_s FROM v_summary") == Approx(490 / 12.5));
  CHECK(value(path, "SELECT ttft_p99_s FROM v_summary") == Approx(r.latency.ttft.quantile(0.99) * 1e-9));
  CHECK(value(path, "SELECT usd_per_mtok_out FROM v_unit_cost") == 66);
  CHECK(value(path, "SELECT carbon_g FROM v_unit_cost") == 2);
  CHECK(value(path, "SELECT mean_s FROM v_latency WHERE metric = 'e2e'") == Approx(r.latency.e2e.mean() * 1e-9));
  CHECK(value(path, "SELECT share FROM v_bottleneck WHERE op_class = 'host'") == Approx(4.0 / 30));
  CHECK(value(path, "SELECT SUM(share) FROM v_bottleneck") == Approx(1));
  CHECK(value(path, "SELECT break_even_price_factor FROM v_breakeven") == 0.58);
  CHECK(query(path, "SELECT kind FROM v_assumptions ORDER BY kind") ==
        std::vector<std::vector<std::string>>{{"assumption"}, {"extrapolation"}, {"hardware model"}, {"price"}});
  CHECK(query(path, "SELECT value FROM v_assumptions WHERE kind = 'hardware model'")[0][0] ==
        "step times typically off by 5.0 %, band 12.0 %");
  CHECK(value(path, "SELECT high FROM v_band WHERE metric = 'ttft_s.p50'") == 0.6);
  CHECK(value(path, "SELECT bias FROM error_band") == -0.01);
  CHECK(value(path, "SELECT SUM(count) FROM latency_sketch WHERE metric = 'ttft'") == 98);
  CHECK(value(path, "SELECT COUNT(*) FROM request WHERE state = 'served'") == 98);
  CHECK(query(path, "SELECT first_token_ns FROM request WHERE id = 100")[0][0] == "NULL");
}

TEST_CASE("the same records make the same content, and runs append") {
  Folder folder;
  const auto dump = [&](const std::string& path) {
    std::string all;
    for (const auto& table : query(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
      for (const auto& row : query(path, "SELECT * FROM " + table[0]))
        for (const auto& cell : row) all += cell + "|";
    return all;
  };
  for (const char* name : {"a.db", "b.db"}) {
    write_one(folder.file(name), sample_record("study"));
    write_one(folder.file(name), sample_record("study", 1));
  }
  CHECK(dump(folder.file("a.db")) == dump(folder.file("b.db")));
  CHECK(ResultsDb::open(folder.file("a.db")).runs().size() == 2);
}
