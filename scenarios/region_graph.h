#pragma once
#include <string>
#include <vector>

#include "base/json_object.h"

namespace tokenfab {

/// Round trips between regions, along the quickest way over the links given.
class RegionGraph {
 public:
  /// Reads "regions": {"links": [{"between": [A, B], "rtt_ms": x}, …], "local_rtt_ms": within a region (0)}.
  /// Errors: UserError at the pointer.
  explicit RegionGraph(const JsonObject& regions);

  const std::vector<std::string>& names() const { return names_; }
  /// Index of a name; UserError at `key` of `object` where there is none.
  std::size_t find(const JsonObject& object, const std::string& key, const std::string& name) const;
  /// Seconds, there and back; infinite where no links lead there.
  double rtt_s(std::size_t from, std::size_t to) const { return rtt_s_[from][to]; }

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<double>> rtt_s_;
};

}  // namespace tokenfab
