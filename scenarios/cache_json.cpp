#include "scenarios/cache_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tokenfab {
namespace {

constexpr std::int64_t kTraceBlock = 512;

std::int64_t read_block(const JsonObject& o, std::int64_t page, bool shared_prompt,
                        std::vector<Assumption>& assumptions) {
  const std::int64_t fallback = shared_prompt ? page : (kTraceBlock + page - 1) / page * page;
  if (!o.has("block_tokens"))
    assumptions.push_back({o.pointer() + "/block_tokens", std::to_string(fallback),
                           shared_prompt ? "the KV page" : "what a hash id of Mooncake's traces covers"});
  const std::int64_t block = o.integer("block_tokens", 1, 1'000'000, fallback);
  if (block % page != 0)
    o.fail("block_tokens",
           std::to_string(block) + " is not a multiple of the KV page of " + std::to_string(page) + " tokens");
  return block;
}

void read_shared_prompt(const JsonObject& o, PrefixSpec& prefix) {
  if (!o.has("shared_prompt")) return;
  const JsonObject s = o.object("shared_prompt");
  prefix.shared_tokens = s.integer("tokens", 1, 10'000'000);
  prefix.shared_share = s.number_in("share", 0, 1, 1);
  prefix.shared_prompts = s.integer("prompts", 1, 1'000'000, 1);
  prefix.shared_zipf = s.number_in("zipf", 0, 4, 0);
  s.finish();
  if (prefix.shared_tokens < prefix.block_tokens)
    s.fail("tokens", std::to_string(prefix.shared_tokens) + " is less than a prefix block of " +
                         std::to_string(prefix.block_tokens) + " tokens, so that nothing would be shared");
}

PrefixCachePlan::Tier read_tier(const JsonObject& o, const std::vector<PrefixCachePlan::Tier>& before,
                                std::vector<Assumption>& assumptions) {
  PrefixCachePlan::Tier t;
  t.name = o.string("name");
  const auto same = [&](const auto& other) { return other.name == t.name; };
  if (t.name == "hbm" || t.name.empty() || std::any_of(before.begin(), before.end(), same))
    o.fail("name", "\"" + t.name + "\" is taken or empty; \"hbm\" is the chips' own memory");
  t.capacity_bytes = 1e9 * o.number_in("capacity_gb", 0, 1e9);
  t.bandwidth = 1e9 * o.number_in("bandwidth_gbs", 1e-6, 1e6);
  if (!o.has("latency_us")) assumptions.push_back({o.pointer() + "/latency_us", "0", "small beside the transfer"});
  t.latency_s = 1e-6 * o.number_in("latency_us", 0, 1e9, 0);
  o.finish();
  return t;
}

}  // namespace

std::optional<PrefixCachePlan> read_prefix_cache(const JsonObject& pool, std::int64_t page_tokens,
                                                 const std::string& policy, std::vector<Assumption>& assumptions) {
  if (!pool.has("prefix_cache")) return std::nullopt;
  static const nlohmann::json kDefaults = nlohmann::json::object();
  const bool flag = pool.raw("prefix_cache").is_boolean();
  if (flag && !pool.boolean("prefix_cache", false)) return std::nullopt;
  if (policy == "static") pool.fail("prefix_cache", "is not for the batcher policy \"static\"");
  const JsonObject o =
      flag ? JsonObject(kDefaults, pool.file(), pool.pointer() + "/prefix_cache") : pool.object("prefix_cache");
  PrefixCachePlan plan;
  plan.prefix.where = o.file() + ": " + o.pointer();
  plan.prefix.block_tokens = read_block(o, page_tokens, o.has("shared_prompt"), assumptions);
  read_shared_prompt(o, plan.prefix);
  for (const JsonObject& tier : o.objects("tiers")) plan.tiers.push_back(read_tier(tier, plan.tiers, assumptions));
  if (o.has("life_s")) plan.life_s = o.number_in("life_s", 1e-6, 1e12);
  o.finish();
  return plan;
}

double kv_bytes_per_token(const StepModel& model) {
  const Deployment& d = model.deployment();
  const double shards = d.llm.mla ? 1 : std::min(d.tensor_parallel, d.llm.kv_heads);
  const MemoryPlan& m = model.memory();
  return (m.kv_bytes_per_token * d.pipeline_parallel + m.draft_kv_bytes_per_token) * shards;
}

void fit_prefix_cache(const PrefixCachePlan& plan, const StepModel& model, PoolSpec& pool) {
  BatcherSpec& b = pool.batcher;
  b.prefix_cache = true;
  b.prefix_pages = plan.prefix.block_tokens / b.kv_block_tokens;
  b.prefix_life = ticks_from_seconds(plan.life_s);
  const int pages = model.memory().full_pages + model.memory().window_pages;  // shared pages keep whole prompts
  b.kv_blocks /= pages;
  pool.transfer_costs.seconds_per_block *= pages;
  pool.prefix = plan.prefix;
  pool.prefix_block_bytes = kv_bytes_per_token(model) * static_cast<double>(plan.prefix.block_tokens);
  for (const PrefixCachePlan::Tier& t : plan.tiers)
    b.tiers.push_back({t.name, static_cast<std::int64_t>(std::floor(t.capacity_bytes / pool.prefix_block_bytes)),
                       ticks_from_seconds(t.latency_s), ticks_from_seconds(pool.prefix_block_bytes / t.bandwidth)});
}

}  // namespace tokenfab
