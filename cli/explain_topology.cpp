#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "hwmodels/collectives.h"
#include "hwmodels/topology.h"
#include "scenarios/scenario.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json cost_json(const CollectiveCost& cost) {
  return {{"latency_s", cost.latency}, {"s_per_byte", cost.seconds_per_byte}};
}

/// Of each stage's tensor-parallel group: all-reduce by algorithm and as the step model takes it, and all-to-all.
json collectives_json(const Topology& t, int width) {
  json out = json::array();
  for (auto first = t.group().begin(); first != t.group().end() && width > 1; first += width) {
    const std::vector<int> group(first, first + width);
    json stage = {{"all_reduce", cost_json(all_reduce(t, group))}, {"all_to_all", cost_json(all_to_all(t, group))}};
    for (const AllReduceOption& o : all_reduce_options(t, group))
      stage["all_reduce_by_algorithm"][kAllReduceNames[static_cast<std::size_t>(o.algorithm)]] = cost_json(o.cost);
    out.push_back(stage);
  }
  return out;
}

json graph_json(const Topology& t, int width) {
  json out = {{"nodes", json::array()}, {"links", json::array()}};
  const auto& g = t.graph();
  for (int v = 0; v < static_cast<int>(boost::num_vertices(g)); ++v)
    out["nodes"].push_back({{"name", t.node(v).name}, {"kind", t.node(v).is_chip ? "chip" : "switch"}});
  for (std::size_t i = 0; i < t.group().size(); ++i)
    out["nodes"][static_cast<std::size_t>(t.group()[i])]["stage"] = i / static_cast<std::size_t>(width);
  for (auto [e, end] = boost::edges(g); e != end; ++e)
    out["links"].push_back({{"ends", {g[boost::source(*e, g)].name, g[boost::target(*e, g)].name}},
                            {"bytes_per_s", g[*e].bandwidth},
                            {"latency_s", g[*e].latency},
                            {"network", g[*e].network}});
  return out;
}

}  // namespace

void explain_topology(const ExplainArgs& args) {
  const Scenario scenario =
      load_scenario(args.scenario.path, {args.scenario.set, args.scenario.seed, args.scenario.trace});
  const Faults faults{args.broken};
  json out;
  for (const auto& alternative : scenario.alternatives)
    for (const auto& pool : alternative.pools) {
      const Deployment& d = pool.spec.model->deployment();
      const int width = d.tensor_parallel, stages = d.pipeline_parallel;
      const Topology topology(d.chip, width * stages, faults);
      if (!args.json) {
        std::cout << topology_dot(topology, alternative.name + " / " + pool.spec.name, width);
        continue;
      }
      json entry = graph_json(topology, width);
      entry["alternative"] = alternative.name;
      entry["pool"] = pool.spec.name;
      entry["chip"] = d.chip.id;
      entry["topology"] = d.chip.topology;
      entry["collectives"] = collectives_json(topology, width);
      if (stages > 1) entry["pipeline"] = cost_json(pipeline_cost(d.chip, width, stages, faults));
      out["pools"].push_back(entry);
    }
  if (args.json) std::cout << out.dump(2) << "\n";
}

}  // namespace tokenfab::cli
