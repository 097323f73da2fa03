#include "calibration/engine_points.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json_object.h"
#include "base/text.h"
#include "engine/engine.h"
#include "hwmodels/dtype.h"

namespace tokenfab::calibration {
namespace {

using engine::Measurement;
using nlohmann::json;

constexpr double kAboveBest = 1.02;  // peaks above the best that was seen: shares stay below one

constexpr const char* kNoRow = "is not a row of tokenfab engine measure";

Dtype dtype_of(const std::string& name, const std::string& where = "") {
  if (const auto dtype = dtype_named(name)) return *dtype;
  throw UserError(where + "\"" + name +
                  "\" is not a known type of weights or cache; allowed: " + join_names(dtype_names()));
}

Sourced own(double value, const char* unit, const std::string& source, const std::string& date) {
  return {value, unit, source, date, 0};
}

/// A machine that is not in the catalogue. What does not matter on one chip without a network is assumed.
Chip machine(const MeasurementHeader& h, const std::vector<Measurement>& measured) {
  double bandwidth = h.read_gbps * 1e9, peak = h.peak_tflops * 1e12;
  for (const Measurement& m : measured) {
    bandwidth = std::max(bandwidth, kAboveBest * m.bytes / m.median_s);
    peak = std::max(peak, kAboveBest * m.flop / m.median_s);
  }
  const std::string best = "best of the ceilings and operators measured by tokenfab engine measure on " + h.device;
  const std::string assumed = "assumption: no figure for this machine; not used on one chip";
  Chip c;
  c.id = "this-machine";
  c.name = h.device;
  c.vendor = "measured";
  c.family = "hbm";
  c.topology = "pcie";
  c.peak["bf16"] = own(peak, "TFLOP/s", best, h.date);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  c.memory = own(memory, "GB", "physical memory that the operating system reports", h.date);
  c.bandwidth = own(bandwidth, "GB/s", best, h.date);
  c.link = own(1e9, "GB/s", assumed, h.date);
  c.link_latency = own(1e-5, "us", assumed, h.date);
  c.network = own(1e9, "GB/s", assumed, h.date);
  c.network_latency = own(1e-5, "us", assumed, h.date);
  double watts = h.idle_watts;
  for (const Measurement& m : measured) watts = std::max(watts, m.joules / m.median_s);
  const bool metered = h.idle_watts > 0;
  c.tdp = metered ? own(kAboveBest * watts, "W", "most drawn in a step: " + h.power_source, h.date)
                  : own(100, "W", "assumption: no power meter", h.date);
  c.idle_power =
      metered ? own(h.idle_watts, "W", h.power_source, h.date) : own(30, "W", "assumption: no power meter", h.date);
  c.host_power = own(50, "W", "assumption: not measured", h.date);
  return c;
}

std::string gemm_dtype(Dtype weights) { return weights == Dtype::bf16 ? "" : "w-" + name_of(weights); }

/// Where a measurement belongs in the fit; group "" for what the step model has no class for.
OperatorPoint operator_point(const Measurement& m, const Deployment& d) {
  OperatorPoint p;
  const Llm& llm = d.llm;
  const auto rows = static_cast<double>(m.rows), batch = static_cast<double>(m.batch),
             context = static_cast<double>(m.context);
  const AttentionShape heads{static_cast<double>(llm.heads), static_cast<double>(llm.kv_heads),
                             static_cast<double>(llm.head_dim)};
  p.seconds = m.median_s;
  p.bandwidth = d.chip.bandwidth.value;
  p.peak = d.chip.peak.at("bf16").value;
  if (m.n > 0) {
    const bool head = m.op == "lm_head";
    p.group = head ? "lm_head" : "gemm";
    p.dtype = head ? "" : gemm_dtype(d.weights);
    p.a = rows, p.b = static_cast<double>(m.n), p.c = static_cast<double>(m.k);
    p.work = gemm_work({p.b, p.c}, rows, head ? Dtype::bf16 : d.weights);
    if (head) p.work.bytes += rows * 6.0 * p.b;  // f32 logits, twice, for the 16-bit ones that gemm_work counts
    p.shape = m.op + " " + std::to_string(m.n) + "x" + std::to_string(m.k);
    if (head) p.shape += " rows " + std::to_string(m.rows);
  } else if (m.op == "decode_attention" && !llm.mla) {
    p.group = m.op;
    p.a = batch * heads.kv_heads, p.b = context;
    p.work = attention_work(heads, batch, batch * context, batch * context, d.kv);
    p.shape = "batch " + std::to_string(m.batch);
  } else if (m.op == "prefill_attention" && !llm.mla) {
    p.group = m.op;
    const double prior = context - static_cast<double>(m.chunk), chunk = static_cast<double>(m.chunk);
    p.a = chunk * heads.q_heads, p.b = context;
    p.work = attention_work(heads, chunk, chunk * prior + chunk * (chunk + 1) / 2, context, d.kv);
    p.shape = "chunk " + std::to_string(m.chunk);
  } else if (m.op == "norm_activation") {
    p.group = m.op;
    p.work.bytes = rows * elementwise_elements(llm, llm.moe ? llm.moe->top_k * llm.moe->expert_ffn : llm.ffn, 1) * 2;
    p.shape = "rows " + std::to_string(m.rows);
  } else if (m.op == "expert_gemm" && llm.moe) {
    p.group = m.op;
    p.dtype = gemm_dtype(d.weights);
    const double routed = rows * llm.moe->top_k;
    p.work = expert_work({static_cast<double>(llm.hidden), static_cast<double>(llm.moe->expert_ffn)},
                         touched_experts(llm.moe->experts, llm.moe->top_k, rows), routed, routed, d.weights);
    p.shape = "rows " + std::to_string(m.rows);
  }
  if (p.group.ends_with("_attention") && d.kv != Dtype::bf16) p.dtype = name_of(d.kv);
  return p;
}

void widen(CalibratedRange& r, const Measurement& m) {
  r.most_tokens = std::max(r.most_tokens, static_cast<double>(m.rows));
  if (m.op == "decode_attention" || m.op == "decode") {
    r.most_sequences = std::max(r.most_sequences, static_cast<double>(m.batch));
    r.most_context = std::max(r.most_context, static_cast<double>(m.context));
  }
}

constexpr std::int64_t kMostRows = 1 << 22;  // tokens in one call
constexpr double kMostWork = 1e24;           // bytes or FLOP of one call
constexpr std::int64_t kMostSum = std::int64_t{1} << 50;

/// What a step model is asked about a whole step.
StepSums sums_of(const JsonObject& s) {
  const auto sum = [&](const char* key) { return s.integer(key, 0, kMostSum); };
  return {sum("decode_sequences"),  sum("decode_kv_tokens"),  sum("prefill_tokens"), sum("prefill_sequences"),
          sum("prefill_attention"), sum("prefill_kv_tokens"), sum("prefill_outputs")};
}

Measurement measurement_of(const JsonObject& row) {
  Measurement m;
  m.key = row.string("key"), m.op = row.string("op"), m.kind = row.one_of("kind", {"operator", "step"});
  m.rows = row.integer("rows", 1, kMostRows), m.layers = row.integer("layers", 1, 10'000, 1);
  m.median_s = row.number_in("median_s", 1e-12, 1e6);
  m.bytes = row.number_in("bytes", 0, kMostWork), m.flop = row.number_in("flop", 0, kMostWork);
  m.n = row.integer("n", 0, kMostRows, 0), m.k = row.integer("k", m.n > 0 ? 1 : 0, kMostRows, m.n > 0 ? 1 : 0);
  const bool decodes = m.op == "decode_attention", prefills = m.op == "prefill_attention";
  const auto count = [&](const char* key, bool needed) {
    return needed ? row.integer(key, 1, kMostRows) : row.integer(key, 0, kMostRows, 0);
  };
  m.batch = count("batch", decodes), m.context = count("context", decodes || prefills);
  m.chunk = count("chunk", prefills);
  if (prefills && m.chunk > m.context) row.fail("chunk", "is more than its context");
  m.joules = row.number_in("joules", 0, 1e12, 0);
  if (m.kind == "step") m.sums = sums_of(row.object("sums"));
  return m;
}

MeasurementHeader header_of(const JsonObject& row, const std::string& where) {
  MeasurementHeader h = {row.string("device"),
                         row.string("version"),
                         row.string("date"),
                         row.string("model"),
                         row.string("weights"),
                         row.string("kv"),
                         row.number_in("read_gbps", 1e-3, 1e9),
                         row.number_in("peak_tflops", 1e-9, 1e9),
                         row.number_in("idle_watts", 0, 1e9, 0),
                         row.string("power_source", "")};
  dtype_of(h.weights, where), dtype_of(h.kv, where);
  return h;
}

}  // namespace

Llm llm_of(const engine::ModelConfig& c) {
  Llm m;
  m.id = m.name = c.name;
  m.source = "tokenfab engine";
  m.layers = static_cast<int>(c.layers), m.hidden = static_cast<int>(c.hidden);
  m.heads = static_cast<int>(c.q_heads), m.kv_heads = static_cast<int>(c.kv_heads);
  m.head_dim = static_cast<int>(c.head_dim), m.ffn = static_cast<int>(c.intermediate);
  m.vocab = static_cast<int>(c.vocab), m.context = 1 << 20;
  m.tied_embeddings = c.tied_embeddings, m.qk_norm = c.qk_norm;
  if (c.experts > 0) {
    MoeShape moe;
    moe.experts = static_cast<int>(c.experts), moe.top_k = static_cast<int>(c.top_k);
    moe.expert_ffn = static_cast<int>(c.expert_intermediate);
    moe.shared_experts = static_cast<int>(c.shared_intermediate / std::max<std::int64_t>(1, c.expert_intermediate));
    moe.first_dense_layers = static_cast<int>(c.dense_layers);
    m.moe = moe;
  }
  if (c.latent()) {
    MlaShape mla;
    mla.kv_lora_rank = static_cast<int>(c.kv_lora), mla.qk_nope_head_dim = static_cast<int>(c.nope_dim);
    mla.qk_rope_head_dim = static_cast<int>(c.rope_dim), mla.v_head_dim = static_cast<int>(c.value_dim);
    m.mla = mla;
  }
  return m;
}

EngineMeasurements engine_measurements(const MeasurementHeader& h, const std::vector<Measurement>& measured,
                                       const std::string& chip, const Catalog& catalog) {
  EngineMeasurements out;
  out.device = h.device, out.version = h.version, out.date = h.date, out.model = h.model;
  out.source = "tokenfab engine measure " + h.version + ", " + h.model + ", " + h.date + ", " + h.device;
  Deployment& d = out.deployment;
  d.llm = llm_of(engine::load_config(h.model));
  d.engine = catalog.engine("tokenfab");
  d.weights = dtype_of(h.weights), d.kv = dtype_of(h.kv);
  d.chip = chip.empty() ? machine(h, measured) : catalog.chip(chip);
  for (const Measurement& m : measured) {
    if (m.kind == "step") out.steps.push_back({m.op, m.sums, m.median_s, m.joules});
    else if (OperatorPoint p = operator_point(m, d); !p.group.empty()) out.operators.push_back(std::move(p));
    widen(out.range, m);
  }
  out.range.tensor_parallel = {1};
  out.idle_watts = h.idle_watts, out.power_source = h.power_source;
  return out;
}

EngineMeasurements read_engine_measurements(const std::string& path, const std::string& chip, const Catalog& catalog) {
  std::istringstream in(read_file(path, kMostJsonBytes));
  MeasurementHeader h;
  std::vector<Measurement> measured;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string where = path + ": line " + std::to_string(number) + ": ";
    json row;
    if (!try_parse_json(line, row)) throw UserError(where + kNoRow + ": no JSON");
    const JsonObject object(row, where + kNoRow);
    if (object.has("header")) h = header_of(object, where);
    else measured.push_back(measurement_of(object));
  }
  if (h.model.empty()) throw UserError(path + ": has no header of tokenfab engine measure");
  return engine_measurements(h, measured, chip, catalog);
}

}  // namespace tokenfab::calibration
