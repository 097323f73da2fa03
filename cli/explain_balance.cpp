#include "cli/explain_balance.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/shown.h"
#include "scenarios/balance.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json capacity_json(const PoolSpec& pool, const PhaseCapacity& c) {
  return {{"pool", pool.name},
          {"role", kPoolRoleNames[static_cast<std::size_t>(pool.role)]},
          {"replicas", pool.replicas},
          {"sequences", c.sequences},
          {"step_s", c.step_s},
          {"tokens_per_s", c.tokens_per_s},
          {"requests_per_s", c.requests_per_s}};
}

/// From one prefill pool to one decode pool.
json pair_json(const PoolSpec& from, double prefill_rate, const PoolSpec& to, double decode_rate, const KvTransfer& way,
               const MeanLengths& mean) {
  const double bytes = way.bytes(std::llround(mean.input));
  return {{"prefill", from.name},
          {"decode", to.name},
          {"decode_replicas_per_prefill_replica", prefill_rate / decode_rate},
          {"transfer_bytes", bytes},
          {"transfer_s", way.latency_s + bytes * way.seconds_per_byte},
          {"link_requests_per_s", way.seconds_per_byte > 0 ? json(1 / (bytes * way.seconds_per_byte)) : json()}};
}

double value(const json& object, const char* key) { return object[key].get<double>(); }

}  // namespace

bool is_disaggregated(const Alternative& a) {
  return std::any_of(a.pools.begin(), a.pools.end(), [](const auto& p) { return p.spec.role == PoolRole::prefill; });
}

json balance_json(const Alternative& a, std::uint64_t seed) {
  const MeanLengths mean = mean_lengths(a.workload, seed);
  json out = {{"alternative", a.name},
              {"mean_input_tokens", mean.input},
              {"mean_output_tokens", mean.output},
              {"requests_looked_at", mean.requests}};
  std::vector<double> rates;
  for (const PoolPlan& pool : a.pools) {
    const bool decodes = pool.spec.role == PoolRole::decode;
    const PhaseCapacity c =
        decodes ? decode_capacity(pool.spec, mean, a.slo.tpot_s) : prefill_capacity(pool.spec, mean);
    rates.push_back(c.requests_per_s);
    if (pool.spec.role != PoolRole::both) out["capacity"].push_back(capacity_json(pool.spec, c));
  }
  for (std::size_t to = 0; to < a.pools.size(); ++to)
    for (std::size_t from = 0; from < a.pools.size(); ++from) {
      const PoolSpec &sender = a.pools[from].spec, &taker = a.pools[to].spec;
      if (sender.role == PoolRole::prefill && taker.role == PoolRole::decode)
        out["pairs"].push_back(pair_json(sender, rates[from], taker, rates[to], taker.transfers[from], mean));
    }
  return out;
}

std::string balance_text(const json& b) {
  std::vector<std::vector<std::string>> rows = {
      {"pool", "role", "replicas", "sequences", "step ms", "tokens/s per replica", "requests/s per replica"}};
  for (const json& c : b["capacity"])
    rows.push_back({c["pool"].get<std::string>(), c["role"].get<std::string>(), shown("{}", c["replicas"].get<int>()),
                    shown("{}", c["sequences"].get<std::int64_t>()), shown("{:.2f}", 1e3 * value(c, "step_s")),
                    shown("{:.0f}", value(c, "tokens_per_s")), shown("{:.2f}", value(c, "requests_per_s"))});
  std::string out = shown("{}: balance at the mean request, {:.0f} input and {:.0f} output tokens (of {})\n",
                          b["alternative"].get<std::string>(), value(b, "mean_input_tokens"),
                          value(b, "mean_output_tokens"), grouped(b["requests_looked_at"].get<long long>()));
  out += text_table(rows);
  for (const json& p : b["pairs"])
    out += shown("balanced: {:.2f} replicas of {} for each of {}; a mean cache is {:.1f} MB and takes {:.2f} ms\n",
                 value(p, "decode_replicas_per_prefill_replica"), p["decode"].get<std::string>(),
                 p["prefill"].get<std::string>(), 1e-6 * value(p, "transfer_bytes"), 1e3 * value(p, "transfer_s"));
  return out + "\n";
}

}  // namespace tokenfab::cli
