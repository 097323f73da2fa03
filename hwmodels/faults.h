#pragma once
#include <string>
#include <vector>

namespace tokenfab {

/// What does not work in a topology: chips, switches ("server0/chip3", "server0/switch", "spine") or links
/// ("server0/chip3-server0/switch", ends in either order).
struct Faults {
  std::vector<std::string> broken;
};

}  // namespace tokenfab
