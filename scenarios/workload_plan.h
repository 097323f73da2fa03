#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// A request stream being read; finish() adds what the reader noticed (skipped lines, …) to the record.
struct OpenWorkload {
  std::unique_ptr<RequestSource> source;
  std::function<void(RunRecord&)> finish;
};

/// A validated "workload": a built-in, a trace or a generator, with its transforms.
class WorkloadPlan {
 public:
  using Opener = std::function<OpenWorkload(std::uint64_t seed, std::uint32_t replication)>;
  WorkloadPlan() = default;
  WorkloadPlan(Opener open, std::int64_t expected) : open_(std::move(open)), expected_(expected) {}

  OpenWorkload open(std::uint64_t seed, std::uint32_t replication) const { return open_(seed, replication); }
  /// Requests that will come, about; 0 = not known before reading.
  std::int64_t expected_requests() const { return expected_; }

 private:
  Opener open_;
  std::int64_t expected_ = 0;
};

/// Reads "workload" of a scenario:
///   {"use": "azure-conv-2023"} or {"trace": {"path": …, "format": …, …}} or {"generate": {…}} or {"clients": {…}},
///   or {"sessions": {…}}, a closed loop (session_json.h); all but the last
///   with "rate_scale", "window_s": [from, to], "thin", "copies".
/// `trace_override` (--trace) replaces the source and keeps the transforms.
WorkloadPlan load_workload(const JsonObject& scenario, const std::string& trace_override,
                           std::vector<Assumption>& assumptions);

/// `path` as given where it exists, or else beside the scenario file.
std::string resolve_path(const std::string& path, const std::string& scenario_file);

}  // namespace tokenfab
