// The algorithms of an all-reduce on a fabric, each as the flows of its phases.
#include <algorithm>
#include <map>
#include <optional>

#include "hwmodels/collectives.h"
#include "hwmodels/topology.h"

namespace tokenfab {
namespace {

using Chips = std::vector<int>;

CollectiveCost scaled(const CollectiveCost& c, double phases, double bytes) {
  return {c.latency * phases, c.seconds_per_byte * bytes};
}

CollectiveCost sum(const CollectiveCost& a, const CollectiveCost& b) {
  return {a.latency + b.latency, a.seconds_per_byte + b.seconds_per_byte};
}

CollectiveCost worse(const CollectiveCost& a, const CollectiveCost& b) {
  return {std::max(a.latency, b.latency), std::max(a.seconds_per_byte, b.seconds_per_byte)};
}

bool cheaper(const CollectiveCost& a, const CollectiveCost& b) {
  return std::pair(a.seconds_per_byte, a.latency) < std::pair(b.seconds_per_byte, b.latency);
}

/// Each chip sends `share` to its neighbours on either side, half each.
void add_ring(std::vector<Flow>& flows, const Chips& order, double share) {
  for (std::size_t i = 0, n = order.size(); i < n; ++i) {
    flows.push_back({order[i], order[(i + 1) % n], share / 2});
    flows.push_back({order[(i + 1) % n], order[i], share / 2});
  }
}

/// 0, 2, 4, ... 5, 3, 1: a ring on an open line, no step longer than two places.
Chips folded(const Chips& line) {
  Chips out;
  for (std::size_t i = 0; i < line.size(); i += 2) out.push_back(line[i]);
  for (std::size_t i = line.size() / 2 * 2; i >= 2; i -= 2) out.push_back(line[i - 1]);
  return out;
}

/// A torus' rows one way and the other in turn, so that most steps are one hop.
Chips snake(const Topology& t, const Chips& chips) {
  Chips out = chips;
  const auto key = [&](int v) {
    const FabricNode& node = t.node(v);
    const std::vector<int>& shape = t.shape(node.server);
    std::vector<int> place{node.server};
    int rest = node.position, positions = 1;
    for (const int length : shape) positions *= length;
    bool back = false;
    for (const int length : shape) {
      positions /= length;
      const int coordinate = rest / positions;
      rest %= positions;
      place.push_back(back ? length - 1 - coordinate : coordinate);
      back ^= coordinate % 2 == 1;
    }
    return place;
  };
  std::sort(out.begin(), out.end(), [&](int a, int b) { return key(a) < key(b); });
  return out;
}

CollectiveCost ring(const Topology& t, const Chips& chips) {
  std::vector<Chips> orders = {chips, folded(chips)};
  if (!t.shape(t.node(chips.front()).server).empty()) orders.push_back(snake(t, chips));
  std::optional<CollectiveCost> best;
  for (const Chips& order : orders) {
    std::vector<Flow> flows;
    add_ring(flows, order, 1);
    const CollectiveCost step = t.carry(std::move(flows));
    if (!best || cheaper(step, *best)) best = step;
  }
  const auto n = static_cast<double>(chips.size());
  return scaled(*best, 2 * (n - 1), 2 * (n - 1) / n);
}

/// Binary trees in heap order over the chips and over the chips backwards: who is a leaf in one is inside the other.
CollectiveCost tree(const Topology& t, const Chips& chips) {
  std::vector<Flow> flows;
  double deepest = 0;
  for (const bool backwards : {false, true}) {
    const Chips order = backwards ? Chips(chips.rbegin(), chips.rend()) : chips;
    for (std::size_t i = 1; i < order.size(); ++i) {
      flows.push_back({order[i], order[(i - 1) / 2], 0.5});
      flows.push_back({order[(i - 1) / 2], order[i], 0.5});
    }
  }
  for (std::size_t level = chips.size(); level > 1; level /= 2) ++deepest;
  return scaled(t.carry(std::move(flows)), 2 * deepest, 1);
}

/// The chips of each line along an axis of a whole torus; `chips` in the order of their positions.
std::vector<Chips> lines(const Chips& chips, const std::vector<int>& shape, std::size_t axis) {
  int stride = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) stride *= shape[i];
  std::map<int, Chips> out;
  for (int p = 0; p < static_cast<int>(chips.size()); ++p)
    out[p - p / stride % shape[axis] * stride].push_back(chips[static_cast<std::size_t>(p)]);
  std::vector<Chips> all;
  for (auto& [first, line] : out) all.push_back(std::move(line));
  return all;
}

/// Null where the chips are not a whole torus of one server.
std::optional<CollectiveCost> axes(const Topology& t, const Chips& chips) {
  const std::vector<int>& shape = t.shape(t.node(chips.front()).server);
  std::vector<std::size_t> used;
  int positions = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    positions *= shape[i];
    if (shape[i] > 1) used.push_back(i);
  }
  if (used.empty() || positions != static_cast<int>(chips.size())) return {};
  CollectiveCost total;
  for (std::size_t phase = 0; phase < used.size(); ++phase) {
    std::vector<Flow> all;
    double latency = 0;
    for (std::size_t part = 0; part < used.size(); ++part) {
      double bytes = 1 / static_cast<double>(used.size());
      for (std::size_t k = 0; k < phase; ++k) bytes /= shape[used[(part + k) % used.size()]];
      const std::size_t axis = used[(part + phase) % used.size()];
      const double length = shape[axis];
      std::vector<Flow> flows;
      for (const Chips& line : lines(chips, shape, axis))
        add_ring(flows, t.wraps(shape[axis]) ? line : folded(line), 2 * (length - 1) / length * bytes);
      all.insert(all.end(), flows.begin(), flows.end());
      latency = std::max(latency, 2 * (length - 1) * t.carry(std::move(flows)).latency);
    }
    total = sum(total, {latency, t.carry(std::move(all)).seconds_per_byte});
  }
  return total;
}

