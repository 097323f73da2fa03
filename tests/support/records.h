#pragma once
#include <limits>
#include <string>

#include "sim/core/records.h"

namespace tokenfab::testing {

/// A made-up complete run with something in every field; `name` appears in every text.
inline RunRecord sample_record(const std::string& name, int replication = 0) {
  RunRecord r;
  r.study = name;
  r.alternative = name + " A";
  r.scenario_json = R"({"name": "x"})";
  r.seed = 7;
  r.replication = replication;
  r.offered = 101, r.served = 98, r.rejected = 2, r.in_flight = 1;
  r.input_offered = 1010, r.input_served = 980, r.input_rejected = 20, r.input_in_flight = 10;
  r.output_offered = 505, r.output_served = 490, r.output_rejected = 10, r.output_in_flight = 5;
  r.cached_tokens = 3;
  r.makespan_s = 12.5 + replication;
  r.arrival_span_s = 10;
  r.slo_ttft_s = 0.5;
  r.good_requests = 90, r.good_output_tokens = 450;
  r.saturated = replication == 0;
  r.backlog_slope_per_s = 0.25;
  for (int i = 1; i <= 98; ++i) {
    r.latency.ttft.add(i * 10'000'000ll);
    r.latency.tpot.add(i * 1'000'000ll + 3);
    r.latency.e2e.add(i * 100'000'000ll);
    r.latency.queue.add(i * 1'000ll);
  }
  for (const int priority : {0, 2}) {
    ClassStats c;
    c.priority = priority, c.served = 49, c.output_tokens = 245, c.good = 45 - priority;
    for (int i = 1; i <= 49; ++i)
      c.latency.ttft.add((i + priority) * 20'000'000ll), c.latency.e2e.add(i * 1'000'000'000ll);
    r.classes.push_back(c);
  }
  r.sessions.emplace();
  r.sessions->started = 30, r.sessions->finished = 20, r.sessions->requests = 101, r.sessions->requests_finished = 80;
  for (int i = 1; i <= 20; ++i) r.sessions->duration.add(i * 1'000'000'000ll);
  r.series.bin_ns = 1'000'000'000;
  for (int i = 0; i < 12; ++i) {
    SeriesBin b;
    b.arrived = b.finished = 8;
    b.input_tokens = 80;
    b.output_tokens = 40 + i;
    b.waiting_ns = 500'000'000ll * i;
    b.running_ns = 3'000'000'000ll;
    r.series.bins.push_back(b);
  }
  PoolUsage p;
  p.name = name + " pool", p.llm = name + " model", p.chip = "chip", p.engine = "engine", p.weights = "bf16",
  p.kv = "fp8";
  p.role = "decode", p.transferred_bytes = 5e9;
  p.tensor_parallel = 2, p.replicas = 3, p.chips = 6;
  p.paid_chip_seconds = 75, p.busy_chip_seconds = 60, p.prefill_busy_seconds = 12, p.decode_busy_seconds = 18;
  p.idle_energy_j = 1000, p.dynamic_energy_j = 2000.5;
  p.input_tokens = 980, p.cached_tokens = 3, p.output_tokens = 490, p.recomputed_tokens = 44;
  p.swapped_blocks = 32, p.variant_loads = 6, p.transfer_seconds = 1.5;
  p.steps = 500, p.preemptions = 4, p.flop = 1e15, p.hbm_bytes = 2e13, p.peak_flops = 1e15, p.peak_bandwidth = 4e12;
  p.kv_blocks = 1000, p.kv_block_tokens = 16, p.peak_kv_blocks = 900;
  p.max_sequences = 256, p.most_sequences = 70, p.most_context = 600, p.most_tokens = 2048;
  p.active_parameters = 7e10, p.active_weight_bytes = 1.4e11;
  p.prompt_tokens_looked_up = 990;
  p.prefix_cache = {{"hbm", 200, 0, 0}, {"host", 30, 4e9, 5e9}};
  p.trust = {"datasheet", name + " calibration", 0.05, 0.12, -0.01, name + " basis"};
  p.step_time = {{"mlp_gemm", "bandwidth", "decode", 14.0},
                 {"mlp_gemm", "compute", "prefill", 12.0},
                 {"host", "host", "decode", 4.0}};
  r.pools.push_back(p);
  r.assumptions = {{"/pools/0/kv", "fp8", name + " reason"}, {kExtrapolation, name + " too large", name + " pool"}};
  r.prices = {{"rent", "USD per chip-hour", name + " source", "2026-11", 2.5}};
  r.ledger = {{"compute.rent", name, "75 s x $2.5", 0.052}, {"revenue.output", "users", "490 tokens", -0.09}};
  r.cost.usd_total = 0.052;
  r.cost.usd_usage = 0.04;
  r.cost.usd_per_mtok = 35.4, r.cost.usd_per_mtok_in = 20, r.cost.usd_per_mtok_out = 66;
  r.cost.usd_per_mtok_output_only = 106;
  r.cost.energy_j = 3000.5, r.cost.carbon_operational_g = 1.5, r.cost.carbon_embodied_g = 0.5;
  r.cost.has_plan = true, r.cost.revenue_usd = 0.09, r.cost.margin = 0.42, r.cost.markup = 0.73;
  r.cost.break_even_price_factor = 0.58, r.cost.break_even_utilisation = 0.46;
  r.cost.utilisation_time = 0.8, r.cost.utilisation_cost = 0.77, r.cost.mfu = 0.1, r.cost.mbu = 0.2;
  r.cost.goodput_share = 0.91, r.cost.occupancy = 0.3, r.cost.load = 0.7;
  r.pnl = PnlSummary{name + " seller",
                     0.5,
                     9,
                     8,
                     4,
                     0.5,
                     0.25,
                     5,
                     3,
                     2.5,
                     0.375,
                     0.3125,
                     0.6,
                     0.9,
                     -0.1,
                     false,
                     true,
                     16,
                     10,
                     7,
                     1,
                     name + " month",
                     0.4,
                     100,
                     0.02,
                     replication == 0 ? 90.5 : std::numeric_limits<double>::infinity()};
  r.started_s = 0.5;
  r.meter = {{0, 0, 0, 90, 2, 88, 900, 3, 450, 0, 0, 0, 0}, {0, 1, 4, 8, 0, 2, 80, 0, 40, 3, 25, 10, 7}};
  r.written_tokens = 25, r.reasoning_tokens = 7;
  r.capacity = {4.5, 4.75, name + " search"};
  r.steadiness = Steadiness::steady, r.warm_up_s = 1.25;
  r.spending = SpendControl{105, 4, 2, 30, 0.25};
  r.cost.detail.usd_unused = 0.005, r.cost.detail.carbon_market_g = 1.25, r.cost.detail.equivalent_mtok_flop = 0.0147;
  r.cost.detail.equivalent_mtok_bytes = 0.0146, r.cost.detail.success_rate = 0.9, r.cost.detail.usd_per_failure = 0.5;
  r.cost.detail.usd_per_task = 0.06;
  r.cost.detail.unit_costs = {{"busy-time", name + " basis", 20, 5, 66}};
  r.cost.detail.cached_saving_usd = 0.003, r.cost.detail.cached_saving_busy_s = 2.5;
  r.provenance = "datasheet";
  r.bands = {name + " basis", {{"ttft_s.p50", 0.4, 0.6}, {"cost.usd_per_mtok", 31, 40}, {"saturated", 0, 1}}};
  r.fleet.emplace();
  r.fleet->counts = {{0, 0, 2, 1, 0}, {0, 7'000'000'000, 3, 0, 0}, {0, 9'000'000'000, 2, 0, 1}};
  r.fleet->pools = {{name + " region", 2.5, "USD", 0.8, 1, 2, 3, 4, 105, 37.5, 7}};
  r.fleet->flows = {{name + " origin", 0, 105, 0.08}};
  r.fleet->waited = 11, r.fleet->most_waiting = 5, r.fleet->gateway_full = 1, r.fleet->unreachable = 1;
  r.fleet->floor_violations = 6, r.fleet->pooling_gain = 0.25, r.fleet->peak_window_s = 3600;
  r.keeps_rows = true;
  for (int i = 0; i < 101; ++i) {
    RequestRow row;
    row.id = i;
    row.arrival = i * 100'000'000ll;
    row.input_tokens = 10, row.output_tokens = 5;
    row.state = i < 98 ? RequestState::served : i < 100 ? RequestState::rejected : RequestState::in_flight;
    if (i < 98) row.first_token = row.arrival + 5, row.finish = row.arrival + 50;
    else row.replica = -1;
    r.rows.push_back(row);
  }
  return r;
}

}  // namespace tokenfab::testing
