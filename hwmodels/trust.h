#pragma once
#include <string>
#include <vector>

#include "hwmodels/step_model.h"

namespace tokenfab {

/// How far the step times of a deployment can be trusted.
struct Trust {
  Grade grade = Grade::datasheet;
  std::string calibration;                  // its id; empty: class defaults
  double typical = 0;                       // median of |predicted / measured - 1| of step times; 0: unknown
  double band = 0;                          // what nine of ten points stay within, else twice the median; 0: unknown
  double bias = 0;                          // median of predicted / measured - 1
  std::string basis;                        // for people: what was compared with what, or that nothing was
  std::vector<std::string> extrapolations;  // ways in which the deployment lies outside what was calibrated
};

/// By the whole steps that a calibration was judged on, the worst kind of them; by its operators where no step was; by
/// the engine profile's known error where the calibration states none.
Trust trust_of(const Deployment& deployment);

/// The largest shapes that a deployment met.
struct Reach {
  std::int64_t sequences = 0;  // decoding in one step
  std::int64_t context = 0;    // mean KV tokens of a decode step's sequences
  std::int64_t tokens = 0;     // of one step: decoded and prefilled
  void add(const Reach& other);
};

/// The ways in which `reach` exceeds what was measured; none where there is no calibration to exceed.
std::vector<std::string> beyond_range(const Deployment& deployment, const Reach& reach);

}  // namespace tokenfab
