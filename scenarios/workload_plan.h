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

/// What the rest of a scenario asks of its workload.
struct WorkloadFacts {
  bool closed_loop = false;
  std::vector<std::string> regions;  // of clients; empty: they are nowhere in particular
  double profile_window_s = 0;       // of the arrivals' profile; 0: none
  bool even = false;                 // arrivals of one law throughout: what a long run shows is its steady state
};

/// A validated "workload": a built-in, a trace or a generator, with its transforms.
class WorkloadPlan {
 public:
  using Opener = std::function<OpenWorkload(std::uint64_t seed, std::uint32_t replication)>;
  WorkloadPlan() = default;
  WorkloadPlan(Opener open, std::int64_t expected, WorkloadFacts facts = {})
      : open_(std::move(open)), expected_(expected), facts_(std::move(facts)) {}

  OpenWorkload open(std::uint64_t seed, std::uint32_t replication) const { return open_(seed, replication); }
  /// The same mix of requests for as long as `requests` of them take, at its mean rate: a generator goes on, without
  /// the profile of its arrivals; a trace begins again, its prefix blocks anew. Errors: UserError where requests follow
  /// from each other, or all come at once: there is no rate.
  WorkloadPlan steady(std::int64_t requests) const;
  using Prolonged = std::function<WorkloadPlan(std::int64_t requests)>;
  void set_steady(Prolonged prolonged) { steady_ = std::move(prolonged); }
  /// Requests that will come, about; 0 = not known before reading.
  std::int64_t expected_requests() const { return expected_; }
  const WorkloadFacts& facts() const { return facts_; }

 private:
  Opener open_;
  std::int64_t expected_ = 0;
  WorkloadFacts facts_;
  Prolonged steady_;
};

/// Reads "workload" of a scenario:
///   {"use": "azure-conv-2023"} or {"trace": {"path": …, "format": …, …}} or {"generate": {…}} or {"clients": {…}},
///   or {"sessions": {…}}, a closed loop (session_json.h); all but the last
///   with "rate_scale", "window_s": [from, to], "thin", "copies"; generated ones also with
///   "regions": [{"name", "share", "phase_h"}, …], each with a stream of its own.
/// `trace_override` (--trace) replaces the source and keeps the transforms.
WorkloadPlan load_workload(const JsonObject& scenario, const std::string& trace_override,
                           std::vector<Assumption>& assumptions);

/// `path` as given where it exists, or else beside the scenario file.
std::string resolve_path(const std::string& path, const std::string& scenario_file);
/// The id of a catalogue entry as it is, or the path of a file of the user's own (*.json) resolved likewise.
std::string catalogue_id(const std::string& id, const std::string& scenario_file);

}  // namespace tokenfab
