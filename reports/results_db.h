#pragma once
#include <memory>
#include <string>
#include <vector>

#include "reports/infeasible.h"
#include "sim/core/records.h"

namespace tokenfab {

struct RunSummary {
  std::int64_t id = 0;
  std::string study, alternative, sweep_point, version;
  int replication = 0;
  bool complete = false;
};

/// How well a hardware model met published measurements: one metric of one engine on one chip in one suite.
struct ValidationRow {
  std::string suite, chip, engine, version, metric, use, grade;  // use: "fit", or "check" for points that no fit saw
  std::int64_t n = 0, refused = 0;                 // points judged; points that the model says cannot work
  double mape = 0, median = 0, p90 = 0, bias = 0;  // relative errors
  double rank_correlation = 0;                     // NaN where there are too few points
  double roofline_mape = 0, scaled_roofline_mape = 0, chip_left_out_mape = 0;  // NaN where there is none
};

/// The results file: SQLite, schema in reports/schema.sql. WAL while open; one transaction per run, so a process killed
/// at any moment leaves a file that opens and says which runs are whole. On close a single .db file remains.
/// Errors: UserError, one line with the path: not ours, read-only, disk full, no such folder.
class ResultsDb {
 public:
  /// Creates the file or opens one of ours for appending. `version` of tokenfab is stored with each run.
  static ResultsDb create_or_open(const std::string& path, const std::string& version);
  /// Opens an existing file for reading.
  static ResultsDb open(const std::string& path);
  ResultsDb(ResultsDb&&) noexcept;
  ResultsDb& operator=(ResultsDb&&) noexcept;
  ~ResultsDb();

  /// Registers a run as 'running' and returns its id.
  std::int64_t begin_run(const RunRecord& record);
  /// Writes everything and marks the run 'complete', in one transaction.
  void finish_run(std::int64_t run_id, const RunRecord& record);

  /// Replaces the table of validation errors, in one transaction.
  void write_validation(const std::vector<ValidationRow>& rows);

  /// Adds alternatives that cannot work, in one transaction; a newer reason replaces an older one of the same study.
  void write_infeasible(const std::vector<InfeasibleAlternative>& rows);

  /// Folds what is beside the file into it, so that one file remains. A writer's last call: without it the same is
  /// tried, and no failure told. Errors: disk full; what is complete is kept.
  void close();

  std::vector<InfeasibleAlternative> infeasible();  // in the order in which they were first written
  std::vector<RunSummary> runs();
  /// A complete run without its request rows.
  RunRecord load(std::int64_t run_id);

 private:
  struct Impl;
  explicit ResultsDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenfab
