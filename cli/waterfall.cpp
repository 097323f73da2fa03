#include "cli/waterfall.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/shown.h"

namespace tokenfab::cli {

std::string waterfall_text(const std::vector<WaterfallStep>& steps) {
  if (steps.empty()) return "";
  std::vector<std::vector<std::string>> table = {
      {"technique", "gain alone", "gain in the stack", "USD per M tokens", "stack so far"}};
  double product = 1;
  for (const WaterfallStep& s : steps) {
    product *= s.gain_alone;
    table.push_back({s.name, shown("{:.3f}", s.gain_alone), shown("{:.3f}", s.gain_in_stack),
                     shown("{:.4f}", s.usd_per_mtok), shown("{:.3f}", s.total)});
  }
  return "\n" + text_table(table) +
         shown(
             "Gains in cost per token do not multiply: those of each alone give {:.3f}, together they reach "
             "{:.3f}.\n",
             product, steps.back().total);
}

nlohmann::json waterfall_json(const std::vector<WaterfallStep>& steps) {
  nlohmann::json out = nlohmann::json::array();
  for (const WaterfallStep& s : steps)
    out.push_back({{"name", s.name},
                   {"usd_per_mtok", s.usd_per_mtok},
                   {"gain_alone", s.gain_alone},
                   {"gain_in_stack", s.gain_in_stack},
                   {"gain_total", s.total}});
  return out;
}

}  // namespace tokenfab::cli
