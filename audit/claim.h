#pragma once
#include <array>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "audit/judge.h"

// Claims of published articles, with the arithmetic that decides them (docs/audit.md).
namespace tokenfab::audit {

/// Where a named number comes from.
enum class Origin { literal, said, claim, catalogue, formula, step, run };

/// One named input of a claim, as written; audit/numbers.h gives its value.
struct InputSpec {
  Origin origin = Origin::literal;
  double value = 0;                            // literal and said
  std::string unit, source, as_of;             // of a literal; source of said: its quote, may be empty
  std::string ref;                             // catalogue: its path; claim: an id; formula: the expression
  std::size_t at = 0;                          // claim: which of the values that it says
  std::shared_ptr<const nlohmann::json> tool;  // step and run: the whole object, {"input": NAME} where values go
  std::string file, pointer;                   // for errors
};

/// The input that a claim is judged over, because the article does not fix it.
struct Range {
  std::string input, unit, source;
  double low = 0, high = 1;
  bool whole = false, log = false;  // whole numbers only; points spread by ratio
  std::optional<std::array<double, 2>> plausible;
};

struct Claim {
  std::string id, article, title;  // title of the article
  std::string about, quote, unit;
  std::string reading, note;          // how a vague phrase is read; what else to know
  std::string verdict_class, reason;  // "opinion" or "outside fact": nothing is judged, for this reason
  std::vector<double> said;           // one number, or the ends of a range, or several figures
  std::vector<std::string> formulas;  // as many as `said`, or one, or two for a range
  Judge judge;
  std::map<std::string, InputSpec> inputs;
  std::optional<Range> over;
  std::map<std::string, double> unit_factors;     // beside powers of 1,000, by what would have been confused
  std::map<std::string, std::string> looks_like;  // what the said number might be instead, and its formula
  std::string file, pointer;
};

/// Claims by id, so that one may refer to another's figures.
class Library {
 public:
  /// Reads a claim file. Returns the ids in the file's order. Errors: UserError with file and JSON pointer; also for
  /// an id that is known already.
  std::vector<std::string> add_file(const std::string& path);
  const Claim& find(const std::string& id) const;  // UserError with the nearest id
  bool has(const std::string& id) const { return claims_.count(id) > 0; }
  std::vector<std::string> ids() const;

 private:
  std::map<std::string, Claim> claims_;
};

/// $TOKENFAB_HOME/audit, else the folder of the source tree: claims/*.json and what they refer to.
std::string shipped_folder();
std::vector<std::string> shipped_files();  // sorted

}  // namespace tokenfab::audit
