#include "audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "audit/solve.h"
#include "base/error.h"

namespace tokenfab::audit {
namespace {

std::string join(const std::vector<std::string>& parts, const std::string& between) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

std::string basis_of(const Claim& claim, const std::map<std::string, InputUsed>& used) {
  const auto any = [&](const char* origin) {
    return std::any_of(used.begin(), used.end(), [&](const auto& u) { return u.second.origin == origin; });
  };
  if (any("simulation")) return "simulation";
  if (any("roofline")) return "roofline";
  if (claim.judge.kind == Judge::Kind::fits) return "capacity";
  return any("catalogue") || any("literal") ? "sources" : "arithmetic";
}

/// Nothing went into it but the article's own figures.
bool all_own(const std::map<std::string, InputUsed>& used) {
  return std::all_of(used.begin(), used.end(), [](const auto& u) {
    return u.second.origin == "article" || u.second.origin == "formula" || u.second.origin == "free";
  });
}

void describe_inputs(const Numbers& numbers, Finding& out) {
  for (const auto& [name, used] : numbers.used()) {
    out.inputs.push_back(used);
    if (used.origin == "formula") continue;
    const std::string source = used.as_of.empty() ? used.source : used.source + ", " + used.as_of;
    if (!source.empty() && std::find(out.sources.begin(), out.sources.end(), source) == out.sources.end())
      out.sources.push_back(source);
  }
}

/// What else the said number equals.
std::string resemblance(const Claim& claim, Numbers& numbers) {
  for (const auto& [name, formula] : claim.looks_like) {
    const double other = numbers.evaluate(formula);
    if (position({Judge::Kind::equals, std::max(0.05, claim.judge.tolerance), false}, {claim.said.front()}, {other}) ==
        0)
      return fmt::format("{:.4g} is {}", claim.said.front(), name);
  }
  return "";
}

void judge_failure(const Claim& claim, Numbers& numbers, Finding& out) {
  if (const auto slip = unit_slip(claim.judge, claim.said, out.recomputed, claim.unit_factors)) {
    out.verdict = Verdict::unit_error;
    out.why = *slip;
    return;
  }
  out.verdict = claim.judge.kind == Judge::Kind::fits ? Verdict::infeasible
                : all_own(numbers.used())             ? Verdict::inconsistent
                                                      : Verdict::not_derivable;
  out.why = resemblance(claim, numbers);
}

Condition condition_of(const Range& range, const Solution& found) {
  Condition c;
  c.input = range.input;
  c.unit = range.unit == "1" ? "" : range.unit;
  c.low = found.low;
  c.high = found.high;
  c.at_least = found.to_end;
  c.at_most = found.from_start;
  c.plausible_range = range.plausible;
  if (range.plausible) c.plausible = found.high >= (*range.plausible)[0] && found.low <= (*range.plausible)[1];
  return c;
}

void judge_over(const Claim& claim, Numbers& numbers, Finding& out) {
  const Solution found = solve(claim, claim.said, numbers);
  out.recomputed = found.recomputed;
  const std::string range =
      fmt::format("{} from {:.4g} to {:.4g}", claim.over->input, claim.over->low, claim.over->high);
  if (!found.infeasible.empty()) throw Infeasible(found.infeasible);
  switch (found.extent) {
    case Solution::Extent::everywhere:
      out.verdict = Verdict::holds;
      out.why = "for every " + range;
      return;
    case Solution::Extent::somewhere:
      out.verdict = Verdict::holds_only_if;
      out.condition = condition_of(*claim.over, found);
      out.why = text_of(*out.condition);
      return;
    default:
      judge_failure(claim, numbers, out);
      out.why += (out.why.empty() ? "" : "; ") + ("for no " + range);
  }
}

void judge_point(const Claim& claim, Numbers& numbers, Finding& out) {
  out.recomputed = numbers.recompute();
  if (position(claim.judge, claim.said, out.recomputed) == 0) out.verdict = Verdict::holds;
  else judge_failure(claim, numbers, out);
}

}  // namespace

std::string text_of(const Condition& c) {
  const std::string unit = c.unit.empty() ? "" : " " + c.unit;
  std::string out = c.at_least        ? fmt::format("{} is at least {:.4g}{}", c.input, c.low, unit)
                    : c.at_most       ? fmt::format("{} is at most {:.4g}{}", c.input, c.high, unit)
                    : c.low == c.high ? fmt::format("{} is {:.4g}{}", c.input, c.low, unit)
                                      : fmt::format("{} is between {:.4g} and {:.4g}{}", c.input, c.low, c.high, unit);
  if (!c.plausible)
    out +=
        fmt::format(", which is not plausible ({:.4g} to {:.4g} is)", (*c.plausible_range)[0], (*c.plausible_range)[1]);
  return out;
}

Finding check(const Claim& claim, const Library& library, Tools& tools) {
  Finding out;
  out.id = claim.id;
  out.article = claim.article;
  out.title = claim.title;
  out.about = claim.about;
  out.quote = claim.quote;
  out.unit = claim.unit;
  out.said = claim.said;
  out.sources.push_back(claim.article + ": \"" + claim.quote + "\"");
  if (!claim.verdict_class.empty()) {
    out.verdict = claim.verdict_class == name_of(Verdict::opinion) ? Verdict::opinion : Verdict::outside_fact;
    out.why = claim.reason;
    return out;
  }
  out.formula = join(claim.formulas, "; ");
  out.judge = text_of(claim.judge);
  Numbers numbers(claim, library, tools);
  try {
    claim.over ? judge_over(claim, numbers, out) : judge_point(claim, numbers, out);
  } catch (const Infeasible& e) {
    out.verdict = Verdict::infeasible;
    out.basis = "capacity";
    out.why = e.what();
  }
  describe_inputs(numbers, out);
  if (out.basis.empty()) out.basis = basis_of(claim, numbers.used());
  for (const std::string& more : {claim.reading.empty() ? "" : "read as: " + claim.reading, claim.note})
    if (!more.empty()) out.why += (out.why.empty() ? "" : "; ") + more;
  return out;
}

}  // namespace tokenfab::audit
