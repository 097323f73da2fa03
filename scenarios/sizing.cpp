#include "scenarios/sizing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/workload_plan.h"

namespace tokenfab {
namespace {

using nlohmann::json;

struct Plan {
  int tensor = 1, pipeline = 1;
  int chips() const { return tensor * pipeline; }
};

bool divides(const Llm& m, int tp) {
  return m.heads % tp == 0 && (m.mla || m.kv_heads % tp == 0 || tp % m.kv_heads == 0);
}

std::vector<Plan> candidates(const Chip& chip, const Llm& llm) {
  std::vector<Plan> out;
  if (chip.family == "sram-pipeline") {
    for (double n = 1; n <= kMostChips; n = std::max(n + 1, std::floor(n * 1.02)))
      out.push_back({1, static_cast<int>(n)});
    return out;
  }
  int widest = 1;
  for (int tp = 1; tp <= std::max(1, chip.scale_up_domain) && tp <= 64; tp *= 2)
    if (divides(llm, tp)) out.push_back({tp, 1}), widest = tp;
  for (int pp = 2; pp <= llm.layers && widest * pp <= kMostChips; ++pp) out.push_back({widest, pp});
  return out;
}

/// The cache in tokens that the plan leaves.
double cache_tokens(const StepModel& model) {
  const MemoryPlan& p = model.memory();
  return static_cast<double>(p.kv_blocks) / (p.full_pages + p.window_pages) * model.deployment().kv_block_tokens;
}

constexpr int kWidest = 8;  // times the fewest chips that hold the model

/// Of the widest plan so far.
int chips_of(const PoolPlan& plan) {
  return (plan.wider.empty() ? plan : plan.wider.back()).spec.model->deployment().chips();
}

}  // namespace

PoolPlan load_sized_pool(const JsonObject& pool, const Catalog& catalog, const MoneyCatalog& money,
                         std::vector<Assumption>& assumptions) {
  if (!pool.has("chips")) return load_pool(pool, catalog, money, assumptions);
  pool.one_of("chips", {"fewest"});
  for (const char* key : {"tensor_parallel", "pipeline_parallel"})
    if (pool.has(key)) pool.fail("chips", std::string("\"fewest\" chooses ") + key + ", which is given beside it");
  const double wanted = static_cast<double>(pool.integer("cache_tokens", 1, 1'000'000'000, 65'536));
  json text = json::object();
  for (const std::string& key : pool.keys())
    if (key != "chips" && key != "cache_tokens") text[key] = pool.raw(key);
  const Chip chip = catalog.chip(catalogue_id(pool.string("chip"), pool.file()));
  const Llm llm = catalog.llm(catalogue_id(pool.string("llm"), pool.file()));
  std::string last = "no tensor-parallel group divides its heads";
  std::optional<PoolPlan> found;
  std::vector<Assumption> noted;
  for (const Plan& plan : candidates(chip, llm)) {
    if (found &&
        (plan.chips() < 2 * chips_of(*found) || plan.chips() > kWidest * found->spec.model->deployment().chips()))
      continue;
    text["tensor_parallel"] = plan.tensor;
    text["pipeline_parallel"] = plan.pipeline;
    std::vector<Assumption> read = assumptions;
    try {
      PoolPlan next = load_pool(JsonObject(text, pool.file(), pool.pointer()), catalog, money, read);
      const double tokens = cache_tokens(*next.spec.model);
      last = fmt::format("{} chips leave a cache of {:.0f} tokens; wanted {:.0f}", plan.chips(), tokens, wanted);
      if (tokens < wanted) continue;
      if (found) {
        found->wider.push_back(std::move(next));
      } else {
        noted = read;
        found = std::move(next);
      }
      if (!found->fewest_replicas) break;
    } catch (const Infeasible& e) {
      last = e.what();
    }
  }
  if (!found) throw Infeasible(last);
  assumptions = noted;
  return *found;
}

namespace {

/// The pools to size.
std::vector<PoolPlan*> sized_pools(Alternative& a) {
  std::vector<PoolPlan*> out;
  for (PoolPlan& pool : a.pools)
    if (pool.fewest_replicas) out.push_back(&pool);
  return out;
}

int chips_each(const PoolPlan& pool) { return pool.spec.model->deployment().chips(); }

/// Seconds a token of a lone sequence.
double lone_tpot(const StepModel& model) {
  StepSums sums;
  sums.decode_sequences = 1;
  sums.decode_kv_tokens = model.deployment().kv_quanta();
  return model.evaluate(sums).total() * model.deployment().kv_quanta() / model.pace(1);
}

bool fast_enough(const Alternative& a, const StepModel& model) {
  return a.slo.tpot_s <= 0 || lone_tpot(model) <= a.slo.tpot_s;
}

[[noreturn]] void refuse(const Alternative& a, const StepModel& model) {
  const Deployment& d = model.deployment();
  if (!fast_enough(a, model))
    throw Infeasible(fmt::format("one sequence alone takes {:.1f} ms a token on {} chips, the SLO allows {:.1f} ms",
                                 lone_tpot(model) * 1e3, d.chips(), a.slo.tpot_s * 1e3));
  const bool others = std::any_of(a.pools.begin(), a.pools.end(), [](const PoolPlan& p) { return !p.fewest_replicas; });
  throw Infeasible(fmt::format("{} replicas of up to {} chips do not bring {:.0f} % of requests within the SLO{}",
                               kMostReplicas, d.chips(), 100 * a.slo.attainment,
                               others ? ", beside the other pools with the replicas that they have" : ""));
}

/// The fewest replicas, at most `most`, that are good enough; 0 where these are not. Few are tried first: a factory
/// that is much too large takes long to simulate.
int fewest_replicas(PoolPlan& pool, int most, const std::function<bool()>& good) {
  const auto enough = [&](int replicas) {
    pool.spec.replicas = replicas;
    return good();
  };
  int low = 0, high = 1;  // low is not enough
  while (!enough(high)) {
    if (high >= most) return 0;
    low = high;
    high = std::min(2 * high, most);
  }
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

/// One pool, of each width that may take fewer chips.
int size_one(Alternative& a, PoolPlan& pool, const std::function<bool(const Alternative&)>& kept) {
  const auto good = [&] { return kept(a); };
  std::vector<PoolPlan> plans = std::move(pool.wider);
  pool.wider.clear();
  plans.insert(plans.begin(), pool);
  std::optional<PoolPlan> best;
  int fewest = kMostReplicas * kMostChips;
  for (const PoolPlan& plan : plans) {
    pool = plan;
    const int each = chips_each(plan), most = std::min(kMostReplicas, (fewest - 1) / each);
    const int replicas = most > 0 && fast_enough(a, *plan.spec.model) ? fewest_replicas(pool, most, good) : 0;
    if (replicas > 0) {
      pool.spec.replicas = replicas;
      best = pool;
      fewest = replicas * each;
    } else if (best) {
      break;
    }
  }
  if (!best) refuse(a, *plans.back().spec.model);
  pool = *best;
  return fewest;
}

/// Several pools. Each has what it needs beside plenty of the others; together they may need more.
int size_together(Alternative& a, const std::vector<PoolPlan*>& pools,
                  const std::function<bool(const Alternative&)>& kept) {
  const auto good = [&] { return kept(a); };
  int plenty = 1;
  const auto set_all = [&](int replicas) {
    for (PoolPlan* pool : pools) pool->spec.replicas = replicas;
  };
  for (set_all(plenty); !good(); set_all(plenty)) {
    if (plenty >= kMostReplicas) refuse(a, *pools.front()->spec.model);
    plenty = std::min(4 * plenty, kMostReplicas);
  }
  std::vector<int> alone;
  for (PoolPlan* pool : pools) {
    set_all(plenty);
    alone.push_back(fewest_replicas(*pool, plenty, good));
  }
  for (std::size_t i = 0; i < pools.size(); ++i) pools[i]->spec.replicas = std::max(1, alone[i]);
  for (std::size_t turn = 0; !good(); ++turn) ++pools[turn % pools.size()]->spec.replicas;
  // What one more of another pool made superfluous.
  for (PoolPlan* pool : pools)
    while (pool->spec.replicas > 1) {
      --pool->spec.replicas;
      if (good()) continue;
      ++pool->spec.replicas;
      break;
    }
  int chips = 0;
  for (const PoolPlan* pool : pools) chips += pool->spec.replicas * chips_each(*pool);
  return chips;
}

}  // namespace

bool wants_sizing(const Alternative& alternative) {
  return std::any_of(alternative.pools.begin(), alternative.pools.end(),
                     [](const PoolPlan& pool) { return pool.fewest_replicas; });
}

int size_replicas(Alternative& a, const std::function<bool(const Alternative&)>& kept) {
  const std::vector<PoolPlan*> pools = sized_pools(a);
  if (pools.empty()) return 0;
  return pools.size() == 1 ? size_one(a, *pools.front(), kept) : size_together(a, pools, kept);
}

}  // namespace tokenfab
