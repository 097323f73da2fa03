#include "reports/pools_db.h"

#include <cmath>

#include "reports/fields.h"
#include "reports/table_rows.h"

namespace tokenfab {

using sqlite::Connection;
using sqlite::Statement;

namespace {

const auto kPool = [](auto& r, auto f) { fields::pool(r, f); };
const auto kUsage = [](auto& r, auto f) { fields::usage(r, f); };
const auto kStepTime = [](auto& r, auto f) { fields::step_time(r, f); };
const auto kCacheLevel = [](auto& r, auto f) { fields::cache_level(r, f); };

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

}  // namespace

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
  write_trust(db, run, pools);
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

}  // namespace tokenfab
