#include "hwmodels/collectives.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>

#include "base/error.h"

namespace tokenfab {
namespace {

struct Link {
  double latency = 0, bandwidth = 0;
};
using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Link>;
using Vertex = Graph::vertex_descriptor;
using Edge = Graph::edge_descriptor;

void connect(Graph& g, Vertex a, Vertex b, double latency, double bandwidth) {
  boost::add_edge(a, b, Link{latency, bandwidth}, g);
  boost::add_edge(b, a, Link{latency, bandwidth}, g);
}

/// Chips are vertices 0 .. chips - 1; switches follow.
Graph fabric(const Chip& chip, int chips) {
  const int domain = std::max(1, chip.scale_up_domain);
  Graph g(static_cast<std::size_t>(chips));
  for (int first = 0; first < chips && domain > 1; first += domain) {
    const int last = std::min(chips, first + domain);
    if (chip.topology == "mesh") {
      const double pair = chip.link.value / (domain - 1);
      for (int a = first; a < last; ++a)
        for (int b = a + 1; b < last; ++b)
          connect(g, static_cast<Vertex>(a), static_cast<Vertex>(b), chip.link_latency.value, pair);
    } else {
      const Vertex hub = boost::add_vertex(g);  // NVSwitch, or the host's PCIe root
      for (int a = first; a < last; ++a)
        connect(g, static_cast<Vertex>(a), hub, chip.link_latency.value / 2, chip.link.value);
    }
  }
  if (chips > domain) {
    const Vertex spine = boost::add_vertex(g);
    for (int a = 0; a < chips; ++a)
      connect(g, static_cast<Vertex>(a), spine, chip.network_latency.value / 2, chip.network.value);
  }
  return g;
}

struct Paths {
  std::vector<Vertex> parent;
  std::vector<double> latency;
};

Paths shortest_paths(const Graph& g, Vertex from) {
  Paths p{std::vector<Vertex>(boost::num_vertices(g)), std::vector<double>(boost::num_vertices(g))};
  boost::dijkstra_shortest_paths(
      g, from,
      boost::weight_map(boost::get(&Link::latency, g)).predecessor_map(p.parent.data()).distance_map(p.latency.data()));
  return p;
}

struct Exchange {
  double worst_latency = 0;
  double seconds_per_flow_byte = 0;  // the most loaded link: flows / bandwidth
};

/// Every chip sends one flow of equal size to every other chip.
Exchange all_pairs(const Chip& chip, int chips) {
  const Graph g = fabric(chip, chips);
  std::map<std::pair<Vertex, Vertex>, int> flows;
  Exchange out;
  for (int a = 0; a < chips; ++a) {
    const Paths paths = shortest_paths(g, static_cast<Vertex>(a));
    for (int b = 0; b < chips; ++b) {
      if (a == b) continue;
      out.worst_latency = std::max(out.worst_latency, paths.latency[static_cast<std::size_t>(b)]);
      for (Vertex v = static_cast<Vertex>(b); v != static_cast<Vertex>(a); v = paths.parent[v])
        ++flows[{paths.parent[v], v}];
    }
  }
  for (const auto& [ends, count] : flows) {
    const Edge e = boost::edge(ends.first, ends.second, g).first;
    out.seconds_per_flow_byte = std::max(out.seconds_per_flow_byte, count / g[e].bandwidth);
  }
  return out;
}

}  // namespace

CollectiveCost all_reduce_cost(const Chip& chip, int chips) {
  if (chips <= 1) return {};
  const Exchange e = all_pairs(chip, chips);
  return {2 * e.worst_latency, 2 * e.seconds_per_flow_byte / chips};
}

CollectiveCost all_to_all_cost(const Chip& chip, int chips) {
  if (chips <= 1) return {};
  const Exchange e = all_pairs(chip, chips);
  return {e.worst_latency, e.seconds_per_flow_byte / chips};
}

CollectiveCost send_cost(const Chip& chip, int distance) {
  require(distance >= 1, "a send has a distance of at least one chip");
  const Graph g = fabric(chip, distance + 1);
  const Paths paths = shortest_paths(g, 0);
  CollectiveCost out{paths.latency[static_cast<std::size_t>(distance)], 0};
  for (auto v = static_cast<Vertex>(distance); v != 0; v = paths.parent[v])
    out.seconds_per_byte = std::max(out.seconds_per_byte, 1 / g[boost::edge(paths.parent[v], v, g).first].bandwidth);
  return out;
}

}  // namespace tokenfab
