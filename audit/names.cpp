#include "audit/names.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "audit/expression.h"
#include "base/error.h"
#include "base/text.h"

namespace tokenfab::audit {
using nlohmann::json;

namespace {

void collect(const json& tool, const std::string& where, std::set<std::string>& out) {
  if (tool.is_object() && tool.size() == 1 && tool.contains("input")) {
    if (!tool["input"].is_string()) throw UserError(where + "/input: " + tool["input"].dump() + " is not a name");
    out.insert(tool["input"].get<std::string>());
    return;
  }
  if (!tool.is_structured()) return;
  for (const auto& [key, value] : tool.items()) collect(value, where + "/" + key, out);
}

std::set<std::string> read_by(const InputSpec& input) {
  const std::string where = input.file + ": " + input.pointer;
  std::set<std::string> out;
  if (input.origin == Origin::formula) return names_in(input.ref, where + "/formula");
  if (input.tool) collect(*input.tool, where, out);
  return out;
}

class Walk {
 public:
  explicit Walk(const Claim& claim) : claim_(claim) {}

  void visit(const std::set<std::string>& names, const std::string& where) {
    for (const auto& name : names) visit(name, where);
  }
  bool reached(const std::string& name) const { return reached_.count(name) > 0; }

 private:
  void visit(const std::string& name, const std::string& where) {
    const auto found = claim_.inputs.find(name);
    if (claim_.over && claim_.over->input == name) {
      if (found != claim_.inputs.end())
        throw UserError(claim_.file + ": " + claim_.pointer + "/over: \"" + name + "\" is an input too");
      reached_.insert(name);
      return;
    }
    if (found == claim_.inputs.end()) refuse(name, where);
    if (std::count(path_.begin(), path_.end(), name) > 0)
      throw UserError(found->second.file + ": " + found->second.pointer + ": \"" + name + "\" is computed from itself");
    if (!reached_.insert(name).second) return;
    path_.push_back(name);
    visit(read_by(found->second), found->second.file + ": " + found->second.pointer);
    path_.pop_back();
  }

  [[noreturn]] void refuse(const std::string& name, const std::string& where) const {
    std::vector<std::string> names;
    for (const auto& [known, input] : claim_.inputs) names.push_back(known);
    if (claim_.over) names.push_back(claim_.over->input);
    throw UserError(where + ": no input \"" + name + "\"" +
                    (names.empty() ? "; none is given" : "; known: " + join_names(names, 30)) +
                    nearest_hint(name, names));
  }

  const Claim& claim_;
  std::set<std::string> reached_;
  std::vector<std::string> path_;
};

}  // namespace

void check_names(const Claim& claim, const std::map<std::string, InputSpec>& own) {
  const std::string where = claim.file + ": " + claim.pointer;
  Walk walk(claim);
  for (const auto& formula : claim.formulas) walk.visit(names_in(formula, where + "/formula"), where + "/formula");
  for (const auto& [name, formula] : claim.looks_like)
    walk.visit(names_in(formula, where + "/looks_like"), where + "/looks_like");
  if (claim.over && !walk.reached(claim.over->input))
    throw UserError(where + "/over: \"" + claim.over->input + "\" is not used");
  for (const auto& [name, input] : own)
    if (!walk.reached(name)) throw UserError(input.file + ": " + input.pointer + ": is not used");
}

}  // namespace tokenfab::audit
