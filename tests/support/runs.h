#pragma once
#include <algorithm>

#include "sim/fleet/factory.h"
#include "tests/catch.h"
#include "tests/support/sources.h"

namespace tokenfab::testing {

/// The factory's record, rows by request id.
inline RunRecord run_factory(FactorySpec spec, RequestSource& source, bool stepwise = false) {
  spec.stepwise = stepwise;
  RunRecord record;
  record.keeps_rows = true;
  simulate(spec, source, record);
  std::sort(record.rows.begin(), record.rows.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return record;
}

inline RunRecord run_factory(const FactorySpec& spec, const std::vector<Request>& requests, bool stepwise = false,
                             const std::vector<std::uint64_t>& hash_ids = {}) {
  VectorSource source(requests, hash_ids);
  return run_factory(spec, source, stepwise);
}

inline void require_same_series(const Series& a, const Series& b) {
  REQUIRE(a.bin_ns == b.bin_ns);
  REQUIRE(a.bins.size() == b.bins.size());
  for (std::size_t i = 0; i < a.bins.size(); ++i) {
    CAPTURE(i);
    REQUIRE(a.bins[i].arrived == b.bins[i].arrived);
    REQUIRE(a.bins[i].finished == b.bins[i].finished);
    REQUIRE(a.bins[i].rejected == b.bins[i].rejected);
    REQUIRE(a.bins[i].output_tokens == b.bins[i].output_tokens);
    REQUIRE(a.bins[i].input_tokens == b.bins[i].input_tokens);
    REQUIRE(a.bins[i].waiting_ns == b.bins[i].waiting_ns);
    REQUIRE(a.bins[i].running_ns == b.bins[i].running_ns);
  }
}

inline void require_same_usage(const PoolUsage& a, const PoolUsage& b) {
  REQUIRE(a.steps == b.steps);
  REQUIRE(a.preemptions == b.preemptions);
  REQUIRE(a.recomputed_tokens == b.recomputed_tokens);
  REQUIRE(a.cached_tokens == b.cached_tokens);
  REQUIRE(a.prompt_tokens_looked_up == b.prompt_tokens_looked_up);
  REQUIRE(a.peak_kv_blocks == b.peak_kv_blocks);
  REQUIRE(a.transferred_bytes == b.transferred_bytes);
  REQUIRE(a.swapped_blocks == b.swapped_blocks);
  REQUIRE(a.variant_loads == b.variant_loads);
  REQUIRE(a.transfer_seconds == b.transfer_seconds);
  REQUIRE(a.most_sequences == b.most_sequences);
  REQUIRE(a.most_context == b.most_context);
  REQUIRE(a.most_tokens == b.most_tokens);
  REQUIRE(a.busy_chip_seconds == b.busy_chip_seconds);
  REQUIRE(a.prefill_busy_seconds == Approx(b.prefill_busy_seconds).epsilon(1e-9));
  REQUIRE(a.decode_busy_seconds == Approx(b.decode_busy_seconds).epsilon(1e-9));
  REQUIRE(a.flop == Approx(b.flop).epsilon(1e-9));
  REQUIRE(a.hbm_bytes == Approx(b.hbm_bytes).epsilon(1e-9));
  REQUIRE(a.prefix_cache.size() == b.prefix_cache.size());
  for (std::size_t level = 0; level < a.prefix_cache.size(); ++level) {
    CAPTURE(level);
    REQUIRE(a.prefix_cache[level].hit_tokens == b.prefix_cache[level].hit_tokens);
    REQUIRE(a.prefix_cache[level].read_bytes == b.prefix_cache[level].read_bytes);
    REQUIRE(a.prefix_cache[level].written_bytes == b.prefix_cache[level].written_bytes);
  }
}

/// All that spans and single steps must agree on.
inline void require_same(const RunRecord& a, const RunRecord& b) {
  REQUIRE(a.makespan_s == b.makespan_s);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    CAPTURE(i, a.rows[i].first_token, b.rows[i].first_token, a.rows[i].finish, b.rows[i].finish, a.rows[i].preemptions,
            b.rows[i].preemptions, a.rows[i].cached_tokens, b.rows[i].cached_tokens);
    REQUIRE(a.rows[i] == b.rows[i]);
  }
  require_same_series(a.series, b.series);
  REQUIRE(a.pools.size() == b.pools.size());
  for (std::size_t p = 0; p < a.pools.size(); ++p) {
    CAPTURE(p);
    require_same_usage(a.pools[p], b.pools[p]);
  }
}

}  // namespace tokenfab::testing
