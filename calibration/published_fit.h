#pragma once
#include <functional>
#include <string>
#include <vector>

#include "calibration/published.h"

namespace tokenfab::calibration {

/// Fits a calibration for every engine on every chip that the suites measured, from rows marked "fit" alone, then one
/// per engine that stands for chips without ("class"). Kernels give floors, shares and residuals; where a chip has no
/// kernel table, those of its nearest relatives stand in. Whole steps and serving curves then give the factors of whole
/// steps and the host's gaps. Errors are of rows marked "check". Deterministic.
std::vector<Calibration> fit_published(const std::vector<Suite>& suites, const Catalog& catalog,
                                       const std::function<void(const std::string&)>& say = {});

}  // namespace tokenfab::calibration
