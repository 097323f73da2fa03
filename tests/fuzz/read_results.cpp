#include "reports/report_html.h"
#include "reports/results_db.h"
#include "tests/fuzz/read_bytes.h"

// A results file, and a report of what it holds.
void tokenfab::fuzz::read_bytes(const std::string& path) {
  ResultsDb db = ResultsDb::open(path);
  std::vector<RunRecord> runs;
  for (const RunSummary& run : db.runs())
    if (run.complete) runs.push_back(db.load(run.id));
  if (!runs.empty()) report_data(runs, "fuzz", db.infeasible());
}
