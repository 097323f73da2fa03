#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab {

/// ln(measured / closed form) of matrix products, at shapes and row counts that were measured.
struct GemmResidual {
  struct Shape {
    double n = 0, k = 0;
    std::vector<double> log_ratio;  // one per row count
  };
  std::vector<double> rows;  // ascending
  std::vector<Shape> shapes;

  /// For [rows, k] x [k, n]: mean over the four nearest shapes (distance in octaves of n and k), fading to 0 where
  /// none is near; linear in ln(rows), held beyond the ends.
  double at(double n, double k, double rows) const;
};

/// ln(measured / closed form) over a grid; bilinear in the logarithms, held beyond the edges.
struct GridResidual {
  std::vector<double> x, y;       // ascending, > 0
  std::vector<double> log_ratio;  // [x, y]
  double at(double x, double y) const;
};

/// Relative error of a calibration on points that its fit did not see.
struct FitError {
  std::string what;   // an operator class with its dtype, or "decode step", "prefill step", "mixed step", ...
  std::string split;  // how the unseen points were chosen
  double median = 0, mean = 0, p90 = 0;  // of |predicted / measured - 1|
  double bias = 0;                       // median of predicted / measured - 1
  std::int64_t n = 0;
};

/// Where the measurements lie; beyond it a prediction is an extrapolation.
struct CalibratedRange {
  double most_tokens = 0;     // rows of a matrix product
  double most_sequences = 0;  // decoding at once
  double most_context = 0;    // KV tokens of a sequence
  std::vector<int> tensor_parallel;
};

/// What one engine reaches on one chip: fitted figures that stand before the engine profile's class defaults.
struct Calibration {
  std::string id, engine, chip, version, as_of;
  Grade grade = Grade::fitted;
  std::vector<std::string> sources;
  std::optional<Chip> own_chip;  // of a machine that is not in the catalogue

  /// By "<class>" or "<class>:<dtype>": "fp8", "int8" (weights and activations), "w-int4", "w-fp8", "w-int8"
  /// (weights only); attention: the cache's dtype.
  std::map<std::string, OpEfficiency> ops;
  std::map<std::string, GemmResidual> gemm;      // by dtype as above, "bf16" for plain ones
  std::map<std::string, GridResidual> decode;    // by cache dtype; x: sequences * KV heads on a chip, y: context
  std::map<std::string, GridResidual> prefill;   // by cache dtype; x: tokens of a chunk, y: context at its end
  std::optional<Sourced> step_gap, sequence_gap;
  std::optional<Sourced> dynamic_compute, dynamic_bandwidth, dynamic_network, dynamic_host;
  std::vector<FitError> errors;
  CalibratedRange range;
};

/// UserError with file and JSON pointer.
Calibration load_calibration(const std::string& path);

}  // namespace tokenfab
