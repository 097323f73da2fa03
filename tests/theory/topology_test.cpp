// The fabric: shapes, rates, and routing compared with Boost's betweenness.
#include "hwmodels/topology.h"

#include <boost/graph/betweenness_centrality.hpp>
#include <boost/graph/connected_components.hpp>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/support/fabrics.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

/// Sum of the rates of a chip's scale-up links.
double scale_up_rate(const Topology& t, int vertex) {
  double sum = 0;
  for (auto [e, end] = boost::out_edges(static_cast<std::size_t>(vertex), t.graph()); e != end; ++e)
    if (!t.graph()[*e].network) sum += t.graph()[*e].bandwidth;
  return sum;
}

}  // namespace

TEST_CASE("a torus' slice is the squarest that holds the chips") {
  using Shape = std::vector<int>;
  CHECK(torus_shape(1, 2) == Shape{1, 1});
  CHECK(torus_shape(2, 2) == Shape{1, 2});
  CHECK(torus_shape(8, 2) == Shape{2, 4});
  CHECK(torus_shape(7, 2) == Shape{2, 4});
  CHECK(torus_shape(12, 2) == Shape{3, 4});
  CHECK(torus_shape(128, 2) == Shape{8, 16});
  CHECK(torus_shape(256, 2) == Shape{16, 16});
  CHECK(torus_shape(4, 3) == Shape{1, 2, 2});
  CHECK(torus_shape(64, 3) == Shape{4, 4, 4});
  CHECK(torus_shape(128, 3) == Shape{4, 4, 8});
  CHECK(torus_shape(8960, 3) == Shape{16, 20, 28});  // a whole TPU v5p pod
  for (int n = 1; n < 400; ++n)
    for (const int axes : {2, 3}) {
      CAPTURE(n, axes);
      int positions = 1;
      const Shape shape = torus_shape(n, axes);
      for (const int length : shape) positions *= length;
      CHECK(positions >= n);
      CHECK(shape.back() <= 2 * shape.front());
    }
}

TEST_CASE("a group has its chips, and no chip has more scale-up rate than its links together") {
  for (const Fabric& f : fabrics()) {
    CAPTURE(described(f));
    const Topology t(f.chip, f.chips);
    CHECK(t.group().size() == static_cast<std::size_t>(f.chips));
    CHECK(t.servers() == (f.chips + f.chip.scale_up_domain - 1) / f.chip.scale_up_domain);
    for (const int v : t.group()) CHECK(scale_up_rate(t, v) <= f.chip.link.value * (1 + 1e-12));
    std::vector<int> component(boost::num_vertices(t.graph()));
    CHECK(boost::connected_components(t.graph(), component.data()) == 1);
  }
}

TEST_CASE("whole domains use the whole rate of every chip") {
  for (const Chip& chip : {fabric_chip("switched", 8), fabric_chip("mesh", 8), fabric_chip("ring", 12),
                           fabric_chip("torus-2d", 16, 4), fabric_chip("torus-3d", 64, 4), fabric_chip("ring", 2)}) {
    CAPTURE(chip.topology);
    const Topology t(chip, chip.scale_up_domain);
    for (const int v : t.group()) CHECK(scale_up_rate(t, v) == Approx(400e9));
  }
  // Where the number of other groups divides 32, every port of a dragonfly has a peer.
  for (const int chips : {16, 72, 136, 264, 10440}) {
    CAPTURE(chips);
    const Topology t(fabric_chip("dragonfly", chips), chips);
    double sum = 0;
    for (const int v : t.group()) sum += scale_up_rate(t, v);
    CHECK(sum == Approx(chips * 400e9));
  }
  CHECK_THROWS_AS(Topology(fabric_chip("dragonfly", 10441), 8), UserError);
}

TEST_CASE("a dragonfly's diameter is three hops up to 33 groups") {
  for (const int groups : {2, 3, 9, 33}) {
    CAPTURE(groups);
    const Topology t(fabric_chip("dragonfly", 8 * groups), 8 * groups);
    CHECK(t.all_pairs(t.group()).latency <= 3.0001e-6);
  }
}

TEST_CASE("loads are those of betweenness: every pair splits its message evenly over its shortest paths") {
  int compared = 0;
  for (const Fabric& f : fabrics()) {
    if (f.chips > 64) continue;
    CAPTURE(described(f));
    const Topology t(f.chip, f.chips);
    const auto& g = t.graph();
    if (boost::num_vertices(g) != t.group().size()) continue;  // betweenness counts hubs and idle chips as ends
    ++compared;
    std::map<Topology::Graph::edge_descriptor, long long> length;  // whole picoseconds, so that equal paths are equal
    std::map<Topology::Graph::edge_descriptor, double> load;
    for (auto [e, end] = boost::edges(g); e != end; ++e) length[*e] = std::llround(g[*e].latency * 1e12);
    boost::brandes_betweenness_centrality(g, boost::edge_centrality_map(boost::make_assoc_property_map(load))
                                                 .weight_map(boost::make_assoc_property_map(length))
                                                 .vertex_index_map(boost::get(boost::vertex_index, g)));
    double worst = 0;  // Boost halves the counts of an undirected graph, which leaves those of one direction
    for (const auto& [e, l] : load) worst = std::max(worst, l / g[e].bandwidth);
    CHECK(t.all_pairs(t.group()).seconds_per_byte == Approx(worst).epsilon(1e-9));
  }
  CHECK(compared >= 7);
}

TEST_CASE("numbers of chips and the order of flows do not matter") {
  std::mt19937 random(7);
  for (const Fabric& f : fabrics()) {
    if (f.chips > 64) continue;
    CAPTURE(described(f));
    const Topology t(f.chip, f.chips);
    const CollectiveCost straight = t.all_pairs(t.group());
    std::vector<int> mixed = t.group();
    std::shuffle(mixed.begin(), mixed.end(), random);
    const CollectiveCost shuffled = t.all_pairs(mixed);
    CHECK(shuffled.latency == straight.latency);
    CHECK(shuffled.seconds_per_byte == Approx(straight.seconds_per_byte).epsilon(1e-12));
    // Both directions of a link are alike: the reversed traffic costs the same.
    std::vector<Flow> flows, reversed;
    for (int i = 0; i < 20; ++i) {
      const Flow flow{mixed[random() % mixed.size()], mixed[random() % mixed.size()], 1.0 + i % 3};
      flows.push_back(flow);
      reversed.push_back({flow.to, flow.from, flow.share});
    }
    CHECK(t.carry(flows).latency == Approx(t.carry(reversed).latency).epsilon(1e-12));
    CHECK(t.carry(flows).seconds_per_byte == Approx(t.carry(reversed).seconds_per_byte).epsilon(1e-12));
  }
}

TEST_CASE("the network is for other servers only") {
  Chip chip = fabric_chip("ring", 12);  // six hops of 1 us inside, against 5 us over the network
  const Topology t(chip, 24);
  const CollectiveCost inside = t.carry({{t.group()[0], t.group()[6], 1}});
  CHECK(inside.latency == Approx(6e-6));
  CHECK(inside.seconds_per_byte == Approx(0.5 / 200e9));  // two ways round
  const CollectiveCost outside = t.carry({{t.group()[0], t.group()[12], 1}});
  CHECK(outside.latency == Approx(5e-6));
  CHECK(outside.seconds_per_byte == Approx(1 / 50e9));
}
