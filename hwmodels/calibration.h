#pragma once
#include <map>
#include <optional>
#include <set>
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

  /// For [rows, k] x [k, n]: of that shape where it was measured, else a mean over the four nearest by inverse squares
  /// of their distance (octaves of n and k), fading to 0 where none is near; linear in ln(rows), held beyond the ends.
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

/// What becomes of operators in whole steps: factors on the times that they take alone. Below 1: launches overlap,
/// caches stay warm; above: the host launches late, kernels wait for each other.
struct StepFactors {
  Sourced floor{1, "1", "", "", 0};      // on every floor
  Sourced bandwidth{1, "1", "", "", 0};  // on products and small kernels bound by memory
  Sourced compute{1, "1", "", "", 0};    // on products bound by arithmetic
  Sourced attention{1, "1", "", "", 0};  // on the work of attention
  Sourced network{1, "1", "", "", 0};    // on the work of collectives
};

/// What one engine reaches on one chip: fitted figures that stand before the engine profile's class defaults.
struct Calibration {
  std::string id, engine, chip, version, as_of;  // chip "class": stands for every chip without its own
  Grade grade = Grade::fitted;
  std::vector<std::string> sources;
  std::optional<Chip> own_chip;  // of a machine that is not in the catalogue

  /// By "<class>" or "<class>:<dtype>": "fp8", "int8" (weights and activations), "w-int4", "w-fp8", "w-int8"
  /// (weights only); attention: the cache's dtype.
  std::map<std::string, OpEfficiency> ops;
  /// Of the keys of `ops`, kernels of routed experts that, expert-parallel, handle the rows of other chips' experts too
  /// in all but the products.
  std::set<std::string> copies_all_rows;
  std::map<std::string, GemmResidual> gemm;     // by dtype as above, "bf16" for plain ones
  std::map<std::string, GridResidual> decode;   // by cache dtype; x: sequences * KV heads on a chip, y: context
  std::map<std::string, GridResidual> experts;  // by dtype; x: rows of an expert, y: weights of one on a chip
  std::optional<GridResidual> all_reduce;       // x: chips, y: bytes of the message
  std::map<std::string, GridResidual> prefill;  // by cache dtype; x: tokens * query heads on a chip, y: context at
                                                // the end of a chunk
  /// Of whole steps, where steps alone were measured: "prefill" (x: prompt tokens of the step) and "decode" (x:
  /// sequences); y: tensor-parallel chips.
  std::map<std::string, GridResidual> steps;
  std::optional<StepFactors> in_step;  // fitted on whole steps; none: 1
  std::optional<Sourced> step_gap, sequence_gap;
  std::optional<Sourced> request_gap;  // seconds between client and engine: tokenizer, HTTP, detokenizer
  std::optional<Sourced> dynamic_compute, dynamic_bandwidth, dynamic_network, dynamic_host;
  std::vector<FitError> errors;
  CalibratedRange range;
};

/// UserError with file and JSON pointer.
Calibration load_calibration(const std::string& path);

}  // namespace tokenfab
