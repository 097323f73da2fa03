#pragma once
#include <map>
#include <string>
#include <vector>

#include "calibration/errors.h"
#include "calibration/operator_fit.h"
#include "calibration/suites.h"
#include "hwmodels/step_model.h"

namespace tokenfab::calibration {

/// One published number with what is predicted for it: "TTFT", "TPOT", "throughput", "E2E", "prefill step",
/// "decode step", "prefill rate" and "decode rate" (of eight chips), "speed-up", or an operator class.
struct PublishedPoint {
  std::string metric;
  std::size_t row = 0;
  bool check = false;
  double measured = 0;   // seconds; tokens/s of throughput and rates; a ratio for "speed-up"
  double predicted = 0;  // NaN: the model refuses it (does not fit the memory)
};

/// Kernel suites as operator points, one list per group of the suite.
bool is_kernel_suite(const Suite& suite);
std::vector<OperatorPoint> operator_points(const Suite& suite, const SuiteGroup& group, const Catalog& catalog);

/// The deployment that a group's row was measured on.
Deployment deployment_of(const Suite& suite, const SuiteGroup& group, const SuiteGroup::Row& row,
                         const Catalog& catalog, const std::shared_ptr<const Calibration>& calibration);

/// Predicts every number of a whole-step or serving group with a calibration (null: the engine's own figures).
/// `only_fit`: rows marked check are skipped. Step models are built once per plan.
std::vector<PublishedPoint> predict_group(const Suite& suite, const SuiteGroup& group, const Catalog& catalog,
                                          const std::shared_ptr<const Calibration>& calibration, bool only_fit = false);

/// A calibration that is the data sheet: every share 1, every latency 0.
std::shared_ptr<const Calibration> datasheet_roofline(const std::string& engine, const std::string& chip);

}  // namespace tokenfab::calibration
