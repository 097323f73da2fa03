#pragma once
#include <map>
#include <string>
#include <vector>

#include "audit/claim.h"
#include "audit/tools.h"

namespace tokenfab::audit {

/// An input that a recomputation read, with its value and where it is from.
struct InputUsed {
  std::string name, unit, source, as_of, origin;
  double value = 0;
};

/// Values of a claim's inputs, computed when asked for.
class Numbers {
 public:
  Numbers(const Claim& claim, const Library& library, Tools& tools) : claim_(claim), library_(library), tools_(tools) {}

  /// Sets the input that the claim is judged over; forgets what may depend on it.
  void set_free(double value);
  /// The claim's formulas. Errors: UserError; Infeasible where a tool says so.
  std::vector<double> recompute();
  double evaluate(const std::string& formula);

  /// Whether a simulation is to be run anew for each value of the free input.
  bool runs_depend_on_free() const;

  /// Every input that the last recomputation read, formulas' own inputs included; by name.
  const std::map<std::string, InputUsed>& used() const { return used_; }

 private:
  double value(const std::string& name);
  double resolve(const InputSpec& input, InputUsed& used);

  const Claim& claim_;
  const Library& library_;
  Tools& tools_;
  double free_ = 0;
  std::map<std::string, InputUsed> used_;
};

}  // namespace tokenfab::audit
