#pragma once
#include <string>
#include <vector>

#include "hwmodels/calibration.h"

namespace tokenfab::calibration {

/// The file that load_calibration reads; four significant digits.
std::string calibration_text(const Calibration& calibration);

/// Writes it over an older one, if any; never over one of `inputs`. Errors: UserError.
void write_calibration(const Calibration& calibration, const std::string& path,
                       const std::vector<std::string>& inputs = {});

}  // namespace tokenfab::calibration
