#include "calibration/published.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "calibration/expert_routing.h"
#include "calibration/published_steps.h"
#include "hwmodels/collectives.h"
#include "hwmodels/dtype.h"
#include "sim/fleet/streams.h"

namespace tokenfab::calibration {
namespace {

// Clients of closed loops: what the sources do not state, from the growth of TTFT with concurrency (hwmodels/measured).
constexpr double kSpread = 0.1;  // streams drift apart, but for those that the data file says stay in step

double peak_of(const Chip& chip, Dtype t) {
  const auto it = chip.peak.find(name_of(t));
  return it == chip.peak.end() ? chip.peak.at("bf16").value : it->second.value;
}

using Row = SuiteGroup::Row;

OperatorPoint gemm_point(const SuiteGroup& g, const Row& r) {
  OperatorPoint p;
  p.group = "gemm";
  p.a = g.at(r, "m"), p.b = g.at(r, "n"), p.c = g.at(r, "k");
  p.work = gemm_work({p.b, p.c}, p.a, g.weights);
  p.shape = std::to_string(p.b) + "x" + std::to_string(p.c);
  return p;
}

/// Latent attention as the step model counts it: one latent and rotary key for all heads; queries attend to the latents
/// in decode, to keys and values made from them in prefill. 16-bit latents.
OpWork latent_work(const SuiteGroup& g, const Row& r, double tokens, double pairs, double kv_tokens, bool decode) {
  const double heads = g.at(r, "q_heads"), key = g.at(r, "head_dim"), latent = g.at(r, "latent");
  const double rotary = g.at(r, "rotary_dim");
  const double pair = decode ? 2 * latent + rotary : key + g.at(r, "value_dim");
  return {kv_tokens * (latent + rotary) * dtype_bytes(g.kv) + tokens * 2 * heads * key * dtype_bytes(Dtype::bf16),
          2 * heads * pair * pairs};
}

OperatorPoint attention_point(const SuiteGroup& g, const Row& r, bool decode) {
  OperatorPoint p;
  const bool latent = g.get(r, "latent").has_value();
  const AttentionShape heads{g.at(r, "q_heads"), g.at(r, "kv_heads"), g.at(r, "head_dim")};
  const double batch = g.at(r, "batch");
  p.shape = std::to_string(heads.q_heads) + "/" + std::to_string(heads.kv_heads);
  if (decode) {
    p.group = "decode_attention";
    const double context = g.at(r, "context");
    const double kv = batch * context;
    p.work = latent ? latent_work(g, r, batch, kv, kv, true) : attention_work(heads, batch, kv, kv, g.kv);
    p.a = batch * heads.kv_heads, p.b = context;
  } else {
    p.group = "prefill_attention";
    const double n = g.at(r, "tokens"), prior = g.at(r, "prior");
    const double pairs = batch * (n * prior + n * (n + 1) / 2), kv = batch * (n + prior);
    p.work =
        latent ? latent_work(g, r, batch * n, pairs, kv, false) : attention_work(heads, batch * n, pairs, kv, g.kv);
    p.a = batch * n * heads.q_heads, p.b = n + prior;
  }
  return p;
}

OperatorPoint moe_point(const SuiteGroup& g, const Row& r) {
  OperatorPoint p;
  p.group = "expert_gemm";
  const double tokens = g.at(r, "tokens"), experts = g.at(r, "experts"), top_k = g.at(r, "top_k");
  const ExpertShape shape{g.at(r, "hidden"), g.at(r, "expert_ffn") / g.at(r, "tensor_parallel")};
  const RoutedLoad load = busiest_chip(g.routing, static_cast<int>(experts), static_cast<int>(top_k), tokens,
                                       static_cast<int>(g.at(r, "expert_parallel")));
  const double copied = g.products_only ? 0 : g.copies_all_rows ? tokens * top_k : load.rows;
  p.work = expert_work(shape, load.touched, load.rows, copied, g.weights);
  p.a = tokens * top_k / experts, p.b = shape.weights();
  p.shape = std::to_string(g.at(r, "hidden")) + "x" + std::to_string(g.at(r, "expert_ffn"));
  return p;
}

OperatorPoint all_reduce_point(const SuiteGroup& g, const Row& r, const Chip& chip) {
  OperatorPoint p;
  p.group = "all_reduce";
  const double n = g.at(r, "chips");
  p.a = n, p.b = g.at(r, "bytes");
  const CollectiveCost cost = all_reduce_cost(chip, static_cast<int>(n));
  p.bandwidth = chip.link.value;
  p.work.bytes = g.at(r, "bytes") * cost.seconds_per_byte * p.bandwidth;  // what each chip sends
  p.shape = std::to_string(g.at(r, "bytes"));
  return p;
}

/// Sums of the two kinds of step of a batch of equal requests.
StepSums prefill_sums(double batch, double input) {
  StepSums s;
  s.prefill_sequences = s.prefill_outputs = static_cast<std::int64_t>(batch);
  s.prefill_tokens = static_cast<std::int64_t>(batch * input);
  s.prefill_attention = static_cast<std::int64_t>(batch * input * (input + 1) / 2);
  s.prefill_kv_tokens = s.prefill_tokens;
  return s;
}

StepSums decode_sums(double batch, double context) {
  StepSums s;
  s.decode_sequences = static_cast<std::int64_t>(batch);
  s.decode_kv_tokens = static_cast<std::int64_t>(batch * context);
  return s;
}

/// Builds the step model of each plan once.
class Models {
 public:
  Models(const Suite& suite, const SuiteGroup& group, const Catalog& catalog,
         const std::shared_ptr<const Calibration>& calibration)
      : suite_(suite), group_(group), catalog_(catalog), calibration_(calibration) {}

