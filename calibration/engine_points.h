#pragma once
#include <string>
#include <vector>

#include "calibration/operator_fit.h"
#include "engine/measure.h"
#include "engine/model_config.h"
#include "hwmodels/step_model.h"

namespace tokenfab::calibration {

/// One timed step of a whole engine.
struct StepPoint {
  std::string kind;  // "decode", "prefill", "mixed", "verify"
  StepSums sums;
  double seconds = 0;
  double joules = 0;  // 0: not metered
};

/// What `tokenfab engine measure` found on one machine.
struct EngineMeasurements {
  std::string device, version, date, model, source;
  Deployment deployment;  // chip and LLM as measured; the engine's profile, without a calibration
  std::vector<OperatorPoint> operators;
  std::vector<StepPoint> steps;
  CalibratedRange range;
  double idle_watts = 0;  // 0: no meter
  std::string power_source;
};

/// The header of a file of measurements.
struct MeasurementHeader {
  std::string device, version, date, model, weights, kv;
  double read_gbps = 0, peak_tflops = 0;
  double idle_watts = 0;     // 0: no meter
  std::string power_source{};  // of joules and idle_watts
};

/// Joins measurements with the chip that they were taken on. `chip`: a catalogue id, or "" for this machine, whose
/// peaks are then the best that was measured. UserError where model or dtypes are not known.
EngineMeasurements engine_measurements(const MeasurementHeader& header,
                                       const std::vector<engine::Measurement>& measured, const std::string& chip,
                                       const Catalog& catalog);

/// Reads a file that `tokenfab engine measure` wrote. UserError with file and line.
EngineMeasurements read_engine_measurements(const std::string& path, const std::string& chip, const Catalog& catalog);

/// The same shape for the simulator.
Llm llm_of(const engine::ModelConfig& config);

}  // namespace tokenfab::calibration
