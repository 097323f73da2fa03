#pragma once
#include <string>
#include <vector>

#include "calibration/engine_points.h"
#include "hwmodels/calibration.h"
#include "sim/serving/batcher.h"

namespace tokenfab::calibration {

/// Fits a calibration to an engine's measurements: operators in two stages, then the host's time per step and per
/// sequence on whole steps. Its errors are of operator shapes left out in turn and of every second whole step, from a
/// fit of the gaps to the others; the result itself is fitted to all. `id` becomes the file's name. UserError where a
/// needed operator was not measured.
Calibration fit_engine(const EngineMeasurements& measured, const std::string& id);

/// Step seconds that a calibration predicts for these sums.
double predict_step(const StepModel& model, const StepSums& sums);

/// A deployment for `most` sequences and tokens a step, without limits on memory.
StepModel step_model_of(const EngineMeasurements& measured, const std::shared_ptr<const Calibration>& calibration);
/// The same for the steps of a batcher.
StepModel step_model_of(const EngineMeasurements& measured, const std::shared_ptr<const Calibration>& calibration,
                        const BatcherSpec& batcher);

}  // namespace tokenfab::calibration