std::vector<AllReduceOption> inside(const Topology& t, const Chips& chips) {
  const auto n = static_cast<double>(chips.size());
  const CollectiveCost one = t.all_pairs(chips);
  std::vector<AllReduceOption> out = {{AllReduce::direct, scaled(one, 2, 2 / n)},
                                      {AllReduce::one_shot, one},
                                      {AllReduce::ring, ring(t, chips)},
                                      {AllReduce::tree, tree(t, chips)}};
  if (const auto cost = axes(t, chips)) out.push_back({AllReduce::axes, *cost});
  return out;
}

/// Chip i of a server with m holds the i-th m-th of the message. Each of s servers reduces 1/s of every shard and sends
/// the result to the others.
CollectiveCost across(const Topology& t, const std::vector<Chips>& servers) {
  const auto s = static_cast<double>(servers.size());
  std::vector<Flow> flows;
  for (const Chips& from : servers)
    for (const Chips& to : servers) {
      if (&from == &to) continue;
      const auto n = static_cast<double>(from.size()), m = static_cast<double>(to.size());
      for (std::size_t i = 0; i < from.size(); ++i) {
        const auto a = static_cast<double>(i);
        for (auto j = static_cast<std::size_t>(a * m / n); j < to.size(); ++j) {
          const auto b = static_cast<double>(j);
          if (b * n >= (a + 1) * m) break;
          const double shared = std::min((a + 1) * m, (b + 1) * n) - std::max(a * m, b * n);
          flows.push_back({from[i], to[j], shared / (n * m) / s});
        }
      }
    }
  return scaled(t.carry(std::move(flows)), 2, 2);
}

std::vector<Chips> by_server(const Topology& t, const Chips& group) {
  std::map<int, Chips> chips;
  for (const int v : group) chips[t.node(v).server].push_back(v);
  std::vector<Chips> out;
  for (auto& [server, list] : chips) out.push_back(std::move(list));
  return out;
}

/// Servers with all chips and no faults inside are alike: only the first of each size is looked at.
CollectiveCost hierarchical(const Topology& t, const std::vector<Chips>& servers) {
  CollectiveCost within;
  std::map<std::size_t, bool> seen;
  for (const Chips& chips : servers) {
    if (chips.size() < 2 || (!t.faulty() && !seen.try_emplace(chips.size(), true).second)) continue;
    const CollectiveCost cost = cheapest(inside(t, chips), kTypicalMessage).cost;
    within = worse(within, cost);
  }
  return sum(within, across(t, servers));
}

}  // namespace

std::vector<AllReduceOption> all_reduce_options(const Topology& t, const std::vector<int>& group) {
  if (group.size() < 2) return {AllReduceOption{}};
  std::vector<AllReduceOption> out = inside(t, group);
  if (const auto servers = by_server(t, group); servers.size() > 1)
    out.push_back({AllReduce::hierarchical, hierarchical(t, servers)});
  return out;
}

AllReduceOption cheapest(const std::vector<AllReduceOption>& options, double bytes) {
  return *std::min_element(options.begin(), options.end(),
                           [&](const auto& a, const auto& b) { return a.cost.seconds(bytes) < b.cost.seconds(bytes); });
}

}  // namespace tokenfab
