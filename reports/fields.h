#pragma once
// Column name -> member, once, for writing and for reading. f(name, member) is called in column order.
#include "sim/core/records.h"

namespace tokenfab::fields {

template <class R, class F>
void run(R& r, F f) {
  f("study", r.study), f("alternative", r.alternative), f("sweep_point", r.sweep_point);
  f("replication", r.replication), f("seed", r.seed), f("stepwise", r.stepwise), f("scenario", r.scenario_json);
}

template <class R, class F>
void total(R& r, F f) {
  f("offered", r.offered), f("served", r.served), f("rejected", r.rejected), f("in_flight", r.in_flight);
  f("input_offered", r.input_offered), f("input_served", r.input_served), f("input_rejected", r.input_rejected);
  f("input_in_flight", r.input_in_flight), f("output_offered", r.output_offered);
  f("output_served", r.output_served), f("output_rejected", r.output_rejected);
  f("output_in_flight", r.output_in_flight), f("cached_tokens", r.cached_tokens),
      f("rejected_too_long", r.rejected_too_long);
  f("skipped_lines", r.skipped_lines);
  f("makespan_s", r.makespan_s), f("arrival_span_s", r.arrival_span_s);
  f("slo_ttft_s", r.slo_ttft_s), f("slo_tpot_s", r.slo_tpot_s), f("slo_e2e_s", r.slo_e2e_s);
  f("good_requests", r.good_requests), f("good_output_tokens", r.good_output_tokens);
  f("saturated", r.saturated), f("backlog_slope_per_s", r.backlog_slope_per_s);
  f("grade", r.provenance), f("relative_error", r.error_band), f("band_basis", r.bands.basis);
  f("started_s", r.started_s);
  f("written_tokens", r.written_tokens), f("reasoning_tokens", r.reasoning_tokens);
  f("capacity_rps", r.capacity.low_rps), f("capacity_rps_high", r.capacity.high_rps);
  f("capacity_how", r.capacity.how), f("steadiness", r.steadiness), f("warm_up_s", r.warm_up_s);
}

template <class C, class F>
void cost(C& c, F f) {
  f("usd_total", c.usd_total), f("usd_usage", c.usd_usage), f("usd_per_mtok", c.usd_per_mtok);
  f("usd_per_mtok_in", c.usd_per_mtok_in), f("usd_per_mtok_out", c.usd_per_mtok_out);
  f("usd_per_mtok_output_only", c.usd_per_mtok_output_only), f("energy_j", c.energy_j);
  f("carbon_operational_g", c.carbon_operational_g), f("carbon_embodied_g", c.carbon_embodied_g);
  f("has_plan", c.has_plan), f("revenue_usd", c.revenue_usd), f("margin", c.margin), f("markup", c.markup);
  f("break_even_price_factor", c.break_even_price_factor), f("break_even_utilisation", c.break_even_utilisation);
  f("utilisation_time", c.utilisation_time), f("utilisation_cost", c.utilisation_cost), f("mfu", c.mfu);
  f("mbu", c.mbu), f("goodput_share", c.goodput_share), f("occupancy", c.occupancy), f("load", c.load);
}

template <class P, class F>
void pnl(P& p, F f) {
  f("provider", p.provider), f("months", p.months), f("list_revenue_usd", p.list_revenue_usd);
  f("revenue_usd", p.revenue_usd), f("compute_usd", p.compute_usd), f("platform_fee_usd", p.platform_fee_usd);
  f("marketplace_usd", p.marketplace_usd), f("cogs_usd", p.cogs_usd), f("variable_usd", p.variable_usd);
  f("contribution_usd", p.contribution_usd), f("gross_margin", p.gross_margin);
  f("contribution_margin", p.contribution_margin), f("markup", p.markup);
  f("break_even_price_factor", p.break_even_price_factor), f("subsidy_usd_per_mtok", p.subsidy_usd_per_mtok);
  f("loss_leader", p.loss_leader), f("contribution_negative", p.contribution_negative);
  f("revenue_usd_month", p.revenue_usd_month), f("cogs_usd_month", p.cogs_usd_month);
  f("fixed_usd_month", p.fixed_usd_month), f("net_burn_usd_month", p.net_burn_usd_month);
  f("cash_usd", p.cash_usd), f("growth_per_month", p.growth_per_month), f("runway_months", p.runway_months);
  f("month_basis", p.month_basis), f("load_factor", p.load_factor);
}

template <class P, class F>
void pool(P& p, F f) {
  f("name", p.name), f("llm", p.llm), f("chip", p.chip), f("engine", p.engine), f("weights", p.weights), f("kv", p.kv);
  f("tensor_parallel", p.tensor_parallel), f("pipeline_parallel", p.pipeline_parallel), f("replicas", p.replicas);
  f("chips", p.chips), f("peak_flops", p.peak_flops), f("peak_bandwidth", p.peak_bandwidth);
  f("kv_blocks", p.kv_blocks), f("kv_block_tokens", p.kv_block_tokens), f("role", p.role);
  f("active_parameters", p.active_parameters), f("active_weight_bytes", p.active_weight_bytes);
}

template <class P, class F>
void usage(P& p, F f) {
  f("paid_chip_seconds", p.paid_chip_seconds), f("busy_chip_seconds", p.busy_chip_seconds);
  f("prefill_busy_seconds", p.prefill_busy_seconds), f("decode_busy_seconds", p.decode_busy_seconds);
  f("idle_energy_j", p.idle_energy_j), f("dynamic_energy_j", p.dynamic_energy_j);
  f("input_tokens", p.input_tokens), f("cached_tokens", p.cached_tokens), f("output_tokens", p.output_tokens);
  f("recomputed_tokens", p.recomputed_tokens), f("steps", p.steps), f("preemptions", p.preemptions);
  f("swapped_blocks", p.swapped_blocks), f("variant_loads", p.variant_loads);
  f("transfer_seconds", p.transfer_seconds);
  f("flop", p.flop), f("hbm_bytes", p.hbm_bytes), f("peak_kv_blocks", p.peak_kv_blocks);
  f("most_sequences", p.most_sequences), f("most_context", p.most_context), f("most_tokens", p.most_tokens);
  f("prompt_tokens_looked_up", p.prompt_tokens_looked_up), f("transferred_bytes", p.transferred_bytes);
  f("max_sequences", p.max_sequences);
}

template <class C, class F>
void cache_level(C& c, F f) {
  f("name", c.level), f("hit_tokens", c.hit_tokens), f("read_bytes", c.read_bytes);
  f("written_bytes", c.written_bytes);
}

template <class T, class F>
void step_time(T& t, F f) {
  f("op_class", t.op_class), f("bound", t.bound), f("phase", t.phase), f("seconds", t.seconds);
}

template <class L, class F>
void ledger(L& l, F f) {
  f("account", l.account), f("party", l.party), f("usd", l.usd), f("basis", l.basis);
}

template <class A, class F>
void assumption(A& a, F f) {
  f("what", a.what), f("value", a.value), f("why", a.why);
}

template <class C, class F>
void service_class(C& c, F f) {
  f("priority", c.priority), f("served", c.served), f("good", c.good), f("output_tokens", c.output_tokens);
}

template <class B, class F>
void band(B& b, F f) {
  f("metric", b.metric), f("low", b.low), f("high", b.high);
}

template <class P, class F>
void price_used(P& p, F f) {
  f("item", p.item), f("value", p.value), f("unit", p.unit), f("source", p.source), f("as_of", p.as_of);
}

template <class C, class F>
void meter(C& c, F f) {
  f("bin", c.bin), f("priority", c.priority), f("bracket", c.bracket), f("served", c.served);
  f("rejected", c.rejected), f("good", c.good), f("input_tokens", c.input_tokens);
  f("cached_tokens", c.cached_tokens), f("output_tokens", c.output_tokens), f("tier", c.tier);
  f("written_tokens", c.written_tokens), f("written_hour_tokens", c.written_hour_tokens);
  f("reasoning_tokens", c.reasoning_tokens);
}

template <class S, class F>
void spending(S& s, F f) {
  f("calls", s.calls), f("refused", s.refused), f("truncated", s.truncated);
  f("output_tokens_cut", s.output_tokens_cut), f("most_usd", s.most_usd);
}

template <class D, class F>
void cost_detail(D& d, F f) {
  f("usd_unused", d.usd_unused), f("carbon_market_g", d.carbon_market_g);
  f("equivalent_mtok_flop", d.equivalent_mtok_flop), f("equivalent_mtok_bytes", d.equivalent_mtok_bytes);
  f("success_rate", d.success_rate), f("usd_per_failure", d.usd_per_failure), f("usd_per_task", d.usd_per_task);
  f("cached_saving_usd", d.cached_saving_usd), f("cached_saving_busy_s", d.cached_saving_busy_s);
}

template <class U, class F>
void unit_cost(U& u, F f) {
  f("method", u.method), f("basis", u.basis), f("usd_per_mtok_input", u.usd_per_mtok_input);
  f("usd_per_mtok_cached", u.usd_per_mtok_cached), f("usd_per_mtok_output", u.usd_per_mtok_output);
}

}  // namespace tokenfab::fields
