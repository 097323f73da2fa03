#pragma once
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>

#include "base/spool.h"

namespace tokenfab::cli {

/// The JSON object of a command over runs: the first run's, with all of them under "runs" where there are several. They
/// wait on disk for the end, so that their number costs no memory.
class RunsJson {
 public:
  void add(const nlohmann::json& run);
  /// `more`: keys to add to the object.
  void print(std::ostream& out, const nlohmann::json& more);

 private:
  std::string first_;
  int runs_ = 0;
  Spool spool_;  // elements of "runs", as they are printed
};

}  // namespace tokenfab::cli