  /// Null where the model does not fit.
  std::shared_ptr<const StepModel> of(const Row& row) {
    const std::pair key{group_.get(row, "tensor_parallel").value_or(1), group_.get(row, "expert_parallel").value_or(0)};
    const auto [at, first] = models_.try_emplace(key);
    if (first) {
      try {
        at->second = std::make_shared<StepModel>(deployment_of(suite_, group_, row, catalog_, calibration_));
      } catch (const Infeasible&) {
      } catch (const UserError&) {  // a split that does not divide the model: the engine pads, the model does not
      }
    }
    return at->second;
  }

 private:
  const Suite& suite_;
  const SuiteGroup& group_;
  const Catalog& catalog_;
  std::shared_ptr<const Calibration> calibration_;
  std::map<std::pair<double, double>, std::shared_ptr<const StepModel>> models_;
};

PoolSpec pool_of(const std::shared_ptr<const StepModel>& model) {
  PoolSpec pool;
  const Deployment& d = model->deployment();
  pool.name = d.engine.id;
  pool.model = model;
  pool.batcher.policy = d.engine.batching;
  fit_to_model(pool);
  pool.batcher.context = 0;  // what was measured was possible
  if (d.calibration && d.calibration->request_gap) pool.front_end = ns_from_seconds(d.calibration->request_gap->value);
  return pool;
}

struct Served {
  double ttft = NAN, tpot = NAN, makespan = NAN;
};

Served serve(const std::shared_ptr<const StepModel>& model, std::int64_t concurrency, std::int64_t requests,
             double input, double output, const SuiteGroup& g) {
  RunRecord record;
  PoolSpec pool = pool_of(model);
  BatcherSpec& b = pool.batcher;
  if (b.policy == "static" || requests == concurrency) b.policy = b.policy == "chunked" ? "chunked" : "prefill-first";
  // TensorRT-LLM admits a request only where its whole output has room.
  if (model->deployment().engine.id.starts_with("tensorrt-llm"))
    b.max_sequences = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(static_cast<double>(b.kv_blocks * b.kv_block_tokens) / (input + output)), 1,
        b.max_sequences);
  if (g.streams_beyond_slots > 0)
    b.max_sequences = std::clamp<std::int64_t>(concurrency - g.streams_beyond_slots, 1, b.max_sequences);
  simulate_streams(pool,
                   {concurrency, requests, static_cast<std::int32_t>(input), static_cast<std::int32_t>(output),
                    requests > concurrency && !g.streams_in_step ? kSpread : 0.0},
                   record);
  if (record.served < requests) return {};
  return {record.latency.ttft.mean() * 1e-9, record.latency.tpot.mean() * 1e-9, record.makespan_s};
}

}  // namespace

bool is_kernel_suite(const Suite& s) {
  return s.kind == "gemm" || s.kind == "decode-attention" || s.kind == "prefill-attention" || s.kind == "moe" ||
         s.kind == "all-reduce";
}

