#pragma once
#include <boost/graph/adjacency_list.hpp>
#include <string>
#include <vector>

#include "hwmodels/collective_cost.h"
#include "hwmodels/faults.h"
#include "hwmodels/types.h"

namespace tokenfab {

struct FabricNode {
  std::string name;
  bool is_chip = false;
  int server = -1;    // scale-up domain; -1: the spine
  int position = -1;  // of a chip in its server
};

struct FabricLink {
  double latency = 0, bandwidth = 0;  // seconds; bytes/s in each direction
  bool network = false;               // scale-out: taken only where the scale-up links do not lead to the other end
};

/// `share` of a message from one vertex to another.
struct Flow {
  int from = 0, to = 0;
  double share = 0;
};

/// Chips, switches and links as a graph. A "server" is one scale-up domain:
/// - switched, pcie: every chip at full link rate to one hub (NVSwitch, the host's root), which itself never blocks;
/// - mesh: every pair joined, a chip's rate split evenly over its peers;
/// - ring: half a chip's rate to either neighbour;
/// - torus-2d, torus-3d: the rate split over two links per axis. A group gets a slice: of the shapes that hold it, no
///   axis more than twice as long as another, the one with the fewest positions, then the shortest axes. An axis
///   closes on itself where its length is a multiple of `torus_wrap`;
/// - dragonfly: groups of 8 all-to-all with 7 of a chip's 11 ports, the other 4 to other groups, dealt out evenly, a
///   remainder idle. Above 33 groups, racks of 9 groups spend half of these inside the rack and half between racks.
///   (Recalled, not looked up: Groq's network, ISCA 2022; these sizes give its published limit of 10,440 chips.)
/// Servers are whole, but for a torus' slices. Several servers are joined by a spine that never blocks, one link per
/// chip. Broken parts are left out; the group is the first `chips` working chips, server by server.
class Topology {
 public:
  using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, FabricNode, FabricLink>;

  /// Errors: UserError for a name that is no chip, switch or link of this fabric, or for fewer than one chip. A fault
  /// in a server beyond those that the group needs changes nothing.
  Topology(const Chip& chip, int chips, const Faults& faults = {});

  const Chip& chip() const { return chip_; }
  const Graph& graph() const { return graph_; }
  /// Vertices of the group's chips.
  const std::vector<int>& group() const { return group_; }
  bool faulty() const { return !broken_.empty(); }
  int servers() const { return static_cast<int>(shapes_.size()); }
  const FabricNode& node(int vertex) const { return graph_[static_cast<std::size_t>(vertex)]; }
  /// Axis lengths of a torus' slice; empty for other topologies.
  const std::vector<int>& shape(int server) const { return shapes_[static_cast<std::size_t>(server)]; }
  /// Whether an axis of this length closes on itself.
  bool wraps(int length) const { return chip_.torus_wrap > 0 && length > 1 && length % chip_.torus_wrap == 0; }

  /// All flows at once, each split evenly over its lowest-latency paths. latency: the longest path; seconds_per_byte:
  /// the most loaded link, for a message of which each flow carries its share. Errors: Infeasible where no path is
  /// left.
  CollectiveCost carry(std::vector<Flow> flows) const;
  /// Each of these chips sends one message to every other.
  CollectiveCost all_pairs(const std::vector<int>& chips) const;

 private:
  friend class TopologyBuilder;
  struct Arc {  // one direction of a link
    int to, back;
    std::int64_t weight;  // picoseconds, so that equal paths are equal; the network far behind every scale-up path
    double latency, bandwidth;
  };
  class Router;
  void index();
  [[noreturn]] void cut(int from, int to) const;

  Chip chip_;
  Graph graph_;
  std::vector<int> group_;
  std::vector<std::vector<int>> shapes_;
  std::vector<std::string> broken_;
  std::vector<int> first_arc_;  // of each vertex, and the end
  std::vector<Arc> arcs_;
};

/// GraphViz text of the fabric, links labelled with GB/s and microseconds. `stage_width` consecutive chips of the group
/// make one cluster each: a pipeline stage, the tensor-parallel group that holds it.
std::string topology_dot(const Topology& topology, const std::string& name, int stage_width);

/// The slice of a torus with `axes` axes that holds `chips`, longest axis last (rule: class Topology).
std::vector<int> torus_shape(int chips, int axes);

}  // namespace tokenfab
