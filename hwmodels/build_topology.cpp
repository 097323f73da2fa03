// From a chip's data to its fabric: which chips, hubs and links a group of chips gets.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/topology.h"

namespace tokenfab {
namespace {

constexpr int kGroup = 8, kLocalPorts = 7, kGlobalPorts = 4, kRackGroups = 9;  // of a dragonfly
constexpr double kPort = 1.0 / (kLocalPorts + kGlobalPorts);
constexpr int kMostMeshed = 1024;  // half a million links

int axes_of(const Chip& chip) { return chip.topology == "torus-2d" ? 2 : chip.topology == "torus-3d" ? 3 : 0; }

bool shorter(const std::vector<int>& a, const std::vector<int>& b) {
  const auto size = [](const std::vector<int>& s) {
    int positions = 1, sum = 0;
    for (const int length : s) positions *= length, sum += length;
    return std::pair(positions, sum);
  };
  return b.empty() || size(a) < size(b);
}

/// "prefix<number>" as the number.
std::optional<int> numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return {};
  text.remove_prefix(prefix.size());
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0) return {};
  return n;
}

}  // namespace

std::vector<int> torus_shape(int chips, int axes) {
  std::vector<int> best;
  for (int a = 1; a <= chips; ++a) {
    const int most = 2 * a, rest = (chips + a - 1) / a;
    if (axes == 2 && rest <= most && shorter({a, std::max(a, rest)}, best)) best = {a, std::max(a, rest)};
    for (int b = a; axes == 3 && b <= most; ++b) {
      const int c = std::max(b, (rest + b - 1) / b);
      if (c <= most && shorter({a, b, c}, best)) best = {a, b, c};
    }
    if (a >= chips || (!best.empty() && a > best.back())) break;
  }
  return best;
}

class TopologyBuilder {
 public:
  TopologyBuilder(Topology& t, const Chip& chip, const Faults& faults)
      : t_(t), chip_(chip), domain_(std::max(1, chip.scale_up_domain)) {
    for (const std::string& name : faults.broken) read_fault(name);
  }

  void build(int chips) {
    int extent = 0;  // positions used in the last server
    int servers = 0;
    for (int left = chips; left > 0; ++servers)
      for (extent = 0; extent < domain_ && left > 0; ++extent) left -= broken_.count(chip_name(servers, extent)) == 0;
    for (int s = 0; s < servers; ++s) add_server(s, s + 1 < servers ? domain_ : extent);
    if (servers > 1) add_spine();
    for (int v = 0; t_.group_.size() < static_cast<std::size_t>(chips); ++v)
      if (t_.node(v).is_chip) t_.group_.push_back(v);
    check_faults();
  }

 private:
  static std::string chip_name(int server, int position) { return fmt::format("server{}/chip{}", server, position); }

  /// A name must be one that this chip's fabric could have; whether it does shows when it is built.
  void read_fault(const std::string& name) {
    const std::size_t dash = name.find('-');
    const std::string first = name.substr(0, dash);
    for (const std::string& part : {first, dash == std::string::npos ? first : name.substr(dash + 1)})
      if (!valid_part(part))
        throw UserError(fmt::format(
            "broken part \"{}\": allowed for {}: server<N>/chip<M> with M below {},{} spine, or two joined by \"-\"",
            name, chip_.id, domain_, has_hub() ? " server<N>/switch," : ""));
    broken_.insert(name);
    t_.broken_.push_back(name);
  }

  bool has_hub() const { return chip_.topology == "switched" || chip_.topology == "pcie"; }

  bool valid_part(const std::string& part) const {
    if (part == "spine") return true;
    const std::size_t slash = part.find('/');
    if (slash == std::string::npos || !numbered(part.substr(0, slash), "server")) return false;
    const std::string inside = part.substr(slash + 1);
    const auto position = numbered(inside, "chip");
    if (inside == "switch") return has_hub();
    return position && *position < domain_;
  }

  bool is_broken(const std::string& a, const std::string& b) {
    links_.insert(a + "-" + b);
    return broken_.count(a + "-" + b) || broken_.count(b + "-" + a);
  }

  /// A link named as broken between two parts that exist must be a link.
  void check_faults() const {
    for (const std::string& name : t_.broken_) {
      const std::size_t dash = name.find('-');
      if (dash == std::string::npos) continue;
      const std::string a = name.substr(0, dash), b = name.substr(dash + 1);
      if (vertices_.count(a) && vertices_.count(b) && !links_.count(a + "-" + b) && !links_.count(b + "-" + a))
        throw UserError(fmt::format("broken part \"{}\": {} has no such link{}", name, chip_.id,
                                    nearest_hint(name, {links_.begin(), links_.end()})));
    }
  }

  int add(const FabricNode& node) {
    if (broken_.count(node.name)) return -1;
    if (!broken_.empty()) vertices_.insert(node.name);
    return static_cast<int>(boost::add_vertex(node, t_.graph_));
  }

  /// Parallel links become one with the sum of their rates.
  void join(int a, int b, const FabricLink& link) {
    if (a < 0 || b < 0) return;
    if (!broken_.empty() && is_broken(t_.node(a).name, t_.node(b).name)) return;
    const auto u = static_cast<std::size_t>(a), v = static_cast<std::size_t>(b);
    const auto [edge, known] = boost::edge(u, v, t_.graph_);
    if (known) t_.graph_[edge].bandwidth += link.bandwidth;
    else boost::add_edge(u, v, link, t_.graph_);
  }

