#pragma once
#include <string>

namespace tokenfab {

/// An alternative of a study that cannot work, with the reason; it has no runs.
struct InfeasibleAlternative {
  std::string study, alternative, reason;
  bool operator==(const InfeasibleAlternative&) const = default;
};

}  // namespace tokenfab
