#pragma once
#include <memory>

#include "calibration/operator_fit.h"
#include "calibration/suites.h"
#include "hwmodels/calibration.h"

namespace tokenfab::calibration {

/// What a user of this engine on this chip gets: its calibration, else the engine's class figures. Never null.
std::shared_ptr<const Calibration> best_calibration(const SuiteGroup& group, const Catalog& catalog);

/// The same as if the chip had never been measured: class figures from the engine's calibrations on the other chips, or
/// from other engines' where this engine was measured on no other. Null where nothing is left.
std::shared_ptr<const Calibration> without_chip(const SuiteGroup& group, const Catalog& catalog);

/// Medians, class by class, of calibrations: what stands for a chip that has none. Residuals are not carried over.
std::shared_ptr<const Calibration> class_figures(const std::vector<std::shared_ptr<const Calibration>>& of,
                                                 const std::string& engine);

/// Seconds that a calibration predicts for one call, residuals included; a network class adds the path's latency.
double predict_operator(const Calibration& calibration, const OperatorPoint& point, const Chip& chip);

}  // namespace tokenfab::calibration
