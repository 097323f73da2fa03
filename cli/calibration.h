#pragma once
#include <string>
#include <vector>

#include "calibration/validate.h"
#include "cli/engine.h"
#include "hwmodels/calibration.h"

// tokenfab calibrate, validate: how far the answer can be trusted.
namespace tokenfab::cli {

struct CalibrateArgs {
  EngineMeasureArgs measure;
  std::string measurements, output = "calibration.json", chip;
  std::string published;  // folder for calibrations fitted to published measurements
};
void calibrate(const CalibrateArgs& args);

struct ValidateArgs {
  std::vector<std::string> sets;
  std::string output;  // results file
  std::string table;   // folder of results to hold against the goals
  bool points = false, markdown = false;
  // Of the set "closed-loop", which runs this machine:
  EngineArgs engine;
  std::string trace = "azure-conv-2023", chip;
  std::int64_t requests = 16;
  int max_input = 128, max_output = 24, rounds = 5;
  double load = 0.6, seconds = 8;
};
void validate(const ValidateArgs& args);
void validate_closed_loop(const ValidateArgs& args);

/// Errors on check rows as Markdown, a table per kind of metric, under a line with the dates of the data.
void print_markdown(std::vector<calibration::Score> scores, const std::vector<calibration::Suite>& suites);

/// Errors of results in a folder (of calibrate and of closed loops, as JSON) against the goals for calibrations by us.
void print_goals(const std::string& folder, bool as_json);

/// Fits all shipped calibrations anew and writes them into `folder`.
void calibrate_published(const std::string& folder);

void print_errors(const std::vector<FitError>& errors);

/// Adds `tokenfab calibrate` and `tokenfab validate`.
void add_calibration(CLI::App& app);
void add_validation(CLI::App& app);

}  // namespace tokenfab::cli