std::vector<OperatorPoint> operator_points(const Suite& s, const SuiteGroup& g, const Catalog& catalog) {
  const Chip chip = catalog.chip(g.chip);
  std::vector<OperatorPoint> out;
  for (const Row& r : g.rows) {
    OperatorPoint p = s.kind == "gemm"         ? gemm_point(g, r)
                      : s.kind == "moe"        ? moe_point(g, r)
                      : s.kind == "all-reduce" ? all_reduce_point(g, r, chip)
                                               : attention_point(g, r, s.kind == "decode-attention");
    const bool matrix = p.group == "gemm" || p.group == "expert_gemm";
    const Dtype dtype = matrix ? g.weights : g.kv;
    if (dtype != Dtype::bf16 && p.group != "all_reduce") p.dtype = name_of(dtype);
    p.peak = p.group == "all_reduce" ? 0 : peak_of(chip, matrix ? dtype : Dtype::bf16);
    if (p.bandwidth == 0) p.bandwidth = chip.bandwidth.value;
    p.seconds = g.at(r, "us") * 1e-6;
    p.check = r.check;
    out.push_back(std::move(p));
  }
  return out;
}

Deployment deployment_of(const Suite& suite, const SuiteGroup& g, const Row& row, const Catalog& catalog,
                         const std::shared_ptr<const Calibration>& calibration) {
  Deployment d;
  d.chip = catalog.chip(g.chip);
  d.llm = catalog.llm(g.llm);
  if (g.pads_heads > 0)
    for (int* heads : {&d.llm.heads, &d.llm.kv_heads})
      *heads = (*heads + g.pads_heads - 1) / g.pads_heads * g.pads_heads;
  d.engine = catalog.engine(g.engine);
  d.calibration = calibration;
  d.tensor_parallel = static_cast<int>(g.get(row, "tensor_parallel").value_or(1));
  d.expert_parallel = g.get(row, "expert_parallel").value_or(0) > 0;
  d.weights = g.weights, d.kv = g.kv, d.activations = g.activations;
  d.memory_share = d.engine.memory_share.value;
  d.kv_block_tokens = static_cast<int>(d.engine.kv_block_tokens.value);
  double most = 256;
  for (const Row& r : g.rows)
    most = std::max({most, g.get(r, "batch").value_or(0), g.get(r, "concurrency").value_or(0)});
  if (suite.kind == "max-load") most = 2048;  // as tuned for throughput: the KV cache is the limit
  d.max_sequences = static_cast<std::int64_t>(most);
  double longest = 8192;
  const bool splits_prompts =
      d.engine.batching == "chunked";  // others take a whole one, and all of it after an eviction
  const double outputs = splits_prompts ? 0 : 1 + kSpread;
  for (const Row& r : g.rows)
    longest = std::max(longest, g.get(r, "input").value_or(0) + std::ceil(outputs * g.get(r, "output").value_or(0)));
  d.token_budget = g.token_budget > 0 ? g.token_budget : static_cast<std::int64_t>(longest);
  if (suite.kind == "steps") d.chip.memory.value = 1e15;  // single steps that were run
  return d;
}

namespace {

class RowSource final : public RequestSource {
 public:
  explicit RowSource(const SuiteGroup& group) : group_(group) {}
  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    for (; next_ < group_.rows.size() && batch.requests.size() < limit; ++next_) {
      const Row& row = group_.rows[next_];
      Request r;
      r.id = static_cast<std::int64_t>(next_);
      r.arrival = ns_from_seconds(group_.at(row, "arrival_s"));
      r.input_tokens = static_cast<std::int32_t>(group_.at(row, "input"));
      r.output_tokens = static_cast<std::int32_t>(group_.at(row, "output"));
      batch.requests.push_back(r);
    }
  }

 private:
  const SuiteGroup& group_;
  std::size_t next_ = 0;
};

