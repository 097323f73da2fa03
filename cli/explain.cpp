#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/explain_balance.h"
#include "cli/shown.h"
#include "hwmodels/decode_sums.h"
#include "hwmodels/dtype.h"
#include "scenarios/scenario.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

struct ExampleStep {
  std::string name;
  StepSums sums;
};

/// One sequence, as many as fit, one prompt alone, and a full mixed step.
std::vector<ExampleStep> example_steps(const PoolSpec& pool, std::int64_t context) {
  const BatcherSpec& b = pool.batcher;
  const Deployment& d = pool.model->deployment();
  const std::int64_t window = b.window.tokens;
  const KvBlocks kv(b.kv_blocks, b.kv_block_tokens, 0, 1, b.window);
  const std::int64_t full = std::clamp<std::int64_t>(b.kv_blocks / kv.blocks_for(context), 1, b.max_sequences);
  const std::int64_t prompt = std::min(context, b.token_budget);
  std::vector<ExampleStep> steps;
  steps.push_back({"decode, 1 sequence", decode_sums(d, 1, context)});
  if (full > 1) steps.push_back({shown("decode, {} sequences", full), decode_sums(d, full, context)});
  StepSums alone;
  alone.add_chunk(0, prompt, true, window);
  steps.push_back({shown("prefill, 1 prompt of {} tokens", prompt), alone});
  if (b.policy == "chunked" && full > 1) {
    StepSums mixed = decode_sums(d, full - 1, context);
    const std::int64_t decoded = mixed.decode_sequences * pool.model->step_tokens(mixed.decode_sequences);
    mixed.add_chunk(0, std::min(prompt, b.token_budget - decoded), true, window);
    steps.push_back({shown("mixed, {} decoding + {} prompt tokens", full - 1, mixed.prefill_tokens), mixed});
  }
  return steps;
}

std::size_t floor_bound(std::size_t op) {
  const auto c = static_cast<OpClass>(op);
  const bool network = c == OpClass::all_reduce || c == OpClass::all_to_all || c == OpClass::send;
  return static_cast<std::size_t>(network ? Bound::network : Bound::host);
}

json step_json(const StepModel& model, const ExampleStep& step) {
  const StepSeconds s = model.evaluate(step.sums);
  const StepWork w = model.work(step.sums);
  const Deployment& d = model.deployment();
  const double chips = d.chips(), total = s.total();
  json out = {{"name", step.name},
              {"decode_sequences", step.sums.decode_sequences},
              {"decode_kv_tokens", step.sums.decode_kv_tokens},
              {"prefill_tokens", step.sums.prefill_tokens},
              {"seconds", total},
              {"dynamic_joules", model.dynamic_joules(s)},
              {"idle_joules", total * chips * (d.chip.idle_power.value + d.chip.host_power.value)},
              {"flop", w.flop},
              {"hbm_bytes", w.bytes},
              {"mfu", w.flop / (total * chips * model.matrix_peak())},
              {"mbu", w.bytes / (total * chips * d.chip.bandwidth.value)}};
  json bounds = json::object();
  for (const char* name : kBoundNames) bounds[name] = 0.0;
  for (std::size_t c = 0; c < kOpClasses; ++c) {
    const double time = s.work[c] + s.floor[c];
    if (time == 0) continue;
    const char* bound =
        s.floor[c] > s.work[c] ? kBoundNames[floor_bound(c)] : kBoundNames[static_cast<std::size_t>(s.bound[c])];
    out["classes"].push_back({{"op", kOpClassNames[c]},
                              {"seconds", time},
                              {"floor_s", s.floor[c]},
                              {"share", time / total},
                              {"bound", bound}});
    bounds[kBoundNames[static_cast<std::size_t>(s.bound[c])]] =
        bounds[kBoundNames[static_cast<std::size_t>(s.bound[c])]].get<double>() + s.work[c];
    bounds[kBoundNames[floor_bound(c)]] = bounds[kBoundNames[floor_bound(c)]].get<double>() + s.floor[c];
  }
  out["seconds_by_bound"] = bounds;
  return out;
}

