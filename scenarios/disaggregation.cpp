#include "scenarios/disaggregation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "hwmodels/collectives.h"
#include "hwmodels/op_work.h"

namespace tokenfab {
namespace {

bool is(const PoolPlan& pool, PoolRole role) { return pool.spec.role == role; }

const Deployment& deployment(const PoolPlan& pool) { return pool.spec.model->deployment(); }

CollectiveCost default_cost(const JsonObject& object, const PoolPlan& prefill, const PoolPlan& decode) {
  const Deployment &from = deployment(prefill), &to = deployment(decode);
  const OpEfficiency& send = from.engine.ops[static_cast<std::size_t>(OpClass::send)];
  try {
    const CollectiveCost cost =
        transfer_cost(from.chip, from.chips(), to.chip, to.chips(), decode.transfer.same_domain);
    return {cost.latency + send.floor.value, cost.seconds_per_byte / send.bandwidth.value};
  } catch (const UserError& e) {
    object.fail("transfer", e.what());
  }
}

KvTransfer connect(const JsonObject& object, const PoolPlan& prefill, const PoolPlan& decode) {
  const std::string& llm = deployment(prefill).llm.id;
  if (deployment(decode).llm.id != llm)
    object.fail("llm", "\"" + deployment(decode).llm.id + "\" cannot go on with the caches of \"" + llm +
                           "\", which the prefill pool \"" + prefill.spec.name + "\" computes");
  const TransferChoice& choice = decode.transfer;
  KvTransfer out = cache_size(deployment(decode));
  out.overlap = choice.overlap;
  const CollectiveCost cost =
      choice.bandwidth && choice.latency_s ? CollectiveCost{} : default_cost(object, prefill, decode);
  out.seconds_per_byte = choice.bandwidth ? 1 / *choice.bandwidth : cost.seconds_per_byte;
  out.latency_s = choice.latency_s.value_or(cost.latency);
  return out;
}

void note(const std::string& pointer, const PoolPlan& prefill, const PoolPlan& decode, const KvTransfer& t,
          std::vector<Assumption>& assumptions) {
  const std::string from = " from \"" + prefill.spec.name + "\"", at = pointer + "/transfer/";
  const std::string links = decode.transfer.same_domain ? "scale-up links" : "scale-out network";
  if (!decode.transfer.bandwidth)
    assumptions.push_back({at + "bandwidth_gbs", fmt::format("{:.4g}{}", 1e-9 / t.seconds_per_byte, from),
                           "the chips' " + links + " at the engine's efficiency of sends"});
  if (!decode.transfer.latency_s)
    assumptions.push_back({at + "latency_us", fmt::format("{:.4g}{}", 1e6 * t.latency_s, from),
                           "the chips' " + links + " and the engine's fixed time of a send"});
}

}  // namespace

void read_role(const JsonObject& pool, PoolPlan& plan) {
  const std::string role = pool.one_of("role", {kPoolRoleNames.begin(), kPoolRoleNames.end()}, "both");
  plan.spec.role =
      static_cast<PoolRole>(std::find(kPoolRoleNames.begin(), kPoolRoleNames.end(), role) - kPoolRoleNames.begin());
  if (role != "both" && plan.spec.batcher.policy == "static")
    pool.fail("role", "\"" + role + "\" cannot be had with static batching; allowed: both");
  if (role == "decode" && plan.spec.batcher.max_waiting > 0)
    pool.object("batcher").fail("max_waiting", "a decode pool takes what prefill pools have admitted; set it there");
  if (role == "decode" && plan.spec.batcher.scheduling.preempt)
    pool.object("batcher").fail("preempt", "is not for a decode pool: caches that arrive displace nobody");
  if (!pool.has("transfer")) return;
  if (role != "decode") pool.fail("transfer", "is of pools with the role \"decode\"; this one's is \"" + role + "\"");
  const JsonObject t = pool.object("transfer");
  TransferChoice& out = plan.transfer;
  if (t.has("bandwidth_gbs")) out.bandwidth = 1e9 * t.number_in("bandwidth_gbs", 1e-3, 1e6);
  if (t.has("latency_us")) out.latency_s = 1e-6 * t.number_in("latency_us", 0, 1e7);
  out.overlap = t.number_in("overlap", 0, 1, 0);
  out.same_domain = t.boolean("same_domain", false);
  t.finish();
}

KvTransfer cache_size(const Deployment& d) {
  KvTransfer out;
  const double layer = kv_elements_per_token_layer(d.llm) * dtype_bytes(d.kv);
  const int windowed = d.llm.window ? d.llm.window->layers : 0;
  out.bytes_per_token = layer * (d.llm.layers - windowed);
  out.window_bytes_per_token = layer * windowed;
  out.window_tokens = d.llm.window ? d.llm.window->tokens : 0;
  return out;
}

void connect_pools(const std::vector<JsonObject>& objects, std::vector<PoolPlan>& pools,
                   std::vector<Assumption>& assumptions) {
  const auto count = [&](PoolRole role) {
    return std::count_if(pools.begin(), pools.end(), [&](const PoolPlan& p) { return is(p, role); });
  };
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const std::string missing = is(pools[i], PoolRole::prefill)  ? "decode"
                                : is(pools[i], PoolRole::decode) ? "prefill"
                                                                 : "";
    if (!missing.empty() && count(missing == "decode" ? PoolRole::decode : PoolRole::prefill) == 0)
      objects[i].fail("role", "needs another pool with the role \"" + missing + "\" to work with");
    if (!is(pools[i], PoolRole::decode)) continue;
    pools[i].spec.transfers.resize(pools.size());
    for (std::size_t from = 0; from < pools.size(); ++from) {
      if (!is(pools[from], PoolRole::prefill)) continue;
      pools[i].spec.transfers[from] = connect(objects[i], pools[from], pools[i]);
      note(objects[i].pointer(), pools[from], pools[i], pools[i].spec.transfers[from], assumptions);
    }
  }
}

}  // namespace tokenfab
