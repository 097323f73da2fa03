#include "scenarios/region_graph.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace tokenfab {
namespace {

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                                    boost::property<boost::edge_weight_t, double>>;

constexpr double kMilli = 1e-3;

}  // namespace

RegionGraph::RegionGraph(const JsonObject& o) {
  Graph graph;
  const auto vertex = [&](const std::string& name) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at != names_.end()) return static_cast<std::size_t>(at - names_.begin());
    names_.push_back(name);
    return boost::add_vertex(graph);
  };
  const auto links = o.objects("links");
  if (links.empty()) o.fail("links", "is missing or empty; at least one link between two regions is needed");
  for (const JsonObject& link : links) {
    const auto& ends = link.raw("between");
    if (!ends.is_array() || ends.size() != 2 || !ends[0].is_string() || !ends[1].is_string() || ends[0] == ends[1])
      link.fail("between", "is not a list of two different regions");
    const std::size_t a = vertex(ends[0]), b = vertex(ends[1]);
    boost::add_edge(a, b, kMilli * link.number_in("rtt_ms", 0, 1e5), graph);
    link.finish();
  }
  const double local = kMilli * o.number_in("local_rtt_ms", 0, 1e5, 0);
  o.finish();
  for (std::size_t from = 0; from < names_.size(); ++from) {
    auto& row = rtt_s_.emplace_back(names_.size());
    boost::dijkstra_shortest_paths(
        graph, from, boost::distance_map(row.data()).distance_inf(std::numeric_limits<double>::infinity()));
    row[from] = local;
  }
}

std::size_t RegionGraph::find(const JsonObject& object, const std::string& key, const std::string& name) const {
  const auto at = std::find(names_.begin(), names_.end(), name);
  if (at == names_.end())
    object.fail(key, "\"" + name + "\" is not one of the scenario's regions; allowed: " + join_names(names_) +
                         nearest_hint(name, names_));
  return static_cast<std::size_t>(at - names_.begin());
}

}  // namespace tokenfab
