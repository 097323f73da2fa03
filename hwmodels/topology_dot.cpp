#include <fmt/format.h>

#include <iterator>

#include "hwmodels/topology.h"

namespace tokenfab {

std::string topology_dot(const Topology& t, const std::string& name, int stage_width) {
  std::string out;
  const auto add = [&]<typename... Args>(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
  };
  std::string escaped;
  for (const char c : name) escaped += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  add("graph \"{}\" {{\n  node [shape=box];\n", escaped);
  const auto& group = t.group();
  const auto width = static_cast<std::size_t>(stage_width);
  for (std::size_t first = 0, stage = 0; first < group.size(); first += width, ++stage) {
    add("  subgraph \"cluster_stage{}\" {{\n    label=\"pipeline stage {}, tensor parallel {}\";\n", stage, stage,
        width);
    for (std::size_t i = first; i < std::min(group.size(), first + width); ++i)
      add("    \"{}\";\n", t.node(group[i]).name);
    add("  }}\n");
  }
  for (int v = 0; v < static_cast<int>(boost::num_vertices(t.graph())); ++v)
    if (!t.node(v).is_chip) add("  \"{}\" [shape=ellipse];\n", t.node(v).name);
  for (auto [e, end] = boost::edges(t.graph()); e != end; ++e) {
    const FabricLink& link = t.graph()[*e];
    add("  \"{}\" -- \"{}\" [label=\"{:g} GB/s, {:g} us\"{}];\n", t.graph()[boost::source(*e, t.graph())].name,
        t.graph()[boost::target(*e, t.graph())].name, link.bandwidth / 1e9, link.latency * 1e6,
        link.network ? ", style=dashed" : "");
  }
  return out + "}\n";
}

}  // namespace tokenfab
