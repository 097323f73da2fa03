#include "calibration/validate.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "calibration/defaults.h"
#include "calibration/published_fit.h"
#include "calibration/write_calibration.h"
#include "cli/calibration.h"
#include "cli/output_option.h"
#include "cli/shown.h"
#include "reports/results_db.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::calibration;
using nlohmann::json;

std::string percent(double x) { return std::isnan(x) ? "-" : shown("{:.1f} %", 100 * x); }

json number(double x) { return std::isnan(x) ? json(nullptr) : json(x); }

json score_json(const Score& s) {
  return {{"suite", s.suite},
          {"chip", s.chip},
          {"engine", s.engine},
          {"version", s.version},
          {"metric", s.metric},
          {"use", s.check ? "check" : "fit"},
          {"fitted", !s.check},
          {"grade", s.grade},
          {"n", s.error.n},
          {"mape", s.error.mean},
          {"median", s.error.median},
          {"p90", s.error.p90},
          {"bias", s.error.bias},
          {"rank_correlation", number(s.rank)},
          {"refused", s.refused},
          {"rivals", {{"roofline_mape", number(s.roofline)}, {"scaled_roofline_mape", number(s.scaled_roofline)}}},
          {"chip_left_out", {{"mape", number(s.left_out)}, {"rank_correlation", number(s.left_out_rank)}}}};
}

void print_scores(const std::vector<Score>& scores) {
  std::vector<std::vector<std::string>> rows = {{"suite, engine on chip, metric", "use", "n", "MAPE", "median", "bias",
                                                 "rank", "roofline", "scaled", "chip left out"}};
  for (const Score& s : scores)
    rows.push_back({shown("{}: {} {} on {}, {}", s.suite, s.engine, s.version, s.chip, s.metric),
                    s.check ? "check" : "fit", std::to_string(s.error.n), percent(s.error.mean),
                    percent(s.error.median), shown("{:+.1f} %", 100 * s.error.bias),
                    std::isnan(s.rank) ? "-" : shown("{:.3f}", s.rank), percent(s.roofline), percent(s.scaled_roofline),
                    percent(s.left_out)});
  std::cout << text_table(rows);
}

void store(const std::vector<Score>& scores, const std::string& path) {
  std::vector<ValidationRow> rows;
  for (const Score& s : scores)
    rows.push_back({s.suite, s.chip, s.engine, s.version, s.metric, s.check ? "check" : "fit", s.grade, s.error.n,
                    s.refused, s.error.mean, s.error.median, s.error.p90, s.error.bias, s.rank, s.roofline,
                    s.scaled_roofline, s.left_out});
  ResultsDb db = ResultsDb::create_or_open(path, TOKENFAB_VERSION);
  db.write_validation(rows);
  db.close();
}

/// Every number with its prediction, one line each.
void print_points(const std::vector<std::string>& sets) {
  const Catalog catalog = Catalog::standard();
  for (const Suite& suite : load_suites(catalog, sets))
    for (const SuiteGroup& group : suite.groups)
      for (const PublishedPoint& p : predict_points(suite, group, catalog, best_calibration(group, catalog))) {
        json row = {{"suite", suite.id},      {"chip", group.chip},
                    {"engine", group.engine}, {"version", group.version},
                    {"metric", p.metric},     {"use", p.check ? "check" : "fit"},
                    {"measured", p.measured}, {"predicted", number(p.predicted)}};
        if (!group.llm.empty()) row["llm"] = group.llm;
        for (const std::string& c : group.columns)
          if (const auto v = group.get(group.rows[p.row], c)) row["row"][c] = *v;
        std::cout << row.dump() << "\n";
      }
}

}  // namespace

void validate(const ValidateArgs& args) {
  if (!args.table.empty()) return print_goals(args.table, args.engine.json);
  if (std::find(args.sets.begin(), args.sets.end(), "closed-loop") != args.sets.end()) {
    if (args.sets.size() > 1) throw UserError("--set closed-loop runs this machine; it goes with no other set");
    return validate_closed_loop(args);
  }
  if (args.points) return print_points(args.sets);
  const Catalog catalog = Catalog::standard();
  ValidateOptions options;
  options.suites = args.sets;
  const std::vector<Score> scores = calibration::validate(options, catalog);
  if (!args.output.empty()) store(scores, args.output);
  if (args.markdown) return print_markdown(scores, load_suites(catalog, args.sets));
  if (!args.engine.json) return print_scores(scores);
  json out = json::array();
  for (const Score& s : scores) out.push_back(score_json(s));
  std::cout << json{{"suites", out}}.dump(2) << "\n";
}

void calibrate_published(const std::string& folder) {
  const Catalog catalog = Catalog::standard();
  const auto fits =
      fit_published(load_suites(catalog), catalog, [](const std::string& id) { std::cerr << "fitted " + id + "\n"; });
  for (const Calibration& c : fits) {
    write_calibration(c, folder + "/" + c.id + ".json");
    std::cout << c.id << "\n";
    if (!c.errors.empty()) print_errors(c.errors);
  }
}

void add_validation(CLI::App& app) {
  auto args = std::make_shared<ValidateArgs>();
  auto* command =
      app.add_subcommand("validate", "Error of the hardware models: on published measurements, or on this machine");
  command
      ->add_option("--set", args->sets,
                   "Only this suite (may be repeated), or closed-loop: calibrate this machine, predict, run, compare")
      ->allow_extra_args(false);
  add_output(*command, "-o,--output", args->output, "Write the errors into this results file (table validation)");
  command->add_flag("--points", args->points, "Print every number with its prediction, a JSON line each");
  command->add_option("--table", args->table,
                      "Hold the results in this folder (calibrate --json, closed loops) against the goals");
  command->add_flag("--markdown", args->markdown, "Print the errors on rows that no fit has seen as Markdown tables");
  args->engine.model = "llama-100m";
  args->engine.max_sequences = 8;
  args->engine.token_budget = 64;
  add_engine_options(*command, args->engine);
  command->add_option("--trace", args->trace, "closed-loop: trace file, or a built-in workload");
  command->add_option("--chip", args->chip, "closed-loop: the catalogue's name of the chip; default: as measured");
  command->add_option("--requests", args->requests, "closed-loop: this many")->check(CLI::Range(1, 100000));
  command->add_option("--max-input", args->max_input, "closed-loop: cap on prompt tokens")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--max-output", args->max_output, "closed-loop: cap on output tokens")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--rounds", args->rounds, "closed-loop: measuring and running alternate this often")
      ->check(CLI::Range(1, 100));
  command->add_option("--load", args->load, "closed-loop: share of the predicted capacity that requests ask for")
      ->check(CLI::Range(0.01, 2.0));
  command->add_option("--seconds", args->seconds, "closed-loop: begin no measurement after this, in each round")
      ->check(CLI::Range(0.1, 1e6));
  command->callback([args] { validate(*args); });
}

}  // namespace tokenfab::cli
