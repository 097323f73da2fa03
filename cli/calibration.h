#pragma once
#include <string>
#include <vector>

#include "cli/engine.h"
#include "hwmodels/calibration.h"

// tokenfab calibrate, validate: how far the answer can be trusted.
namespace tokenfab::cli {

struct CalibrateArgs {
  EngineMeasureArgs measure;
  std::string measurements, output = "calibration.json", chip;
};
void calibrate(const CalibrateArgs& args);

void print_errors(const std::vector<FitError>& errors);

/// Adds `tokenfab calibrate`.
void add_calibration(CLI::App& app);

}  // namespace tokenfab::cli
