#pragma once
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "sim/workload/trace.h"
#include "tests/catch.h"

namespace tokenfab::testing {

/// A whole source in memory; hash_begin counts into `hash_ids`.
inline RequestBatch drain(RequestSource& source, std::size_t limit = 1000) {
  RequestBatch all, batch;
  for (source.read(batch, limit); !batch.requests.empty(); source.read(batch, limit)) {
    CHECK(batch.requests.size() <= limit);
    for (Request r : batch.requests) {
      r.hash_begin += static_cast<std::uint32_t>(all.hash_ids.size());
      all.requests.push_back(r);
    }
    all.hash_ids.insert(all.hash_ids.end(), batch.hash_ids.begin(), batch.hash_ids.end());
  }
  return all;
}

struct ReadTrace {
  RequestBatch batch;
  TraceReport report;
};

inline ReadTrace read_text(const std::string& text, TraceOptions options = {}) {
  if (options.path.empty()) options.path = "trace";
  std::istringstream in(text);
  const auto report = std::make_shared<TraceReport>();
  const auto source = open_trace(in, options, report);
  ReadTrace out{drain(*source), {}};
  out.report = *report;
  return out;
}

/// Where the public traces lie, or "" (the test then says that it skips).
inline std::string data_folder() {
  const char* folder = std::getenv("TOKENFAB_DATA");
  if (!folder) WARN("skipped: TOKENFAB_DATA is not set");
  return folder ? folder : "";
}

}  // namespace tokenfab::testing
