#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "cli/engine.h"
#include "cli/record_json.h"
#include "cli/shown.h"
#include "engine/replay.h"
#include "reports/results_db.h"
#include "sim/workload/builtin.h"
#include "sim/workload/trace.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::engine;

ReplayTrace read_trace(const EngineReplayArgs& args) {
  const std::vector<std::string>& builtins = builtin_names();
  std::unique_ptr<RequestSource> source;
  if (std::find(builtins.begin(), builtins.end(), args.trace) != builtins.end()) {
    source = make_generator(builtin_workload(args.trace, args.engine.seed, 0));
  } else {
    TraceOptions options;
    options.path = args.trace;
    source = open_trace(options);
  }
  TraceFit fit;
  fit.requests = args.requests;
  fit.max_input = args.max_input;
  fit.max_output = args.max_output;
  fit.rate_scale = args.rate_scale;
  return fit_trace(*source, fit);
}

/// A log of JSON lines whose first line has `key`.
FileKind log_with(const std::string& key) {
  return {"a log of engine replay", [key](std::string_view head) {
            return head.starts_with("{") && head.substr(0, head.find('\n')).find("\"" + key + "\"") != head.npos;
          }};
}

void write_log(const std::string& path, const EngineRecord& log) {
  OutputFile file(path, log_with("elapsed_s"));
  for (const StepRecord& s : log.steps)
    file.stream() << nlohmann::json{{"start_s", s.start_s},
                                    {"elapsed_s", s.elapsed_s},
                                    {"decode_sequences", s.sums.decode_sequences},
                                    {"decode_kv_tokens", s.sums.decode_kv_tokens},
                                    {"prefill_sequences", s.sums.prefill_sequences},
                                    {"prefill_tokens", s.sums.prefill_tokens},
                                    {"prefill_attention", s.sums.prefill_attention},
                                    {"prefill_kv_tokens", s.sums.prefill_kv_tokens},
                                    {"prefill_outputs", s.sums.prefill_outputs},
                                    {"draft_tokens", s.draft_tokens},
                                    {"accepted_tokens", s.accepted_tokens}}
                         .dump()
                  << "\n";
  file.commit();
}

void write_outputs(const std::string& path, const EngineRecord& log) {
  OutputFile file(path, log_with("request"));
  for (const auto& [id, tokens] : log.outputs)
    file.stream() << nlohmann::json{{"request", id}, {"tokens", tokens}}.dump() << "\n";
  file.commit();
}

nlohmann::json acceptance_json(const Acceptance& a) {
  nlohmann::json out = {
      {"sequence_steps", a.steps},
      {"tokens_per_step", a.steps > 0 ? static_cast<double>(a.tokens) / static_cast<double>(a.steps) : 0.0}};
  out["by_position"] = nlohmann::json::array();
  for (std::size_t i = 0; i < a.tried.size(); ++i)
    out["by_position"].push_back(
        {{"tried", a.tried[i]},
         {"kept", a.kept[i]},
         {"rate", a.tried[i] > 0 ? static_cast<double>(a.kept[i]) / static_cast<double>(a.tried[i]) : 0.0}});
  return out;
}

/// Against each request alone, prompts whole, nothing shared or drafted.
struct Comparison {
  std::int64_t outputs = 0, differing = 0;
  std::int64_t tokens = 0;  // compared: up to and with the first difference of each output
  double flip_rate() const { return tokens > 0 ? static_cast<double>(differing) / static_cast<double>(tokens) : 0; }
};

Comparison compare_with_alone(kernels::Backend& backend, const EngineReplayArgs& args, const ReplayTrace& trace,
                              const EngineRecord& log) {
  EngineArgs alone = args.engine;
  alone.max_sequences = 1;
  alone.policy = "prefill-first";
  alone.prefix_cache = false;
  alone.draft = "none";
  alone.kv_blocks = 0;
  Engine engine(backend, engine_spec(alone));
  RunRecord record;
  EngineRecord expected;
  replay(engine, trace, synthetic_prompts(trace, engine.model().config().vocab, args.engine.seed, args.shared), record,
         expected);
  Comparison c;
  for (const auto& [id, tokens] : expected.outputs) {
    const auto it = log.outputs.find(id);
    if (it == log.outputs.end()) continue;
    ++c.outputs;
    const auto [a, b] = std::mismatch(tokens.begin(), tokens.end(), it->second.begin(), it->second.end());
    const bool differs = a != tokens.end() || b != it->second.end();
    c.differing += differs;
    c.tokens += a - tokens.begin() + differs;
  }
  return c;
}

double mean(const std::vector<StepRecord>& steps) {
  double sum = 0;
  for (const StepRecord& s : steps) sum += s.elapsed_s;
  return steps.empty() ? 0 : sum / static_cast<double>(steps.size());
}

