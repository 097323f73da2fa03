#include "hwmodels/collectives.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "hwmodels/topology.h"

namespace tokenfab {
namespace {

bool always_direct(const Topology& t, const std::vector<int>& group) {
  const std::string& kind = t.chip().topology;
  const int server = t.node(group.front()).server;
  return (kind == "switched" || kind == "mesh" || kind == "pcie") &&
         std::all_of(group.begin(), group.end(), [&](int v) { return t.node(v).server == server; });
}

/// Sender i of n holds the i-th n-th of the message, receiver j of m takes the j-th m-th.
double overlap(int i, int n, int j, int m) {
  const double low = std::max(static_cast<double>(i) / n, static_cast<double>(j) / m);
  const double high = std::min((i + 1.0) / n, (j + 1.0) / m);
  return std::max(0.0, high - low);
}

}  // namespace

CollectiveCost all_reduce(const Topology& t, const std::vector<int>& group) {
  if (group.size() < 2) return {};
  if (!always_direct(t, group)) return cheapest(all_reduce_options(t, group), kTypicalMessage).cost;
  const CollectiveCost one = t.all_pairs(group);
  return {2 * one.latency, 2 * one.seconds_per_byte / static_cast<double>(group.size())};
}

CollectiveCost all_gather(const Topology& t, const std::vector<int>& group) {
  if (group.size() < 2) return {};
  const CollectiveCost one = t.all_pairs(group);
  return {one.latency, one.seconds_per_byte / static_cast<double>(group.size())};
}

CollectiveCost reduce_scatter(const Topology& t, const std::vector<int>& group) { return all_gather(t, group); }

CollectiveCost all_to_all(const Topology& t, const std::vector<int>& group) { return all_gather(t, group); }

CollectiveCost transfer(const Topology& t, const std::vector<int>& senders, const std::vector<int>& receivers) {
  require(!senders.empty() && !receivers.empty(), "a transfer has senders and receivers");
  const int n = static_cast<int>(senders.size()), m = static_cast<int>(receivers.size());
  std::vector<Flow> flows;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j)
      flows.push_back(
          {senders[static_cast<std::size_t>(i)], receivers[static_cast<std::size_t>(j)], overlap(i, n, j, m)});
  return t.carry(std::move(flows));
}

CollectiveCost all_reduce_cost(const Chip& chip, int chips, const Faults& faults) {
  if (chips <= 1) return {};
  const Topology t(chip, chips, faults);
  return all_reduce(t, t.group());
}

CollectiveCost all_to_all_cost(const Chip& chip, int chips, const Faults& faults) {
  if (chips <= 1) return {};
  const Topology t(chip, chips, faults);
  return all_to_all(t, t.group());
}

CollectiveCost send_cost(const Chip& chip, int distance, const Faults& faults) {
  require(distance >= 1, "a send has a distance of at least one chip");
  const Topology t(chip, 2 * distance, faults);
  std::vector<Flow> flows;
  for (std::size_t i = 0, d = static_cast<std::size_t>(distance); i < d; ++i)
    flows.push_back({t.group()[i], t.group()[i + d], 1});
  return t.carry(std::move(flows));
}

CollectiveCost pipeline_cost(const Chip& chip, int width, int stages, const Faults& faults) {
  require(width >= 1 && stages >= 1, "a pipeline has stages of at least one chip");
  if (stages == 1) return {};
  const Topology t(chip, width * stages, faults);
  CollectiveCost sum;
  for (int s = 0; s < stages; ++s) {
    std::vector<Flow> flows;
    for (int i = 0; i < width; ++i)
      flows.push_back({t.group()[static_cast<std::size_t>(s * width + i)],
                       t.group()[static_cast<std::size_t>((s + 1) % stages * width + i)], 1});
    const CollectiveCost one = t.carry(std::move(flows));
    sum.latency += one.latency, sum.seconds_per_byte += one.seconds_per_byte;
  }
  return {sum.latency / stages, sum.seconds_per_byte / stages};
}

CollectiveCost transfer_cost(const Chip& from, int n, const Chip& to, int m, bool same_domain) {
  require(n >= 1 && m >= 1, "a transfer has senders and receivers");
  if (same_domain) {
    if (from.id != to.id)
      throw UserError(fmt::format("a transfer from {} to {}: one domain holds chips of one kind", from.id, to.id));
    const Topology t(from, n + m);
    return transfer(t, {t.group().begin(), t.group().begin() + n}, {t.group().begin() + n, t.group().end()});
  }
  // The spine never blocks: the slower side's network links decide.
  return {(from.network_latency.value + to.network_latency.value) / 2,
          std::max(1 / (n * from.network.value), 1 / (m * to.network.value))};
}

}  // namespace tokenfab
