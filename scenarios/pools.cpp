#include "scenarios/pools.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/calibration.h"
#include "hwmodels/dtype.h"
#include "scenarios/cache_json.h"
#include "scenarios/disaggregation.h"
#include "scenarios/fleet_json.h"
#include "scenarios/scheduling_json.h"
#include "scenarios/techniques.h"
#include "scenarios/workload_plan.h"
#include "sim/economics/supply.h"

namespace tokenfab {
namespace {

/// Reads keys with a default; a default that was used becomes an assumption.
class Defaults {
 public:
  Defaults(const JsonObject& object, std::vector<Assumption>& out) : object_(object), out_(out) {}

  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t fallback,
                       const std::string& why) {
    note(key, std::to_string(fallback), why);
    return object_.integer(key, low, high, fallback);
  }
  double number(const std::string& key, double low, double high, double fallback, const std::string& why) {
    note(key, shortest(fallback), why);
    return object_.number_in(key, low, high, fallback);
  }
  std::string one_of(const std::string& key, const std::vector<std::string>& allowed, const std::string& fallback,
                     const std::string& why) {
    note(key, fallback, why);
    return object_.one_of(key, allowed, fallback);
  }

 private:
  void note(const std::string& key, const std::string& value, const std::string& why) {
    if (!object_.has(key)) out_.push_back({object_.pointer() + "/" + key, value, why});
  }
  const JsonObject& object_;
  std::vector<Assumption>& out_;
};

/// Loads a catalogue entry, or the user's own file, which is found beside the scenario as traces are; an unknown id is
/// reported at its key.
template <class Load>
auto lookup(const JsonObject& pool, const std::string& key, const std::string& id, Load load) {
  try {
    return load(catalogue_id(id, pool.file()));
  } catch (const UserError& e) {
    pool.fail(key, e.what());
  }
}

void read_precision(Defaults& d, Deployment& out) {
  out.weights = *dtype_named(d.one_of("weights", dtype_names(), "bf16", "the checkpoint's own precision"));
  out.kv =
      *dtype_named(d.one_of("kv", dtype_names(), "bf16", "engines keep the KV cache in 16 bits unless told otherwise"));
  const bool fp8 = out.weights == Dtype::fp8 && out.chip.peak.count("fp8");
  out.activations = *dtype_named(d.one_of("activations", dtype_names(), fp8 ? "fp8" : "bf16",
                                          fp8 ? "FP8 weights multiply FP8 activations on a chip with FP8 matrix units"
                                              : "weight-only quantization: products in 16 bits"));
}

/// What is known of the answers' quality with quantized weights.
void note_quality(const JsonObject& pool, const Deployment& d, std::vector<Assumption>& out) {
  if (d.weights == Dtype::bf16) return;
  const std::string what = pool.pointer() + "/weights: quality of " + name_of(d.weights);
  bool known = false;
  for (const Quality& q : d.llm.quality) {
    if (q.weights != d.weights) continue;
    known = true;
    out.push_back({what, shortest(q.score.value) + " against " + shortest(q.reference.value) + ", " + q.benchmark,
                   q.score.source + ", " + q.score.as_of});
  }
  if (!known)
    out.push_back({what, "not measured", "no published score of " + d.llm.id + " in this type is known to us"});
}

BatcherSpec read_batcher(const JsonObject& pool, const EngineProfile& engine, const Llm& llm,
                         std::vector<Assumption>& assumptions, double& watermark) {
  BatcherSpec b;
  const JsonObject object = pool.object_or_empty("batcher");
  Defaults d(object, assumptions);
  b.policy = d.one_of("policy", {"chunked", "prefill-first", "static"}, engine.batching, "the engine's own policy");
  b.max_sequences = d.integer("max_sequences", 1, 65536, b.policy == "static" ? 32 : 256,
                              b.policy == "static" ? "a usual fixed batch" : "vLLM's max_num_seqs default");
  const std::int64_t budget = b.policy == "prefill-first" ? std::max<std::int64_t>(llm.context, 2048) : 8192;
  b.token_budget = d.integer("token_budget", 1, 10'000'000, budget,
                             b.policy == "prefill-first" ? "one whole prompt of the model's context must fit"
                                                         : "vLLM's max_num_batched_tokens for serving");
  b.max_waiting = d.integer("max_waiting", 0, 1'000'000'000, 0, "no admission limit: the queue may grow");
  watermark =
      d.number("watermark", 0, 0.5, engine.watermark.value, "share of KV blocks kept free: " + engine.watermark.source);
  if (b.policy == "chunked" && b.token_budget <= b.max_sequences)
    object.fail("token_budget", std::to_string(b.token_budget) + " leaves no room for prompts beside " +
                                    std::to_string(b.max_sequences) + " sequences; it must be larger");
  b.scheduling = read_scheduling(object);
  if (const std::int64_t mixed = b.scheduling.mixed_budget; mixed > 0 && mixed <= b.max_sequences)
    object.fail("mixed_budget", std::to_string(mixed) + " leaves no room for prompts beside " +
                                    std::to_string(b.max_sequences) + " sequences; it must be larger");
  object.finish();
  return b;
}

/// The calibration that a pool names, or the shipped one of its engine on its chip; null: class defaults.
std::shared_ptr<const Calibration> read_calibration(const JsonObject& pool, const Catalog& catalog) {
  if (!pool.has("calibration")) return nullptr;
  const std::string id = pool.string("calibration");
  if (id == "none") return nullptr;
  return lookup(pool, "calibration", id, [&](const auto& name) { return catalog.calibration(name); });
}

void read_hardware(const JsonObject& pool, const Catalog& catalog, Deployment& d,
                   std::vector<Assumption>& assumptions) {
  d.calibration = read_calibration(pool, catalog);
  const bool own = d.calibration && d.calibration->own_chip && !pool.has("chip");
  d.chip = own ? *d.calibration->own_chip
               : lookup(pool, "chip", pool.string("chip"), [&](const auto& id) { return catalog.chip(id); });
  const std::string engine = pool.string("engine", d.calibration ? d.calibration->engine : "vllm");
  if (!pool.has("engine"))
    assumptions.push_back(
        {pool.pointer() + "/engine", engine, d.calibration ? "the calibration's engine" : "the most used open engine"});
  d.engine = lookup(pool, "engine", engine, [&](const auto& id) { return catalog.engine(id); });
  if (d.calibration &&
      ((d.calibration->chip != d.chip.id && d.calibration->chip != "class") || d.calibration->engine != d.engine.id))
    pool.fail("calibration", "\"" + d.calibration->id + "\" is of " + d.calibration->engine + " on " +
                                 d.calibration->chip + ", not of " + d.engine.id + " on " + d.chip.id);
  if (!pool.has("calibration")) d.calibration = catalog.find_calibration(d.engine.id, d.chip.id);
  if (!d.calibration || d.calibration->chip == "class")
    assumptions.push_back({pool.pointer() + "/calibration", d.calibration ? d.calibration->id : "none",
                           d.engine.id + " was not calibrated on " + d.chip.id + ": class defaults of the engine"});
}

std::shared_ptr<const StepModel> build_model(const JsonObject& pool, Deployment deployment) {
  const std::string where = pool.file() + ": " + pool.pointer() + ": ";
  try {
    return std::make_shared<StepModel>(std::move(deployment));
  } catch (const UserError& e) {
    throw UserError(where + e.what());
  } catch (const Infeasible& e) {
    throw Infeasible(where + e.what());
  }
}

}  // namespace

PoolPlan load_pool(const JsonObject& pool, const Catalog& catalog, const MoneyCatalog& money,
                   std::vector<Assumption>& assumptions) {
  Defaults d(pool, assumptions);
  Deployment deployment;
  deployment.llm = lookup(pool, "llm", pool.string("llm"), [&](const auto& id) { return catalog.llm(id); });
  read_hardware(pool, catalog, deployment, assumptions);
  read_parallelism(pool, deployment, assumptions);
  deployment.speculation = read_speculation(pool, catalog, deployment.llm);
  read_precision(d, deployment);
  note_quality(pool, deployment, assumptions);
  deployment.memory_share = d.number("memory_share", 0.01, 1, deployment.engine.memory_share.value,
                                     "share of chip memory the engine takes: " + deployment.engine.memory_share.source);
  deployment.kv_block_tokens = static_cast<int>(
      d.integer("kv_block_tokens", 1, 1 << 20, static_cast<std::int64_t>(deployment.engine.kv_block_tokens.value),
                "the engine's page size: " + deployment.engine.kv_block_tokens.source));

  PoolPlan plan;
  double watermark = 0;
  plan.spec.batcher = read_batcher(pool, deployment.engine, deployment.llm, assumptions, watermark);
  const auto prefix_cache = read_prefix_cache(pool, deployment.kv_block_tokens, plan.spec.batcher.policy, assumptions);
  plan.fewest_replicas = pool.has("replicas") && pool.raw("replicas") == "fewest";
  if (!plan.fewest_replicas)
    plan.spec.replicas = static_cast<int>(
        d.integer("replicas", 1, 100'000, first_replicas(pool),
                  pool.has("autoscale") ? "the fewest that the autoscaler keeps" : "one engine instance"));
  plan.spec.name = pool.string("name", deployment.llm.id + " on " + deployment.chip.id);
  deployment.max_sequences = plan.spec.batcher.max_sequences;
  deployment.token_budget = plan.spec.batcher.token_budget;
  const TransferPlan transfers = read_transfers(pool, deployment.chip, plan.spec.batcher.scheduling, assumptions);
  const std::string chip = deployment.chip.id;
  plan.spec.model = build_model(pool, std::move(deployment));
  read_role(pool, plan);
  plan.supply = read_supply(pool, chip, money, assumptions);
  read_pool_fleet(pool, plan, assumptions);
  pool.finish();
  const StepModel& model = *plan.spec.model;
  BatcherSpec& b = plan.spec.batcher;
  if (const auto& c = model.deployment().calibration; c && c->request_gap)
    plan.spec.front_end = ns_from_seconds(c->request_gap->value);
  fit_to_model(plan.spec);
  fit_transfers(pool, transfers, model, plan.spec);
  if (prefix_cache) fit_prefix_cache(*prefix_cache, model, plan.spec);
  b.watermark_blocks = static_cast<std::int64_t>(std::ceil(watermark * static_cast<double>(b.kv_blocks)));
  return plan;
}

}  // namespace tokenfab
