#pragma once
#include <string>
#include <vector>

#include "sim/core/records.h"
#include "sim/core/waterfall.h"

namespace tokenfab::cli {

/// Headline numbers of runs as a text table, one column per alternative (mean over its replications), followed by what
/// to know before trusting them. Of each alternative only the first run is kept, so that their number costs no memory.
class Summary {
 public:
  void add(const RunRecord& record);
  std::string text() const;

  struct Group {  // runs in a row of the same inputs
    RunRecord first;
    int runs = 0;
    std::vector<double> sums, columns;  // by line of the table, and by column of the one for many alternatives
  };
  const std::vector<Group>& groups() const { return groups_; }
  /// What the waterfall of a stack is made of.
  const std::vector<TokenCost>& costs() const { return costs_; }

 private:
  std::string text_of(const std::vector<Group>& groups) const;

  std::vector<Group> groups_;
  std::vector<TokenCost> costs_;
};

}  // namespace tokenfab::cli