  FabricLink scale_up(double share) const { return {chip_.link_latency.value, chip_.link.value * share, false}; }

  void add_server(int s, int extent) {
    const std::string& kind = chip_.topology;
    const int axes = axes_of(chip_);
    const std::vector<int> shape = axes ? torus_shape(extent, axes) : std::vector<int>{};
    int positions = domain_;
    if (axes) {
      positions = 1;
      for (const int length : shape) positions *= length;
      positions = std::max(extent, std::min(positions, domain_));
    }
    t_.shapes_.push_back(shape);
    if (kind == "mesh" && positions > kMostMeshed)
      throw UserError(fmt::format("{}: a mesh of {} chips; at most {} can be joined pair by pair", chip_.id, positions,
                                  kMostMeshed));
    std::vector<int> chips;
    for (int p = 0; p < positions; ++p) chips.push_back(add({chip_name(s, p), true, s, p}));
    if (positions == 1) return;
    if (kind == "mesh") join_all(chips, 0, positions, chip_.link.value / (domain_ - 1));
    else if (kind == "ring") join_ring(chips);
    else if (axes) join_torus(chips, shape);
    else if (kind == "dragonfly") join_dragonfly(chips);
    else join_hub(chips, s);
  }

  void join_hub(const std::vector<int>& chips, int s) {
    const int hub = add({fmt::format("server{}/switch", s), false, s, -1});
    for (const int c : chips) join(c, hub, {chip_.link_latency.value / 2, chip_.link.value, false});
  }

  void join_all(const std::vector<int>& chips, int first, int last, double rate) {
    for (int a = first; a < last; ++a)
      for (int b = a + 1; b < last; ++b)
        join(chips[static_cast<std::size_t>(a)], chips[static_cast<std::size_t>(b)],
             {chip_.link_latency.value, rate, false});
  }

  void join_ring(const std::vector<int>& chips) {
    for (std::size_t p = 0; p < chips.size(); ++p) join(chips[p], chips[(p + 1) % chips.size()], scale_up(0.5));
  }

  void join_torus(const std::vector<int>& chips, const std::vector<int>& shape) {
    const double share = 0.5 / static_cast<double>(shape.size());
    int stride = 1;
    for (auto axis = shape.rbegin(); axis != shape.rend(); stride *= *axis, ++axis)
      for (int p = 0; p < static_cast<int>(chips.size()); ++p) {
        const int coordinate = p / stride % *axis;
        const bool last = coordinate + 1 == *axis;
        if (*axis == 1 || (last && !t_.wraps(*axis))) continue;
        const int next = last ? p - coordinate * stride : p + stride;
        if (next < static_cast<int>(chips.size()))
          join(chips[static_cast<std::size_t>(p)], chips[static_cast<std::size_t>(next)], scale_up(share));
      }
  }

  void join_dragonfly(const std::vector<int>& chips) {
    const int n = static_cast<int>(chips.size()), groups = (n + kGroup - 1) / kGroup;
    for (int first = 0; first < n; first += kGroup)
      join_all(chips, first, std::min(n, first + kGroup), chip_.link.value * kPort);
    const int ports = kGroup * kGlobalPorts;
    if (groups <= ports + 1) return join_units(chips, kGroup, ports);
    const int rack = kGroup * kRackGroups, most = rack * (ports / 2 * kRackGroups + 1);
    if (n > most)
      throw UserError(fmt::format("{}: a dragonfly of {} chips; its ports join at most {}", chip_.id, n, most));
    for (int first = 0; first < n; first += rack)
      join_units({chips.begin() + first, chips.begin() + std::min(n, first + rack)}, kGroup, ports / 2);
    join_units(chips, rack, ports / 2 * kRackGroups);
  }

  /// Joins all pairs of units of `size` chips, dealing the ports of a unit out to the others evenly. Port p of a unit
  /// leads to the (p / links + 1)-th unit after it; seen from there it is the last port but p.
  void join_units(const std::vector<int>& chips, int size, int ports) {
    const int n = static_cast<int>(chips.size()), units = (n + size - 1) / size;
    if (units < 2) return;
    const int links = ports / (units - 1), dealt = links * (units - 1);
    const auto chip_of = [&](int unit, int port) {
      return chips[static_cast<std::size_t>(unit * size + port % std::min(size, n - unit * size))];
    };
    for (int a = 0; a < units; ++a)
      for (int b = a + 1; b < units; ++b)
        for (int p = (b - a - 1) * links; p < (b - a) * links; ++p)
          join(chip_of(a, p), chip_of(b, dealt - 1 - p), scale_up(kPort));
  }

  void add_spine() {
    const int chips = static_cast<int>(boost::num_vertices(t_.graph_));
    const int spine = add({"spine", false, -1, -1});
    for (int v = 0; v < chips; ++v)
      if (t_.node(v).is_chip) join(v, spine, {chip_.network_latency.value / 2, chip_.network.value, true});
  }

  Topology& t_;
  const Chip& chip_;
  int domain_;
  std::set<std::string, std::less<>> broken_;
  std::set<std::string, std::less<>> vertices_, links_;  // what was built; kept only to check the names of faults
};

Topology::Topology(const Chip& chip, int chips, const Faults& faults) : chip_(chip) {
  if (chips < 1) throw UserError(fmt::format("a group of {} chips: at least 1 is needed", chips));
  TopologyBuilder(*this, chip_, faults).build(chips);
  index();
}

}  // namespace tokenfab
