#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_json.h"
#include "reports/report_html.h"
#include "reports/results_db.h"

namespace tokenfab::cli {
namespace {

bool has(std::string_view head, std::string_view mark) { return head.find(mark) != std::string_view::npos; }

const FileKind kHtml = {"a report of tokenfab",
                        [](std::string_view head) { return has(head, "<title>tokenfab report</title>"); }};
const FileKind kJson = {"a JSON report of tokenfab", [](std::string_view head) {
                          return head.starts_with("[") && has(head, "\"backlog_slope_per_s\"");
                        }};

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
  write_file(args.output, text, args.format == "html" ? kHtml : kJson, {args.database});
  std::cout << args.output << ": " << records.size() << (records.size() == 1 ? " run\n" : " runs\n");
}

}  // namespace tokenfab::cli
