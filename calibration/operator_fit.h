#pragma once
#include <string>
#include <vector>

#include "hwmodels/calibration.h"
#include "hwmodels/op_work.h"

namespace tokenfab::calibration {

/// One timed call of an operator on one chip.
struct OperatorPoint {
  std::string group;  // "gemm" (all dense products of a layer), or an operator class: "lm_head", "decode_attention", …
  std::string dtype;  // as in Calibration.ops after the colon; "" for the plain one
  OpWork work;
  double peak = 0;       // FLOP/s of one chip at this dtype
  double bandwidth = 0;  // bytes/s: memory, or link for network classes
  double seconds = 0;
  bool check = false;  // kept out of fits, where the data file says so
  std::string shape;   // points of one shape are held out together
  /// Where it lies for residuals: products rows, n, k; decode attention streams (sequences * KV heads) and context;
  /// prefill attention tokens * query heads and context at the end of a chunk; routed experts rows of an expert and
  /// weights of one; all-reduce chips and bytes.
  double a = 0, b = 0, c = 0;

  std::string figure() const { return dtype.empty() ? group : group + ":" + dtype; }
};

/// time = floor + max(bytes / (bandwidth * eb), FLOP / (peak * ef)) + copied / bandwidth.
struct OperatorFit {
  double floor_s = 0, bandwidth = 0, compute = 0;                  // eb, ef in (0, 1)
  double floor_error = 0, bandwidth_error = 0, compute_error = 0;  // one standard deviation, relative
  GemmResidual gemm;                                               // group "gemm" and "lm_head"
  GridResidual grid;                                               // attention
  FitError closed, full;  // errors on unseen shapes of the closed form alone, and with residuals
  std::size_t points = 0;

  double closed_form(const OperatorPoint& p) const;
  double predict(const OperatorPoint& p) const;
};

/// ln(measured / predicted) at one place of a grid.
struct GridSample {
  double x = 0, y = 0, log_ratio = 0;
};
/// Gaussian means at nodes that span the samples, in octaves; drawn to 0 where little weight falls on a node.
GridResidual smooth_grid(const std::vector<GridSample>& samples, double x_octaves = 0.7, double y_octaves = 0.7);

/// The samples themselves (medians where several share a place), straight in ln(y) where one x lacks another's y: for
/// calls that change algorithm from one y to the next.
GridResidual exact_grid(const std::vector<GridSample>& samples);

/// What a fit falls back on where its points do not decide: medians of chips that were measured.
struct OperatorDefaults {
  double floor_s = 5e-6, bandwidth = 0.8, compute = 0.7;
};

/// Two stages: the closed form by least squares on log error, then a smooth residual over neighbouring shapes. Points
/// with `check` set are only judged; where none is set, each shape is left out in turn and predicted from the rest. The
/// result itself is fitted to all points that are not `check`. Needs at least three of those, of one figure().
OperatorFit fit_operator(const std::vector<OperatorPoint>& points, const OperatorDefaults& defaults);

}  // namespace tokenfab::calibration
