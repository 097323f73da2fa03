#pragma once
#include <memory>

#include "calibration/operator_fit.h"
#include "calibration/suites.h"
#include "hwmodels/calibration.h"

namespace tokenfab::calibration {

/// What a user of this engine on this chip gets: its calibration, else the engine's class figures. Never null.
std::shared_ptr<const Calibration> best_calibration(const SuiteGroup& group, const Catalog& catalog);

/// Every calibration of the catalogue that is of one chip.
std::vector<std::shared_ptr<const Calibration>> chip_calibrations(const Catalog& catalog);

/// What would stand for a chip that had never been measured: class figures from the engine's calibrations on the other
/// chips of `all`, or from all engines' where this engine was measured on no other. Null where nothing is left.
std::shared_ptr<const Calibration> without_chip(const std::string& engine, const std::string& chip,
                                                const std::vector<std::shared_ptr<const Calibration>>& all);

/// Medians, class by class, of calibrations: what stands for a chip that has none. Residuals are averaged over the
/// shapes that the first of them was measured at.
std::shared_ptr<const Calibration> class_figures(const std::vector<std::shared_ptr<const Calibration>>& of,
                                                 const std::string& engine);

/// Seconds that a calibration predicts for one call, residuals included; a network class adds the path's latency.
double predict_operator(const Calibration& calibration, const OperatorPoint& point, const Chip& chip);

}  // namespace tokenfab::calibration