json memory_json(const StepModel& model) {
  const MemoryPlan& m = model.memory();
  // Of sequences much longer than any attention window, whose layers take no more pages then.
  const std::int64_t tokens = m.kv_blocks / std::max(1, m.full_pages) * model.deployment().kv_block_tokens;
  return {{"chip_bytes", m.chip_bytes},     {"usable_bytes", m.usable_bytes},
          {"weight_bytes", m.weight_bytes}, {"workspace_bytes", m.workspace_bytes},
          {"kv_bytes", m.kv_bytes},         {"kv_bytes_per_token", m.kv_bytes_per_token},
          {"kv_blocks", m.kv_blocks},       {"kv_tokens", tokens}};
}

std::string step_text(const json& step) {
  std::vector<std::vector<std::string>> rows = {{"operator class", "ms", "share", "fixed ms", "bound"}};
  json classes = step["classes"];
  std::sort(classes.begin(), classes.end(), [](const json& a, const json& b) { return a["seconds"] > b["seconds"]; });
  for (const auto& c : classes)
    rows.push_back({c["op"].get<std::string>(), shown("{:.4f}", 1e3 * c["seconds"].get<double>()),
                    shown("{:.1f} %", 100 * c["share"].get<double>()),
                    shown("{:.4f}", 1e3 * c["floor_s"].get<double>()), c["bound"].get<std::string>()});
  std::string bounds;
  for (const auto& [name, seconds] : step["seconds_by_bound"].items())
    bounds += shown(" {} {:.1f} %", name, 100 * seconds.get<double>() / step["seconds"].get<double>());
  return shown("\n{}: {:.4f} ms, {:.1f} J above idle, MFU {:.1f} %, MBU {:.1f} %\n", step["name"].get<std::string>(),
               1e3 * step["seconds"].get<double>(), step["dynamic_joules"].get<double>(),
               100 * step["mfu"].get<double>(), 100 * step["mbu"].get<double>()) +
         text_table(rows) + "bound:" + bounds + "\n";
}

std::string pool_text(const json& pool) {
  const json& m = pool["memory"];
  const auto gb = [&](const char* key) { return shown("{:.2f} GB", m[key].get<double>() / 1e9); };
  std::string out =
      shown("{} ({}): {}\nper chip: {} usable of {}; weights {}, workspace {}, KV cache {} = {} blocks = {} tokens\n",
            pool["alternative"].get<std::string>(), pool["pool"].get<std::string>(), pool["what"].get<std::string>(),
            gb("usable_bytes"), gb("chip_bytes"), gb("weight_bytes"), gb("workspace_bytes"), gb("kv_bytes"),
            grouped(m["kv_blocks"].get<long long>()), grouped(m["kv_tokens"].get<long long>()));
  for (const auto& step : pool["steps"]) out += step_text(step);
  return out + "\n";
}

}  // namespace

void explain(const ExplainArgs& args) {
  const Scenario scenario =
      load_scenario(args.scenario.path, {args.scenario.set, args.scenario.seed, args.scenario.trace});
  json out;
  for (const auto& alternative : scenario.alternatives) {
    if (is_disaggregated(alternative)) out["balance"].push_back(balance_json(alternative, scenario.seed));
    for (const auto& pool : alternative.pools) {
      const StepModel& model = *pool.spec.model;
      const Deployment& d = model.deployment();
      json entry = {
          {"alternative", alternative.name},
          {"pool", pool.spec.name},
          {"what", shown("{} {} weights, {} KV, {} replica(s) of {} x {} ({} {})", d.llm.id, name_of(d.weights),
                         name_of(d.kv), pool.spec.replicas, d.chips(), d.chip.id, d.engine.id, d.engine.version)},
          {"grade", kGradeNames[static_cast<std::size_t>(d.grade())]},
          {"memory", memory_json(model)}};
      for (const auto& step : example_steps(pool.spec, args.context)) entry["steps"].push_back(step_json(model, step));
      out["pools"].push_back(entry);
    }
  }
  if (args.json) {
    std::cout << out.dump(2) << "\n";
    return;
  }
  for (const auto& pool : out["pools"]) std::cout << pool_text(pool);
  for (const auto& balance : out.value("balance", json::array())) std::cout << balance_text(balance);
}

}  // namespace tokenfab::cli
