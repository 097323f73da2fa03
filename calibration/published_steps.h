#pragma once
#include "calibration/published.h"

namespace tokenfab::calibration {

/// Suites whose numbers follow from single steps: large-ep (tokens/s of eight chips) and speculation (speed-ups).
bool is_step_suite(const Suite& suite);

/// predict_group of such a suite.
std::vector<PublishedPoint> predict_steps(const Suite& suite, const SuiteGroup& group, const Catalog& catalog,
                                          const std::shared_ptr<const Calibration>& calibration, bool only_fit);

/// Acceptances of a chain of drafts, alike at each depth, with which a step yields `tokens` tokens in the mean:
/// Speculation::expected_tokens turned round. UserError where a chain of that depth cannot.
std::vector<double> acceptances(int depth, double tokens);

}  // namespace tokenfab::calibration
