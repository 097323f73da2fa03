#include "sim/market/flow.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/cycle_canceling.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <boost/graph/successive_shortest_path_nonnegative_weights.hpp>
#include <numeric>

#include "base/error.h"

namespace tokenfab::market {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using EdgeProperties =
    boost::property<boost::edge_capacity_t, std::int64_t,
                    boost::property<boost::edge_residual_capacity_t, std::int64_t,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor,
                                                    boost::property<boost::edge_weight_t, std::int64_t>>>>;
using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, EdgeProperties>;
using Edge = Traits::edge_descriptor;

Edge connect(Graph& graph, std::size_t from, std::size_t to, std::int64_t capacity, std::int64_t cost) {
  const Edge there = boost::add_edge(from, to, graph).first, back = boost::add_edge(to, from, graph).first;
  boost::put(boost::edge_capacity, graph, there, capacity);
  boost::put(boost::edge_capacity, graph, back, 0);
  boost::put(boost::edge_weight, graph, there, cost);
  boost::put(boost::edge_weight, graph, back, -cost);
  boost::put(boost::edge_reverse, graph, there, back);
  boost::put(boost::edge_reverse, graph, back, there);
  return there;
}

}  // namespace

FlowPlan clear_flow(const FlowProblem& p, FlowMethod method) {
  const std::size_t regions = p.demand.size(), sites = p.capacity.size();
  const std::size_t source = regions + sites, sink = source + 1;
  Graph graph(sink + 1);
  for (std::size_t r = 0; r < regions; ++r) connect(graph, source, r, p.demand[r], 0);
  for (std::size_t s = 0; s < sites; ++s) connect(graph, regions + s, sink, p.capacity[s], 0);
  std::vector<std::vector<std::optional<Edge>>> edges(regions, std::vector<std::optional<Edge>>(sites));
  for (std::size_t r = 0; r < regions; ++r)
    for (std::size_t s = 0; s < sites; ++s)
      if (p.cost[r][s]) edges[r][s] = connect(graph, r, regions + s, p.demand[r], *p.cost[r][s]);
  if (method == FlowMethod::successive_shortest_path) {
    boost::successive_shortest_path_nonnegative_weights(graph, source, sink);
  } else {
    boost::push_relabel_max_flow(graph, source, sink);
    boost::cycle_canceling(graph);
  }
  FlowPlan out;
  out.lots.assign(regions, std::vector<std::int64_t>(sites, 0));
  for (std::size_t r = 0; r < regions; ++r)
    for (std::size_t s = 0; s < sites; ++s) {
      if (!edges[r][s]) continue;
      const std::int64_t lots = p.demand[r] - boost::get(boost::edge_residual_capacity, graph, *edges[r][s]);
      out.lots[r][s] = lots;
      out.served += lots;
      out.cost += lots * *p.cost[r][s];
    }
  out.unserved = std::accumulate(p.demand.begin(), p.demand.end(), std::int64_t{0}) - out.served;
  return out;
}

std::optional<MicroUsd> best_single_site(const FlowProblem& p) {
  const std::int64_t all = std::accumulate(p.demand.begin(), p.demand.end(), std::int64_t{0});
  std::optional<MicroUsd> best;
  for (std::size_t s = 0; s < p.capacity.size(); ++s) {
    if (p.capacity[s] < all) continue;
    MicroUsd sum = 0;
    bool allowed = true;
    for (std::size_t r = 0; r < p.demand.size(); ++r) {
      allowed &= p.demand[r] == 0 || p.cost[r][s].has_value();
      if (p.cost[r][s]) sum += p.demand[r] * *p.cost[r][s];
    }
    if (allowed) best = std::min(best.value_or(sum), sum);
  }
  return best;
}

}  // namespace tokenfab::market
