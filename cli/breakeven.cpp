#include "cli/breakeven.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

bool is_database(const std::string& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UserError(path + ": cannot be opened for reading");
  std::string head(kMagic.size(), '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head == kMagic;
}

void refuse_with_database(const ScenarioArgs& args) {
  if (args.seed || !args.trace.empty())
    throw UserError(args.path + ": holds finished runs; --seed and --trace go with a scenario");
}

}  // namespace

void break_even(const BreakEvenArgs& args) {
  const bool stored = is_database(args.scenario.path);
  if (stored) refuse_with_database(args.scenario);
  else if (parse_json_file(args.scenario.path).contains("customer")) return customer_break_even(args);
  json out = {{"alternatives", json::array()}};
  std::string text;
  BreakEvenInputs inputs =
      stored ? stored_inputs(args.scenario.path, args.scenario.set) : simulated_inputs(args.scenario);
  for (BreakEvenInput& input : inputs.all) {
    const BreakEvenAnswer a = answer(std::move(input), args.max_units, args.release_idle);
    out["study"] = a.input.record.study;
    out["alternatives"].push_back(answer_json(a));
    text += (text.empty() ? "" : "\n") + answer_text(a);
  }
  for (const auto& refused : inputs.infeasible) {
    out["infeasible"].push_back({{"name", refused.name}, {"reason", refused.reason}});
    text += "\n" + refused.name + ": infeasible: " + refused.reason + "\n";
  }
  std::cout << (args.json ? out.dump(2) + "\n" : text);
}

}  // namespace tokenfab::cli
