#include "hwmodels/collectives.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "hwmodels/topology.h"

namespace tokenfab {
namespace {

/// Calibrations hold factors on the direct algorithm there.
bool always_direct(const Topology& t) {
  const std::string& kind = t.chip().topology;
  return t.servers() == 1 && (kind == "switched" || kind == "mesh" || kind == "pcie");
}

/// Sender i of n holds the i-th n-th of the message, receiver j of m takes the j-th m-th.
double overlap(int i, int n, int j, int m) {
  const double low = std::max(static_cast<double>(i) / n, static_cast<double>(j) / m);
  const double high = std::min((i + 1.0) / n, (j + 1.0) / m);
  return std::max(0.0, high - low);
}

}  // namespace

CollectiveCost all_gather(const Topology& t) {
  const CollectiveCost one = t.all_pairs(t.group());
  return {one.latency, one.seconds_per_byte / static_cast<double>(t.group().size())};
}

CollectiveCost reduce_scatter(const Topology& t) { return all_gather(t); }

CollectiveCost all_to_all(const Topology& t) { return all_gather(t); }

CollectiveCost transfer(const Topology& t, int senders) {
  const int receivers = static_cast<int>(t.group().size()) - senders;
  require(senders >= 1 && receivers >= 1, "a transfer has senders and receivers");
  std::vector<Flow> flows;
  for (int i = 0; i < senders; ++i)
    for (int j = 0; j < receivers; ++j)
      flows.push_back({t.group()[static_cast<std::size_t>(i)], t.group()[static_cast<std::size_t>(senders + j)],
                       overlap(i, senders, j, receivers)});
  return t.carry(std::move(flows));
}

CollectiveCost all_reduce_cost(const Chip& chip, int chips, const Faults& faults) {
  if (chips <= 1) return {};
  const Topology t(chip, chips, faults);
  if (!always_direct(t)) return cheapest(all_reduce_options(t), kTypicalMessage).cost;
  const CollectiveCost one = t.all_pairs(t.group());
  return {2 * one.latency, 2 * one.seconds_per_byte / chips};
}

CollectiveCost all_to_all_cost(const Chip& chip, int chips, const Faults& faults) {
  return chips <= 1 ? CollectiveCost{} : all_to_all(Topology(chip, chips, faults));
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
    return transfer(Topology(from, n + m), n);
  }
  // The spine never blocks: the slower side's network links decide.
  return {(from.network_latency.value + to.network_latency.value) / 2,
          std::max(1 / (n * from.network.value), 1 / (m * to.network.value))};
}

}  // namespace tokenfab
