#pragma once
#include <string>
#include <vector>

#include "sim/workload/statistics.h"

namespace tokenfab {

struct FitRow {
  std::string statistic;  // with its unit
  double real = 0, generated = 0;
  double ratio = 0;  // generated / real; NaN where real is 0 or not defined
};

/// How close a generated workload comes to a real one, statistic by statistic.
std::vector<FitRow> compare(const WorkloadStats& real, const WorkloadStats& generated);

}  // namespace tokenfab
