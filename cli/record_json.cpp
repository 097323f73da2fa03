#include "cli/record_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "cli/cost_detail.h"
#include "cli/fleet_notes.h"
#include "cli/pnl.h"

namespace tokenfab::cli {
using nlohmann::json;

namespace {

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json latency(const Histogram& h) {
  if (h.count() == 0) return {{"mean", nullptr}, {"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"n", 0}};
  return {{"mean", h.mean() * 1e-9},
          {"p50", h.quantile(0.5) * 1e-9},
          {"p90", h.quantile(0.9) * 1e-9},
          {"p99", h.quantile(0.99) * 1e-9},
          {"n", h.count()}};
}

json counts(std::int64_t offered, std::int64_t served, std::int64_t rejected, std::int64_t in_flight) {
  return {{"offered", offered}, {"served", served}, {"rejected", rejected}, {"in_flight", in_flight}};
}

json trust_json(const PoolTrust& t) {
  const auto known = [](double error) { return error != 0 ? json(error) : json(nullptr); };
  return {{"grade", t.grade},
          {"calibration", t.calibration.empty() ? json(nullptr) : json(t.calibration)},
          {"typical_error", known(t.typical)},
          {"band", known(t.band)},
          {"bias", known(t.bias)},
          {"basis", t.basis}};
}

/// Shares of prompt tokens looked up, so that the tiers' rates add up to the hit rate.
json prefix_cache_json(const PoolUsage& p) {
  json tiers = json::array();
  std::int64_t hits = 0;
  const auto looked_up = static_cast<double>(p.prompt_tokens_looked_up);
  const auto rate = [&](std::int64_t tokens) { return looked_up > 0 ? static_cast<double>(tokens) / looked_up : 0.0; };
  for (const CacheLevelUsage& level : p.prefix_cache) {
    hits += level.hit_tokens;
    tiers.push_back({{"tier", level.level},
                     {"hit_tokens", level.hit_tokens},
                     {"hit_rate", rate(level.hit_tokens)},
                     {"read_bytes", level.read_bytes},
                     {"written_bytes", level.written_bytes}});
  }
  return {{"looked_up_tokens", p.prompt_tokens_looked_up},
          {"hit_tokens", hits},
          {"hit_rate", rate(hits)},
          {"by_tier", tiers}};
}

json pool_json(const PoolUsage& p, double makespan) {
  json steps = json::object();
  for (const auto& row : p.step_time) {
    auto& cell = steps[row.op_class][row.bound];
    cell = (cell.is_null() ? 0.0 : cell.get<double>()) + row.seconds;
  }
  const double paid = p.paid_chip_seconds > 0 ? p.paid_chip_seconds : 1;
  json out = {{"name", p.name},
              {"llm", p.llm},
              {"chip", p.chip},
              {"engine", p.engine},
              {"role", p.role},
              {"chips", p.chips},
              {"replicas", p.replicas},
              {"tensor_parallel", p.tensor_parallel},
              {"pipeline_parallel", p.pipeline_parallel},
              {"weights", p.weights},
              {"kv", p.kv},
              {"utilisation_time", makespan > 0 ? p.busy_chip_seconds / paid : 0.0},
              {"steps", p.steps},
              {"preemptions", p.preemptions},
              {"recomputed_tokens", p.recomputed_tokens},
              {"swapped_blocks", p.swapped_blocks},
              {"variant_loads", p.variant_loads},
              {"transfer_s", p.transfer_seconds},
              {"transferred_bytes", p.transferred_bytes},
              {"input_tokens", p.input_tokens},
              {"output_tokens", p.output_tokens},
              {"kv_blocks", p.kv_blocks},
              {"peak_kv_blocks", p.peak_kv_blocks},
              {"most_sequences", p.most_sequences},
              {"most_context", p.most_context},
              {"most_tokens", p.most_tokens},
              {"trust", trust_json(p.trust)},
              {"prefill_busy_s", p.prefill_busy_seconds},
              {"decode_busy_s", p.decode_busy_seconds},
              {"step_time_s", steps}};
  if (!p.prefix_cache.empty()) out["prefix_cache"] = prefix_cache_json(p);
  return out;
}

/// Each metric where it stands in the run's object: "ttft_s.p50" is bands.ttft_s.p50.
json bands_json(const Bands& bands) {
  json out = {{"basis", bands.basis}};
  for (const Band& b : bands.of) {
    std::string pointer = "/" + b.metric;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const bool verdict = b.metric == "saturated";
    out[json::json_pointer(pointer)] = verdict ? json{b.low > 0, b.high > 0} : json{b.low, b.high};
  }
  return out;
}

json classes_json(const RunRecord& r) {
  json out = json::array();
  for (const ClassStats& c : r.classes)
    out.push_back({{"priority", c.priority},
                   {"served", c.served},
                   {"good", c.good},
                   {"output_tokens", c.output_tokens},
                   {"ttft_s", latency(c.latency.ttft)},
                   {"tpot_s", latency(c.latency.tpot)},
                   {"e2e_s", latency(c.latency.e2e)},
                   {"queue_s", latency(c.latency.queue)}});
  return out;
}

json sessions_json(const SessionStats& s, double usd) {
  const auto finished = static_cast<double>(s.finished);
  return {{"started", s.started},
          {"finished", s.finished},
          {"requests", s.requests},
          {"requests_per_session", number(static_cast<double>(s.requests_finished) / finished)},
          {"duration_s", latency(s.duration)},
          {"usd_per_session", number(usd / finished)}};
}

json spending_json(const SpendControl& s) {
  const auto share = [&](std::int64_t n) { return number(static_cast<double>(n) / static_cast<double>(s.calls)); };
  return {{"calls", s.calls},
          {"refused", s.refused},
          {"truncated", s.truncated},
          {"refused_share", share(s.refused)},
          {"truncated_share", share(s.truncated)},
          {"output_tokens_cut", s.output_tokens_cut},
          {"most_usd", s.most_usd}};
}

}  // namespace

json cost_json(const CostSummary& c) {
  json out = {{"usd_total", number(c.usd_total)},
              {"usd_usage", number(c.usd_usage)},
              {"usd_per_mtok", number(c.usd_per_mtok)},
              {"usd_per_mtok_in", number(c.usd_per_mtok_in)},
              {"usd_per_mtok_out", number(c.usd_per_mtok_out)},
              {"usd_per_mtok_output_only", number(c.usd_per_mtok_output_only)},
              {"utilisation",
               {{"time", number(c.utilisation_time)},
                {"cost", number(c.utilisation_cost)},
                {"load", number(c.load)},
                {"occupancy", number(c.occupancy)},
                {"mfu", number(c.mfu)},
                {"mbu", number(c.mbu)},
                {"goodput", number(c.goodput_share)}}}};
  if (c.has_plan)
    out["plan"] = {{"revenue_usd", number(c.revenue_usd)},
                   {"margin", number(c.margin)},
                   {"markup", number(c.markup)},
                   {"break_even_price_factor", number(c.break_even_price_factor)},
                   {"break_even_utilisation", number(c.break_even_utilisation)}};
  return out;
}

json scenario_of(const RunRecord& r) {
  const std::string where = "run of \"" + r.alternative + "\"";
  json scenario = parse_json_text(r.scenario_json, where + ": stored scenario");
  if (scenario.is_object() && scenario.contains("engine_replay"))
    throw UserError(where + ": was replayed by the engine of this machine; there is no factory to price");
  const bool has_pools = scenario.is_object() && scenario.contains("pools") && scenario["pools"].is_array();
  if (r.pools.empty() || !has_pools || scenario["pools"].size() != r.pools.size())
    throw UserError(where + ": the stored pools are not those of the stored scenario; run it again");
  return scenario;
}

json record_json(const RunRecord& r) {
  const double makespan = r.makespan_s > 0 ? r.makespan_s : NAN;
  json out;
  out["study"] = r.study;
  out["alternative"] = r.alternative;
  out["seed"] = r.seed;
  out["replication"] = r.replication;
  out["requests"] = counts(r.offered, r.served, r.rejected, r.in_flight);
  out["requests"]["rejected_too_long"] = r.rejected_too_long;
  out["requests"]["skipped_lines"] = r.skipped_lines;
  out["tokens"] = {{"input", r.input_served},
                   {"output", r.output_served},
                   {"cached", r.cached_tokens},
                   {"cache_write", r.written_tokens},
                   {"reasoning", r.reasoning_tokens},
                   {"offered", {{"input", r.input_offered}, {"output", r.output_offered}}},
                   {"served", {{"input", r.input_served}, {"output", r.output_served}}},
                   {"rejected", {{"input", r.input_rejected}, {"output", r.output_rejected}}},
                   {"in_flight", {{"input", r.input_in_flight}, {"output", r.output_in_flight}}}};
  out["makespan_s"] = r.makespan_s;
  out["throughput_tok_s"] = number(static_cast<double>(r.output_served) / makespan);
  out["throughput_total_tok_s"] = number(static_cast<double>(r.input_served + r.output_served) / makespan);
  out["throughput_req_s"] = number(static_cast<double>(r.served) / makespan);
  out["ttft_s"] = latency(r.latency.ttft);
  out["tpot_s"] = latency(r.latency.tpot);
  out["e2e_s"] = latency(r.latency.e2e);
  out["queue_s"] = latency(r.latency.queue);
  out["goodput"] = {
      {"requests_per_s", number(static_cast<double>(r.good_requests) / makespan)},
      {"output_tok_s", number(static_cast<double>(r.good_output_tokens) / makespan)},
      {"share",
       r.offered > 0 ? json(static_cast<double>(r.good_requests) / static_cast<double>(r.offered)) : json(nullptr)},
      {"slo", {{"ttft_s", r.slo_ttft_s}, {"tpot_s", r.slo_tpot_s}, {"e2e_s", r.slo_e2e_s}}}};
  if (!r.classes.empty()) out["classes"] = classes_json(r);
  if (r.sessions) out["sessions"] = sessions_json(*r.sessions, r.cost.usd_total);
  if (r.spending) out["spending"] = spending_json(*r.spending);
  if (r.fleet) out["fleet"] = fleet_json(r);
  out["saturated"] = r.saturated;
  out["steady_state"] = !r.saturated;  // saturated: latencies are of this finite run and grow with its length
  out["steadiness"] = {{"verdict", kSteadinessNames[static_cast<std::size_t>(r.steadiness) % kSteadinessNames.size()]},
                       {"warm_up_s", number(r.warm_up_s)}};
  out["capacity"] = {{"requests_per_s", number(r.capacity.low_rps)},
                     {"requests_per_s_high", number(r.capacity.high_rps)},
                     {"how", r.capacity.how}};
  out["backlog_slope_per_s"] = r.backlog_slope_per_s;
  out["cost"] = cost_json(r.cost);
  if (r.pnl) out["pnl"] = pnl_json(*r.pnl);
  out["energy_j"] = number(r.cost.energy_j);
  out["carbon_g"] = number(r.cost.carbon_operational_g + r.cost.carbon_embodied_g);
  out["carbon"] = {{"operational_g", number(r.cost.carbon_operational_g)},
                   {"embodied_g", number(r.cost.carbon_embodied_g)}};
  add_cost_detail(r, out);
  out["provenance"] = {{"grade", r.provenance},
                       {"error_band", r.error_band > 0 ? json(r.error_band) : json(nullptr)},
                       {"version", TOKENFAB_VERSION}};
  out["bands"] = bands_json(r.bands);
  out["extrapolations"] = json::array();
  for (const auto& a : r.assumptions)
    if (a.what == kExtrapolation) out["extrapolations"].push_back({{"pool", a.why}, {"what", a.value}});
  out["pools"] = json::array();
  for (const auto& pool : r.pools) out["pools"].push_back(pool_json(pool, r.makespan_s));
  out["ledger"] = json::array();
  for (const auto& e : r.ledger)
    out["ledger"].push_back({{"account", e.account}, {"party", e.party}, {"usd", e.usd}, {"basis", e.basis}});
  out["prices"] = json::array();
  for (const auto& p : r.prices)
    out["prices"].push_back(
        {{"item", p.item}, {"value", p.value}, {"unit", p.unit}, {"source", p.source}, {"as_of", p.as_of}});
  out["assumptions"] = json::array();
  for (const auto& a : r.assumptions)
    out["assumptions"].push_back({{"what", a.what}, {"value", a.value}, {"why", a.why}});
  return out;
}

}  // namespace tokenfab::cli
