#pragma once
#include <string>
#include <vector>

#include "tests/support/deployments.h"

namespace tokenfab::testing {

/// 400 GB/s and 1 us per hop in a domain, 50 GB/s and 5 us between domains.
inline Chip fabric_chip(const std::string& topology, int domain, int torus_wrap = 0) {
  Chip c = round_chip();
  c.id = topology;
  c.topology = topology;
  c.scale_up_domain = domain;
  c.torus_wrap = torus_wrap;
  return c;
}

struct Fabric {
  Chip chip;
  int chips;
};

/// Every topology: whole domains, parts of one, and several.
inline std::vector<Fabric> fabrics() {
  const auto chip = fabric_chip;
  return {{chip("switched", 8, 0), 8},    {chip("switched", 8, 0), 3},      {chip("switched", 8, 0), 20},
          {chip("switched", 72, 0), 72},  {chip("mesh", 8, 0), 8},          {chip("mesh", 8, 0), 5},
          {chip("mesh", 8, 0), 16},       {chip("pcie", 4, 0), 4},          {chip("pcie", 4, 0), 6},
          {chip("ring", 12, 0), 12},      {chip("ring", 12, 0), 5},         {chip("ring", 12, 0), 24},
          {chip("ring", 2, 0), 2},        {chip("torus-2d", 16, 4), 16},    {chip("torus-2d", 16, 0), 16},
          {chip("torus-2d", 16, 4), 7},   {chip("torus-2d", 16, 4), 20},    {chip("torus-3d", 64, 4), 64},
          {chip("torus-3d", 64, 4), 8},   {chip("dragonfly", 8, 0), 8},     {chip("dragonfly", 64, 0), 64},
          {chip("dragonfly", 64, 0), 20}, {chip("dragonfly", 288, 0), 288}, {chip("mesh", 1, 0), 4}};
}

inline std::string described(const Fabric& f) {
  return std::to_string(f.chips) + " chips, " + f.chip.topology + " of " + std::to_string(f.chip.scale_up_domain) +
         ", wrap " + std::to_string(f.chip.torus_wrap);
}

}  // namespace tokenfab::testing