/// Every request of a replay with its arrivals, as it left the engine's queue; and the run's throughput.
std::vector<PublishedPoint> predict_requests(const SuiteGroup& g, const std::shared_ptr<const StepModel>& model) {
  std::vector<PublishedPoint> out;
  FactorySpec factory;
  factory.pools = {pool_of(model)};
  factory.pools[0].front_end = 0;
  RunRecord record;
  record.keeps_rows = true;
  RowSource source(g);
  simulate(factory, source, record);
  double end = 0, tokens = 0, predicted_end = 0;
  for (const RequestRow& r : record.rows) {
    const auto i = static_cast<std::size_t>(r.id);
    const Row& row = g.rows[i];
    const bool served = r.finish >= 0;
    const double arrival = g.at(row, "arrival_s"), ttft = g.at(row, "ttft_s"), e2e = g.at(row, "e2e_s");
    const double output = g.at(row, "output");
    const double first = served ? seconds_from_ns(r.first_token - r.arrival) : NAN;
    const double all = served ? seconds_from_ns(r.finish - r.arrival) : NAN;
    out.push_back({"TTFT", i, row.check, ttft, first});
    out.push_back({"E2E", i, row.check, e2e, all});
    if (output > 1) out.push_back({"TPOT", i, row.check, (e2e - ttft) / (output - 1), (all - first) / (output - 1)});
    end = std::max(end, arrival + e2e), tokens += output;
    predicted_end = std::max(predicted_end, seconds_from_ns(r.finish));
  }
  out.push_back({"throughput", 0, g.rows[0].check, tokens / end, tokens / predicted_end});
  return out;
}

}  // namespace

std::vector<PublishedPoint> predict_group(const Suite& suite, const SuiteGroup& g, const Catalog& catalog,
                                          const std::shared_ptr<const Calibration>& calibration, bool only_fit) {
  if (is_step_suite(suite)) return predict_steps(suite, g, catalog, calibration, only_fit);
  Models models(suite, g, catalog, calibration);
  std::vector<PublishedPoint> out;
  if (suite.kind == "requests") {
    const bool wanted = !g.rows.empty() && !(only_fit && g.rows[0].check);
    const auto model = wanted ? models.of(g.rows[0]) : nullptr;
    return model ? predict_requests(g, model) : out;
  }
  for (std::size_t i = 0; i < g.rows.size(); ++i) {
    const Row& r = g.rows[i];
    if (only_fit && r.check) continue;
    const auto put = [&](const char* metric, const char* column, double unit, double predicted) {
      if (const auto v = g.get(r, column); v && *v > 0) out.push_back({metric, i, r.check, *v * unit, predicted});
    };
    const auto model = models.of(r);
    const double input = g.at(r, "input"), output = g.at(r, "output");
    if (suite.kind == "steps") {
      const double batch = g.at(r, "batch");
      const double prefill = model ? model->evaluate(prefill_sums(batch, input)).total() : NAN;
      const double decode = model ? model->evaluate(decode_sums(batch, input + output / 2)).total() : NAN;
      put("prefill step", "prefill_ms", 1e-3, prefill);
      put("decode step", "decode_ms", 1e-3, decode);
      continue;
    }
    Served s;
    std::int64_t concurrency = 0, requests = 0;
    if (suite.kind == "closed-loop") {
      concurrency = static_cast<std::int64_t>(g.at(r, "concurrency"));
      requests = concurrency * g.requests_per_stream;
    } else if (suite.kind == "max-load") {
      concurrency = requests = static_cast<std::int64_t>(g.at(r, "requests"));
    } else {
      concurrency = requests = static_cast<std::int64_t>(g.at(r, "batch"));
    }
    if (model) s = serve(model, concurrency, requests, input, output, g);
    put("TTFT", "ttft_ms", 1e-3, s.ttft);
    put("TPOT", "tpot_ms", 1e-3, s.tpot);
    put("E2E", "e2e_s", 1, s.makespan);
    put("throughput", "output_tok_s", 1, static_cast<double>(requests) * output / s.makespan);
  }
  return out;
}

std::shared_ptr<const Calibration> datasheet_roofline(const std::string& engine, const std::string& chip) {
  Calibration c;
  c.id = "datasheet", c.engine = engine, c.chip = chip, c.grade = Grade::datasheet;
  const Sourced one{1, "1", "data sheet", "", 0}, zero{0, "us", "no latency", "", 0};
  for (int op = 0; op < kOpClasses - 1; ++op) c.ops[kOpClassNames[static_cast<std::size_t>(op)]] = {one, one, zero};
  for (const char* name : {"qkv_gemm", "o_gemm", "mlp_gemm", "expert_gemm"})
    for (const char* dtype : {":fp8", ":int8", ":w-fp8", ":w-int8", ":w-int4"})
      c.ops[std::string(name) + dtype] = {one, one, zero};
  for (const char* name : {"prefill_attention", "decode_attention"})
    for (const char* dtype : {":fp8", ":int8"}) c.ops[std::string(name) + dtype] = {one, one, zero};
  c.step_gap = c.sequence_gap = zero;
  return std::make_shared<Calibration>(c);
}

}  // namespace tokenfab::calibration