void print_text(const EngineReplayArgs& args, const std::string& device, const RunRecord& r, const EngineRecord& log) {
  const auto ms = [](const Histogram& h, double q) { return h.quantile(q) * 1e-6; };
  std::cout << shown("{} ({} weights, {} KV) on {}\n", args.engine.model, args.engine.weights, args.engine.kv, device);
  std::cout << shown("served {} of {} requests, {} input and {} output tokens in {:.2f} s ({:.1f} output tokens/s)\n",
                     r.served, r.offered, r.input_served, r.output_served, r.makespan_s,
                     r.makespan_s > 0 ? static_cast<double>(r.output_served) / r.makespan_s : 0);
  std::cout << shown("TTFT p50 {:.1f} ms, p99 {:.1f} ms; TPOT p50 {:.2f} ms, p99 {:.2f} ms; E2E p50 {:.1f} ms\n",
                     ms(r.latency.ttft, 0.5), ms(r.latency.ttft, 0.99), ms(r.latency.tpot, 0.5),
                     ms(r.latency.tpot, 0.99), ms(r.latency.e2e, 0.5));
  std::cout << shown("{} steps of {:.2f} ms on average; {} preemptions; {} prompt tokens reused, {} pages copied\n",
                     log.steps.size(), mean(log.steps) * 1e3, r.pools[0].preemptions, log.reused_tokens,
                     log.copied_pages);
  if (log.acceptance.steps == 0) return;
  std::cout << shown("speculation: {:.3f} tokens per sequence and step; kept by draft position:",
                     static_cast<double>(log.acceptance.tokens) / static_cast<double>(log.acceptance.steps));
  for (std::size_t i = 0; i < log.acceptance.tried.size(); ++i)
    std::cout << shown(" {:.3f}", static_cast<double>(log.acceptance.kept[i]) /
                                      static_cast<double>(std::max<std::int64_t>(1, log.acceptance.tried[i])));
  std::cout << "\n";
}

}  // namespace

void engine_replay(const EngineReplayArgs& args) {
  const ReplayTrace trace = read_trace(args);
  const auto backend = open_backend(args.engine);
  EngineSpec spec = engine_spec(args.engine);
  spec.real_time = args.real_time;
  std::optional<ResultsDb> db;
  if (!args.output.empty()) db.emplace(ResultsDb::create_or_open(args.output, TOKENFAB_VERSION));
  Engine engine(*backend, spec);
  RunRecord record;
  record.study = "engine-replay";
  record.alternative = args.engine.model + " on " + args.engine.backend;
  record.seed = args.engine.seed;
  record.keeps_rows = !args.output.empty();
  record.scenario_json = nlohmann::json{{"engine_replay", args.trace}, {"model", args.engine.model}}.dump();
  if (trace.shortened > 0)
    record.assumptions.push_back(
        {"workload.caps", std::to_string(trace.shortened) + " requests shortened",
         "--max-input " + std::to_string(args.max_input) + ", --max-output " + std::to_string(args.max_output)});
  record.assumptions.push_back({"prompts", "synthetic tokens", "the trace has lengths, not texts"});
  const std::int64_t run_id = db ? db->begin_run(record) : 0;
  EngineRecord log;
  replay(engine, trace, synthetic_prompts(trace, engine.model().config().vocab, args.engine.seed, args.shared), record,
         log);
  if (db) db->finish_run(run_id, record), db->close();
  if (!args.log.empty()) write_log(args.log, log);
  if (!args.outputs.empty()) write_outputs(args.outputs, log);
  Comparison compared;
  if (args.verify) compared = compare_with_alone(*backend, args, trace, log);
  if (args.engine.json) {
    nlohmann::json out = record_json(record);
    out["engine"] = {{"model", args.engine.model},
                     {"backend", backend->description()},
                     {"weights", args.engine.weights},
                     {"kv", args.engine.kv},
                     {"steps", log.steps.size()},
                     {"mean_step_s", mean(log.steps)},
                     {"preemptions", record.pools[0].preemptions},
                     {"reused_tokens", log.reused_tokens},
                     {"copied_pages", log.copied_pages},
                     {"acceptance", acceptance_json(log.acceptance)}};
    if (args.verify)
      out["engine"]["against_alone"] = {{"outputs", compared.outputs},
                                        {"differing", compared.differing},
                                        {"tokens", compared.tokens},
                                        {"flip_rate", compared.flip_rate()}};
    std::cout << out.dump(2) << "\n";
  } else {
    print_text(args, backend->description(), record, log);
    if (args.verify)
      std::cout << shown("{} of {} outputs equal those of each request alone, token for token; flip rate {:.6f}\n",
                         compared.outputs - compared.differing, compared.outputs, compared.flip_rate());
  }
  // Sampled speculation draws other tokens of the same distribution.
  const bool exact = !args.engine.fast && (args.engine.temperature <= 0 || args.engine.draft == "none");
  if (compared.differing > 0 && exact)
    throw InternalError(std::to_string(compared.differing) + " outputs differ from those of each request alone");
}

}  // namespace tokenfab::cli
