#include "hwmodels/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kNetworkPenalty = 1'000'000'000'000;  // picoseconds: longer than any path of scale-up links

std::int64_t weight_of(const FabricLink& link) {
  const auto ps = static_cast<std::int64_t>(std::llround(link.latency * 1e12));
  return std::max<std::int64_t>(1, ps) + (link.network ? kNetworkPenalty : 0);
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

void Topology::index() {
  std::vector<std::vector<Arc>> out(boost::num_vertices(graph_));
  for (auto [e, end] = boost::edges(graph_); e != end; ++e) {
    const auto a = boost::source(*e, graph_), b = boost::target(*e, graph_);
    const FabricLink& link = graph_[*e];
    const auto arc = [&](std::size_t to, std::size_t back) {
      return Arc{static_cast<int>(to), static_cast<int>(back), weight_of(link), link.latency, link.bandwidth};
    };
    out[a].push_back(arc(b, out[b].size()));
    out[b].push_back(arc(a, out[a].size() - 1));
  }
  for (const auto& arcs : out) {
    first_arc_.push_back(static_cast<int>(arcs_.size()));
    arcs_.insert(arcs_.end(), arcs.begin(), arcs.end());
  }
  first_arc_.push_back(static_cast<int>(arcs_.size()));
  for (Arc& arc : arcs_) arc.back += first_arc_[at(arc.to)];
}

/// Shortest paths from one source at a time (Dijkstra), then the flows from it walked back over all of them, as in
/// Brandes' betweenness.
class Topology::Router {
 public:
  explicit Router(const Topology& t)
      : t_(t), nodes_(boost::num_vertices(t.graph_)), load_(t.arcs_.size()), done_(nodes_.size()) {}

  void carry(std::span<const Flow> flows) {
    const int source = flows.front().from;
    std::size_t left = 0;
    for (const Flow& f : flows) {
      if (nodes_[at(f.to)].demand == 0) ++left;
      nodes_[at(f.to)].demand += f.share;
    }
    settle(source, left);
    for (const Flow& f : flows) {
      if (!nodes_[at(f.to)].settled) t_.cut(source, f.to);
      latency_ = std::max(latency_, nodes_[at(f.to)].latency);
    }
    walk_back();
    for (const int v : touched_) nodes_[at(v)] = {};
    touched_.clear();
  }

  CollectiveCost cost() const {
    CollectiveCost out{latency_, 0};
    for (std::size_t i = 0; i < load_.size(); ++i)
      out.seconds_per_byte = std::max(out.seconds_per_byte, load_[i] / t_.arcs_[i].bandwidth);
    return out;
  }

 private:
  struct Node {
    std::int64_t distance = INT64_MAX;
    double latency = 0, paths = 0, demand = 0;
    bool settled = false;
  };

  void settle(int source, std::size_t left) {
    done_.clear();
    nodes_[at(source)].distance = 0;
    nodes_[at(source)].paths = 1;
    touched_.push_back(source);
    front_[0].push_back(source);
    while (!front_.empty() && left > 0) {
      const auto nearest = front_.extract(front_.begin());
      for (const int v : nearest.mapped()) {
        Node& node = nodes_[at(v)];
        if (node.distance != nearest.key()) continue;  // a shorter path was found since
        node.settled = true;
        done_.push_back(v);
        if (node.demand > 0) --left;
        relax(v, node);
      }
    }
    front_.clear();
  }

  void relax(int v, const Node& node) {
    for (int i = t_.first_arc_[at(v)]; i < t_.first_arc_[at(v + 1)]; ++i) {
      const Arc& arc = t_.arcs_[at(i)];
      Node& next = nodes_[at(arc.to)];
      const std::int64_t distance = node.distance + arc.weight;
      if (distance > next.distance) continue;
      if (distance == next.distance) {
        next.paths += node.paths;
        continue;
      }
      if (next.distance == INT64_MAX) touched_.push_back(arc.to);
      next.distance = distance;
      next.latency = node.latency + arc.latency;
      next.paths = node.paths;
      front_[distance].push_back(arc.to);
    }
  }

  /// Farthest first: what arrives at or passes a vertex comes over its shortest paths in equal parts.
  void walk_back() {
    for (auto v = done_.rbegin(); v != done_.rend(); ++v) {
      const Node node = nodes_[at(*v)];
      if (node.demand == 0) continue;
      for (int i = t_.first_arc_[at(*v)]; i < t_.first_arc_[at(*v + 1)]; ++i) {
        const Arc& arc = t_.arcs_[at(i)];
        Node& before = nodes_[at(arc.to)];
        if (!before.settled || before.distance + arc.weight != node.distance) continue;
        const double share = node.demand * (before.paths / node.paths);
        load_[at(arc.back)] += share;
        before.demand += share;
      }
    }
  }

  const Topology& t_;
  std::vector<Node> nodes_;
  std::vector<double> load_;
  std::vector<int> done_, touched_;
  std::map<std::int64_t, std::vector<int>> front_;  // by distance: a fabric has few different ones
  double latency_ = 0;
};

CollectiveCost Topology::carry(std::vector<Flow> flows) const {
  std::erase_if(flows, [](const Flow& f) { return f.share <= 0 || f.from == f.to; });
  const auto by_source = [](const Flow& a, const Flow& b) { return a.from < b.from; };
  if (!std::is_sorted(flows.begin(), flows.end(), by_source)) std::stable_sort(flows.begin(), flows.end(), by_source);
  Router router(*this);
  for (std::size_t first = 0, end = 0; first < flows.size(); first = end) {
    while (end < flows.size() && flows[end].from == flows[first].from) ++end;
    router.carry(std::span(flows).subspan(first, end - first));
  }
  return router.cost();
}

CollectiveCost Topology::all_pairs(const std::vector<int>& chips) const {
  std::vector<Flow> flows;
  for (const int a : chips)
    for (const int b : chips) flows.push_back({a, b, 1});
  return carry(std::move(flows));
}

void Topology::cut(int from, int to) const {
  throw Infeasible(fmt::format("{} chips of {}: no path is left from {} to {} (broken: {})", group_.size(), chip_.id,
                               node(from).name, node(to).name, broken_.empty() ? "nothing" : join_names(broken_)));
}

}  // namespace tokenfab
