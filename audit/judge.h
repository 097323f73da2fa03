#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tokenfab::audit {

enum class Verdict { holds, holds_only_if, unit_error, inconsistent, infeasible, not_derivable, opinion, outside_fact };
const char* name_of(Verdict verdict);
inline constexpr int kVerdicts = 8;

/// How what is said is compared with what is recomputed. Tolerances are relative to the said value, or absolute with
/// `points`.
struct Judge {
  enum class Kind {
    equals,     // each recomputed number equals its said one
    reduction,  // the same of what a reduction leaves: 1 - x, relative to 1 - said
    within,     // every recomputed number lies in the range that is said
    between,    // the said number lies in the range recomputed
    at_least,   // the recomputed number is at least the said one
    at_most,
    fits,  // the smallest recomputed need is at most the said amount; else infeasible
  };
  Kind kind = Kind::equals;
  double tolerance = 0.05;
  bool points = false;
};
const std::vector<std::string>& judge_names();  // in the order of Judge::Kind
std::string text_of(const Judge& judge);        // "equals, to 5 %"

/// 0: it holds; -1: the recomputed number is too low for what is said, +1: too high; NaN never holds (+1).
int position(const Judge& judge, const std::vector<double>& said, const std::vector<double>& recomputed);

/// The factor by which all recomputed numbers differ from the said ones, where it is a power of 1,000 or one of
/// `factors` (or its inverse) to within the judge's tolerance, at least 5 %; its name.
std::optional<std::string> unit_slip(const Judge& judge, const std::vector<double>& said,
                                     const std::vector<double>& recomputed,
                                     const std::map<std::string, double>& factors);

/// What the article would have had to say for the claim to hold.
std::vector<double> said_that_holds(const Judge& judge, const std::vector<double>& said,
                                    const std::vector<double>& recomputed);

}  // namespace tokenfab::audit
