#include <boost/graph/graphviz.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "hwmodels/topology.h"
#include "tests/catch.h"
#include "tests/support/fabrics.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

struct DotNode {
  std::string name;
};
struct DotLink {
  std::string label;
};
using DotGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, DotNode, DotLink>;

DotGraph parsed(const std::string& text) {
  DotGraph g;
  boost::dynamic_properties properties(boost::ignore_other_properties);
  properties.property("node_id", boost::get(&DotNode::name, g));
  properties.property("label", boost::get(&DotLink::label, g));
  std::istringstream in(text);
  REQUIRE(boost::read_graphviz(in, g, properties));
  return g;
}

}  // namespace

TEST_CASE("the DOT text of every fabric reads back as the same graph") {
  for (const Fabric& f : fabrics()) {
    CAPTURE(described(f));
    const Topology t(f.chip, f.chips);
    const DotGraph g = parsed(topology_dot(t, "a \"quoted\" pool", f.chips));
    CHECK(boost::num_vertices(g) == boost::num_vertices(t.graph()));
    REQUIRE(boost::num_edges(g) == boost::num_edges(t.graph()));
    std::multiset<std::string> ours, theirs;
    const auto line = [](std::string a, std::string b, const std::string& label) {
      return std::min(a, b) + " " + std::max(a, b) + " " + label;
    };
    for (auto [e, end] = boost::edges(g); e != end; ++e)
      theirs.insert(line(g[boost::source(*e, g)].name, g[boost::target(*e, g)].name, ""));
    for (auto [e, end] = boost::edges(t.graph()); e != end; ++e)
      ours.insert(line(t.graph()[boost::source(*e, t.graph())].name, t.graph()[boost::target(*e, t.graph())].name, ""));
    CHECK(ours == theirs);
  }
}

TEST_CASE("links carry their rate and latency, pipeline stages are clusters") {
  const std::string text = topology_dot(Topology(fabric_chip("switched", 4), 8), "pool", 2);
  const DotGraph g = parsed(text);
  std::map<std::string, int> labels;
  for (auto [e, end] = boost::edges(g); e != end; ++e) ++labels[g[*e].label];
  CHECK(labels == std::map<std::string, int>{{"400 GB/s, 0.5 us", 8}, {"50 GB/s, 2.5 us", 8}});
  for (const char* part : {"subgraph \"cluster_stage0\"", "subgraph \"cluster_stage3\"",
                           "label=\"pipeline stage 3, tensor parallel 2\";\n    \"server1/chip2\";"})
    CHECK_THAT(text, Catch::Contains(part));
  CHECK(text.find("cluster_stage4") == std::string::npos);
}

TEST_CASE("the text is the one of docs/topology.md") {
  Chip mesh = fabric_chip("mesh", 4);
  mesh.link = made_up(300e9);
  const std::string text = topology_dot(Topology(mesh, 2, {{"server0/chip1-server0/chip0"}}), "pool", 2);
  std::ifstream file(TOKENFAB_SOURCE_DIR "/docs/topology.md");
  const std::string doc{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(doc, Catch::Contains("```dot\n" + text + "```\n"));
}
