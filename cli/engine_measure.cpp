#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_object.h"
#include "base/text.h"
#include "cli/engine.h"
#include "cli/shown.h"
#include "engine/measure.h"
#include "engine/quality.h"
#include "kernels/bench/bench.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::engine;
using nlohmann::json;

json row_of(const Measurement& m) {
  json row = {{"key", m.key},           {"kind", m.kind},   {"op", m.op},        {"rows", m.rows},
              {"median_s", m.median_s}, {"p10_s", m.p10_s}, {"p90_s", m.p90_s},  {"rounds", m.rounds},
              {"bytes", m.bytes},       {"flop", m.flop},   {"layers", m.layers}};
  if (m.joules > 0) row["joules"] = m.joules;
  if (m.n > 0) row["n"] = m.n, row["k"] = m.k;
  if (m.batch > 0) row["batch"] = m.batch, row["context"] = m.context;
  if (m.chunk > 0) row["chunk"] = m.chunk;
  if (m.kind != "step") return row;
  row["sums"] = {{"decode_sequences", m.sums.decode_sequences},   {"decode_kv_tokens", m.sums.decode_kv_tokens},
                 {"prefill_tokens", m.sums.prefill_tokens},       {"prefill_sequences", m.sums.prefill_sequences},
                 {"prefill_attention", m.sums.prefill_attention}, {"prefill_kv_tokens", m.sums.prefill_kv_tokens},
                 {"prefill_outputs", m.sums.prefill_outputs}};
  return row;
}

json header_of(const EngineArgs& a, const std::string& device, const kernels::Ceilings& c) {
  const std::time_t now = std::time(nullptr);
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  return {{"header", true},
          {"tool", "tokenfab engine measure"},
          {"version", TOKENFAB_VERSION},
          {"date", date},
          {"device", device},
          {"model", a.model},
          {"weights", a.weights},
          {"kv", a.kv},
          {"page_tokens", a.page_tokens},
          {"copy_gbps", c.copy_gbps},
          {"read_gbps", c.read_gbps},
          {"peak_tflops", c.tflops}};
}

/// Keys already in the file; refuses one that was measured otherwise. A cut-off last line is dropped from the file.
std::set<std::string> known_points(const std::string& path, const json& header) {
  std::set<std::string> known;
  std::ifstream in(path);
  std::string line;
  std::uintmax_t kept = 0;  // bytes of whole lines
  for (bool first = true; std::getline(in, line); first = false) {
    json row;
    if (!try_parse_json(line, row)) {
      if (!in.eof() && in.peek() != EOF) throw UserError(path + ": is not a file of measurements");
      break;
    }
    if (first)
      for (const char* key : {"tool", "device", "model", "weights", "kv", "page_tokens"})
        if (!row.is_object() || row.value(key, json()) != header[key])
          throw UserError(path + ": was measured with another " + key + "; choose another file");
    if (row.contains("key") && row["key"].is_string()) known.insert(row["key"].get<std::string>());
    kept += line.size() + 1;
  }
  in.close();
  // A last line that is whole but for its end is kept: the next row begins on a line of its own.
  std::error_code error;
  const std::uintmax_t there = std::filesystem::file_size(path);
  if (kept < there) std::filesystem::resize_file(path, kept, error);
  else if (kept > there) std::ofstream(path, std::ios::app) << "\n";
  if (error) throw UserError(path + ": cannot be written: " + error.message());
  return known;
}

std::string bandwidth_line(const Measurement& m, const kernels::Ceilings& c) {
  const double gbps = m.bytes / m.median_s / 1e9;
  return shown(
      "decode at batch 1, context {}: {:.3f} ms, {:.1f} GB/s = {:.2f} of this machine's copy ({:.1f} GB/s, read + "
      "written) and {:.2f} of its read ({:.1f} GB/s), measured in the same run\n",
      m.context, m.median_s * 1e3, gbps, gbps / c.copy_gbps, c.copy_gbps, gbps / c.read_gbps, c.read_gbps);
}

}  // namespace

