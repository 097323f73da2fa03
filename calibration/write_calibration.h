#pragma once
#include <string>

#include "hwmodels/calibration.h"

namespace tokenfab::calibration {

/// The file that load_calibration reads; four significant digits.
std::string calibration_text(const Calibration& calibration);

/// Writes it. UserError where the file cannot be written.
void write_calibration(const Calibration& calibration, const std::string& path);

}  // namespace tokenfab::calibration
