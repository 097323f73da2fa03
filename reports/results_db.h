#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab {

struct RunSummary {
  std::int64_t id = 0;
  std::string study, alternative, sweep_point, version;
  int replication = 0;
  bool complete = false;
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

  std::vector<RunSummary> runs();
  /// A complete run without its request rows.
  RunRecord load(std::int64_t run_id);

 private:
  struct Impl;
  explicit ResultsDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenfab
