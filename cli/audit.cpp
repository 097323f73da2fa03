#include "cli/audit.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "audit/audit.h"
#include "base/text.h"
#include "cli/output_option.h"
#include "cli/record_json.h"
#include "cli/shown.h"
#include "reports/audit_db.h"

namespace tokenfab::cli {
namespace {

using audit::Finding;
using nlohmann::json;

json numbers(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(std::isfinite(v) ? json(v) : json(nullptr));
  return out;
}

json inputs_json(const Finding& f) {
  json out = json::array();
  for (const auto& i : f.inputs)
    out.push_back({{"name", i.name},
                   {"value", i.value},
                   {"unit", i.unit},
                   {"origin", i.origin},
                   {"source", i.source},
                   {"as_of", i.as_of}});
  return out;
}

json condition_json(const Finding& f) {
  if (!f.condition) return nullptr;
  const audit::Condition& c = *f.condition;
  const json range = c.plausible_range ? json(*c.plausible_range) : json(nullptr);
  return {{"input", c.input},         {"unit", c.unit},           {"low", c.low},
          {"high", c.high},           {"plausible", c.plausible}, {"plausible_range", range},
          {"text", audit::text_of(c)}};
}

json finding_json(const Finding& f) {
  return {{"id", f.id},
          {"article", f.article},
          {"title", f.title},
          {"about", f.about},
          {"quote", f.quote},
          {"verdict", audit::name_of(f.verdict)},
          {"basis", f.basis},
          {"said", numbers(f.said)},
          {"recomputed", numbers(f.recomputed)},
          {"unit", f.unit},
          {"formula", f.formula},
          {"judge", f.judge},
          {"inputs", inputs_json(f)},
          {"sources", f.sources},
          {"condition", condition_json(f)},
          {"why", f.why}};
}

std::string figures(const std::vector<double>& values) {
  std::string out;
  for (const double v : values) out += (out.empty() ? "" : ", ") + shown("{:.4g}", v);
  return out;
}

std::string unit_text(const std::string& unit) { return unit.empty() || unit == "1" ? "" : " " + unit; }

std::string finding_text(const Finding& f) {
  std::string out = shown("{}  {}: {}\n    \"{}\" ({})\n", f.id, audit::name_of(f.verdict), f.about, f.quote, f.title);
  if (!f.basis.empty()) {
    out += shown("    said {}{}, recomputed {} by {}: {} ({})\n", figures(f.said), unit_text(f.unit),
                 f.recomputed.empty() ? "nothing" : figures(f.recomputed), f.basis, f.formula, f.judge);
    for (const auto& i : f.inputs)
      out += shown("      {} = {:.6g}{}  [{}{}]\n", i.name, i.value, unit_text(i.unit), i.source,
                   i.as_of.empty() ? "" : ", " + i.as_of);
  }
  if (!f.why.empty()) out += "    " + f.why + "\n";
  return out;
}

std::string totals(const std::vector<Finding>& findings) {
  std::vector<std::vector<std::string>> rows = {{"verdict", "claims"}};
  std::size_t computed = 0;
  for (int v = 0; v < audit::kVerdicts; ++v) {
    long long n = 0;
    for (const auto& f : findings) n += static_cast<int>(f.verdict) == v;
    if (n > 0) rows.push_back({audit::name_of(static_cast<audit::Verdict>(v)), grouped(n)});
  }
  for (const auto& f : findings) computed += !f.basis.empty();
  return text_table(rows) + shown("{} claims, {} of them computed\n", findings.size(), computed);
}

AuditRow row_of(const Finding& f) {
  const auto lines = [](const json& value) { return value.is_null() ? std::string() : value.dump(); };
  return {f.id,
          f.article,
          f.about,
          f.quote,
          f.unit,
          audit::name_of(f.verdict),
          f.basis,
          lines(numbers(f.said)),
          lines(numbers(f.recomputed)),
          f.formula,
          lines(inputs_json(f)),
          lines(json(f.sources)),
          lines(condition_json(f)),
          f.why};
}

/// The ids to judge: the user's files, else all that ships; narrowed by --only.
std::vector<std::string> chosen(const AuditArgs& args, audit::Library& library) {
  std::vector<std::string> ids;
  for (const auto& file : audit::shipped_files()) {
    const auto found = library.add_file(file);
    if (args.files.empty()) ids.insert(ids.end(), found.begin(), found.end());
  }
  for (const auto& file : args.files) {
    const auto found = library.add_file(file);
    ids.insert(ids.end(), found.begin(), found.end());
  }
  if (args.only.empty()) return ids;
  for (const auto& id : args.only) (void)library.find(id);
  return args.only;
}

}  // namespace

void audit(const AuditArgs& args) {
  audit::Library library;
  const auto ids = chosen(args, library);
  audit::Tools tools(record_json);
  std::vector<Finding> findings;
  for (const auto& id : ids) findings.push_back(audit::check(library.find(id), library, tools));
  if (!args.output.empty()) {
    std::vector<AuditRow> rows;
    for (const auto& f : findings) rows.push_back(row_of(f));
    write_audit(args.output, TOKENFAB_VERSION, rows);
  }
  if (args.json) {
    json out = json::array();
    for (const auto& f : findings) out.push_back(finding_json(f));
    std::cout << out.dump(2) << "\n";
    return;
  }
  for (const auto& f : findings) std::cout << finding_text(f) << "\n";
  std::cout << totals(findings);
}

void add_audit(CLI::App& app) {
  auto args = std::make_shared<AuditArgs>();
  auto* sub = app.add_subcommand("audit", "Re-derive published claims, or your own, and judge them");
  sub->add_option("claims", args->files, "Claim files (JSON); default: the shipped ones");
  sub->add_option("--only", args->only, "Judge this claim (may be repeated)")->allow_extra_args(false);
  add_output(*sub, "-o,--output", args->output, "Write the table `audit` to this SQLite file");
  sub->add_flag("--json", args->json, "Print a JSON list");
  sub->callback([args] { audit(*args); });
}

}  // namespace tokenfab::cli