void engine_measure(const EngineMeasureArgs& args) {
  check_regular(args.output);
  const auto backend = open_backend(args.engine);
  EngineArgs sized = args.engine;
  sized.max_sequences = std::max(sized.max_sequences, args.most_batch + 1);
  sized.token_budget = std::max(sized.token_budget, args.most_prefill + args.most_batch);
  sized.context = std::max(sized.context, args.most_context + args.most_prefill);
  if (sized.kv_blocks == 0)
    sized.kv_blocks = (args.most_batch + 1) * ((args.most_context + args.most_prefill) / sized.page_tokens + 2);
  if (sized.draft == "none") sized.draft = "ngram", sized.draft_tokens = 8;  // room for the steps that verify drafts
  const kernels::Ceilings ceilings = kernels::measure_ceilings(*backend, args.engine.backend == "cuda");
  json header = header_of(args.engine, backend->description(), ceilings);
  const auto meter = PowerMeter::open(args.engine.backend == "cuda");
  if (meter) header["idle_watts"] = idle_watts(*meter, 1), header["power_source"] = meter->source();
  const bool fresh = !std::filesystem::exists(args.output) || std::filesystem::file_size(args.output) == 0;
  const std::set<std::string> known = fresh ? std::set<std::string>{} : known_points(args.output, header);
  std::ofstream out(args.output, std::ios::app);
  if (fresh) out << header.dump() << "\n" << std::flush;
  if (!out) throw UserError(args.output + ": cannot be written (no permission, or disk full?)");
  Engine engine(*backend, engine_spec(sized));
  MeasureOptions options;
  options.seconds = args.seconds;
  options.most_batch = args.most_batch;
  options.meter = meter.get();
  options.most_context = args.most_context;
  options.most_prefill = args.most_prefill;
  std::int64_t done = 0;
  Measurement smallest;  // a decode step of one sequence: the purest reading of the weights
  const std::int64_t left = measure(engine, options, known, [&](const Measurement& m) {
    out << row_of(m).dump() << "\n" << std::flush;
    if (!out) throw UserError(args.output + ": cannot be written (disk full?)");
    ++done;
    if (m.op == "decode" && m.batch == 1 && smallest.rounds == 0) smallest = m;
  });
  if (args.quiet) return;
  if (args.engine.json)
    std::cout << json{{"file", args.output}, {"measured", done}, {"known", known.size()}, {"left", left}}.dump()
              << "\n";
  else
    std::cout << shown("{}: {} points measured, {} known before, {} left{}\n", args.output, done, known.size(), left,
                       left > 0 ? " (run again to go on)" : "");
  if (!args.engine.json && smallest.rounds > 0) std::cout << bandwidth_line(smallest, ceilings);
}

void engine_quantize(const EngineQuantizeArgs& args) {
  const auto backend = open_backend(args.engine);
  const QuantizationQuality q = quantization_quality(*backend, args.engine.model, args.engine.seed,
                                                     weight_type(args.type), args.method, args.sequences, args.length);
  if (args.engine.json) {
    std::cout << json{{"model", args.engine.model},
                      {"type", q.type},
                      {"method", q.method},
                      {"weight_error", q.weight_error},
                      {"worst_weight_error", q.worst_weight_error},
                      {"worst_matrix", q.worst_matrix},
                      {"logit_kl_nats", q.logit_kl},
                      {"top1_agreement", q.top1_agreement},
                      {"positions", q.positions},
                      {"bytes_original", q.bytes_original},
                      {"bytes_quantized", q.bytes_quantized}}
                     .dump(2)
              << "\n";
    return;
  }
  std::cout << shown("{} to {} by {}, against bf16 on {} positions of random sequences\n", args.engine.model, q.type,
                     q.method, q.positions);
  std::cout << text_table({{"measure", "value"},
                           {"weight error, all projections", shown("{:.5f}", q.weight_error)},
                           {"weight error, worst: " + q.worst_matrix, shown("{:.5f}", q.worst_weight_error)},
                           {"logit KL, nats per position", shown("{:.6f}", q.logit_kl)},
                           {"top-1 agreement", shown("{:.4f}", q.top1_agreement)},
                           {"weights, MB", shown("{:.1f} -> {:.1f}", static_cast<double>(q.bytes_original) / 1e6,
                                                 static_cast<double>(q.bytes_quantized) / 1e6)}});
}

}  // namespace tokenfab::cli
