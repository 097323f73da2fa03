#pragma once
#include <set>
#include <string>

#include "kernels/bench/bench.h"

namespace tokenfab::kernels {

/// Rows as JSON, one line each; written by hand so that kernels/ needs no library.
struct BenchHeader {
  std::string device, version, date, note;
  Ceilings ceilings;
};
std::string header_line(const BenchHeader& header);
std::string row_line(const BenchRow& row, const Ceilings& ceilings);
std::string ceilings_line(const Ceilings& ceilings);  // measured again at the end: the run's drift

/// Names of the cases in a file of such lines; a cut-off last line does not count. Empty where there is no file.
std::set<std::string> known_names(const std::string& path);

}  // namespace tokenfab::kernels
