#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_json.h"
#include "reports/report_html.h"
#include "reports/results_db.h"

namespace tokenfab::cli {
namespace {

std::vector<RunRecord> whole_runs(ResultsDb& db, const std::string& path) {
  std::vector<RunRecord> records;
  for (const auto& run : db.runs())
    if (run.complete) records.push_back(db.load(run.id));
  if (records.empty()) throw UserError(path + ": holds no complete run");
  return records;
}

}  // namespace

void report(const ReportArgs& args) {
  const std::vector<std::string> formats = {"html", "json"};
  if (args.format != "html" && args.format != "json")
    throw UserError("--format " + args.format + ": not supported by this version; allowed: " + join_names(formats) +
                    nearest_hint(args.format, formats));
  ResultsDb db = ResultsDb::open(args.database);
  const auto records = whole_runs(db, args.database);
  std::string text;
  if (args.format == "html") {
    text = render_html(records, TOKENFAB_VERSION, db.infeasible());
  } else {
    nlohmann::json out = nlohmann::json::array();
    for (const auto& r : records) out.push_back(record_json(r));
    text = out.dump(2) + "\n";
  }
  std::ofstream file(args.output, std::ios::binary);
  if (!file) throw UserError(args.output + ": cannot be opened for writing");
  file << text;
  file.close();
  if (!file) throw UserError(args.output + ": cannot be written (disk full?)");
  std::cout << args.output << ": " << records.size() << (records.size() == 1 ? " run\n" : " runs\n");
}

}  // namespace tokenfab::cli
