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
std::string begin_line(const std::string& name);
/// Measured again at the end; with those from `before`, their ratio: the run's drift.
std::string ceilings_line(const Ceilings& ceilings, const Ceilings& before = {});

/// Names of the cases in a file of such lines that are not to run again: those timed or refused, and those that began
/// twice and never ended because the process did. A wrong result is tried again; a cut-off last line does not count.
std::set<std::string> known_names(const std::string& path);
/// Whether the file ends inside a line, which a continuation has to close first.
bool ends_inside_line(const std::string& path);

}  // namespace tokenfab::kernels
