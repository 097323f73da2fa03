#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "calibration/engine_fit.h"
#include "calibration/write_calibration.h"
#include "cli/calibration.h"
#include "cli/output_option.h"
#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::calibration;

std::string percent(double x) { return shown("{:.1f} %", 100 * x); }

void print_figures(const Calibration& c) {
  const auto with_error = [](const Sourced& s, double scale, const char* unit) {
    return shown("{:.4g}{} ±{:.0f} %", s.value * scale, unit, std::min(999.0, 100 * s.error));
  };
  std::vector<std::vector<std::string>> rows = {{"operator", "floor a layer", "share of bandwidth", "share of peak"}};
  for (const auto& [name, e] : c.ops)
    rows.push_back(
        {name, with_error(e.floor, 1e6, " us"), with_error(e.bandwidth, 1, ""), with_error(e.compute, 1, "")});
  std::cout << text_table(rows);
  if (c.step_gap)
    std::cout << shown("host: {} a step, {} a sequence\n", with_error(*c.step_gap, 1e6, " us"),
                       with_error(*c.sequence_gap, 1e6, " us"));
}

/// Measures where the file is not there yet; a file that is cut off is continued.
std::string measured_file(const CalibrateArgs& args) {
  if (!args.measurements.empty()) return args.measurements;
  EngineMeasureArgs measure = args.measure;
  std::filesystem::path file(args.output);
  measure.output = file.replace_extension(".measured.jsonl").string();
  measure.quiet = true;
  engine_measure(measure);
  return measure.output;
}

}  // namespace

void print_errors(const std::vector<FitError>& errors) {
  std::vector<std::vector<std::string>> rows = {{"error on unseen points", "median", "mean", "p90", "bias", "n"}};
  for (const FitError& e : errors)
    rows.push_back({e.what, percent(e.median), percent(e.mean), percent(e.p90), shown("{:+.1f} %", 100 * e.bias),
                    std::to_string(e.n)});
  std::cout << text_table(rows);
}

void calibrate(const CalibrateArgs& args) {
  if (!args.published.empty()) return calibrate_published(args.published);
  if (args.measure.engine.backend == "cuda" && args.chip.empty() && args.measurements.empty())
    throw UserError("--backend cuda needs --chip: the catalogue's name of the GPU, such as h200-sxm");
  const std::string file = measured_file(args);
  const EngineMeasurements measured = read_engine_measurements(file, args.chip, Catalog::standard());
  const Calibration c = fit_engine(measured, std::filesystem::path(args.output).stem().string());
  for (const FitError& e : c.errors)
    if (!std::isfinite(e.mean)) throw UserError(file + ": too few measurements to tell the error of " + e.what);
  write_calibration(c, args.output, {file});
  if (args.measure.engine.json) {
    nlohmann::json out = {{"file", args.output}, {"measurements", file}, {"chip", c.chip}, {"engine", c.engine}};
    for (const FitError& e : c.errors)
      out["errors"].push_back({{"what", e.what},
                               {"split", e.split},
                               {"median", e.median},
                               {"mean", e.mean},
                               {"p90", e.p90},
                               {"bias", e.bias},
                               {"n", e.n}});
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::cout << shown("{}: {} on {} ({}), fitted to {} operator calls and {} whole steps\n\n", args.output, c.engine,
                     c.chip, measured.device, measured.operators.size(), measured.steps.size());
  print_figures(c);
  std::cout << "\n";
  print_errors(c.errors);
  std::cout << shown("\nIn a scenario's pool: \"calibration\": \"{}\"\n", args.output);
}

void add_calibration(CLI::App& app) {
  auto args = std::make_shared<CalibrateArgs>();
  auto* command = app.add_subcommand("calibrate", "Fit a hardware model to measurements of this machine");
  add_engine_options(*command, args->measure.engine);
  args->measure.engine.model = "llama-100m";
  args->measure.seconds = 30;
  command->add_option("measurements", args->measurements,
                      "File of tokenfab engine measure; without it, this machine is measured first");
  add_output(*command, "-o,--output", args->output, "Calibration file");
  command->add_option("--chip", args->chip, "The catalogue's name of the chip; default: this machine, as measured");
  command->add_option("--seconds", args->measure.seconds, "Begin no measurement after this")
      ->check(CLI::Range(1.0, 1e6));
  command->add_option("--most-batch", args->measure.most_batch, "Largest batch")->check(CLI::Range(1, 4096));
  command->add_option("--most-context", args->measure.most_context, "Longest context")->check(CLI::Range(16, 1 << 20));
  command->add_option("--most-prefill", args->measure.most_prefill, "Largest prefill chunk")
      ->check(CLI::Range(16, 1 << 20));
  command->add_option("--published", args->published,
                      "Fit all shipped calibrations to the published measurements and write them into this folder");
  command->callback([args] { calibrate(*args); });
}

}  // namespace tokenfab::cli
