#pragma once
#include <cstdint>
#include <memory>

#include "hwmodels/calibration.h"
#include "hwmodels/kv_line.h"
#include "hwmodels/op_work.h"
#include "hwmodels/types.h"

namespace tokenfab {

/// What a step contains, as sums: a step costs the same whatever sequences make them up.
struct StepSums {
  std::int64_t decode_sequences = 0;
  std::int64_t decode_kv_tokens = 0;  // KV tokens attended, the new token of each sequence included
  std::int64_t prefill_tokens = 0;
  std::int64_t prefill_sequences = 0;  // chunks
  std::int64_t prefill_attention = 0;  // token pairs: for each prefilled token, the positions it attends to
  std::int64_t prefill_kv_tokens = 0;  // per chunk, the context at its end: KV tokens read
  std::int64_t prefill_outputs = 0;    // chunks that end their prompt and sample a token
  bool operator==(const StepSums&) const = default;
};

/// One model on one replica: tensor_parallel * pipeline_parallel chips.
struct Deployment {
  Chip chip;
  Llm llm;
  EngineProfile engine;
  std::shared_ptr<const Calibration> calibration;  // of this engine on this chip; null: the engine's class defaults
  int tensor_parallel = 1, pipeline_parallel = 1;
  bool expert_parallel = false;  // routed experts whole on a chip, all-to-all instead of sharding each expert
  Dtype weights = Dtype::bf16, kv = Dtype::bf16, activations = Dtype::bf16;
  std::int64_t max_sequences = 256, token_budget = 8192;
  double memory_share = 0.9;  // of chip memory
  int kv_block_tokens = 16;
  double time_scale = 1;  // every step takes this many times what the model says: for bands

  Grade grade() const { return calibration ? calibration->grade : Grade::datasheet; }
  /// Typical relative error of step times (Trust::typical); 0 where it was not measured.
  double known_error() const;
};

/// Names of a class's figures in a profile or calibration, most special first: "<class>:w-int4", "<class>:fp8",
/// "<class>".
std::vector<std::string> figure_names(OpClass c, const Deployment& d);

/// Bytes per chip of the fullest pipeline stage.
struct MemoryPlan {
  double chip_bytes = 0, usable_bytes = 0;  // usable = chip * memory_share
  double weight_bytes = 0, workspace_bytes = 0;
  double kv_bytes = 0;            // usable - weights - workspace
  double kv_bytes_per_token = 0;  // on this chip
  std::int64_t kv_blocks = 0;
};

enum class Bound { bandwidth, compute, network, host };
inline constexpr int kBounds = 4;
inline constexpr std::array<const char*, kBounds> kBoundNames = {"bandwidth", "compute", "network", "host"};

/// Seconds of one step by operator class. `work` is the roofline part, in `bound`; `floor` is fixed latency
/// (host-bound, or network-bound for collectives).
struct StepSeconds {
  std::array<double, kOpClasses> work{}, floor{};
  std::array<Bound, kOpClasses> bound{};
  double total() const;
};

/// Useful work of a step on all chips of the replica.
struct StepWork {
  double flop = 0, bytes = 0;
};

/// Roofline step time of one deployment. Immutable after construction; safe to share between threads.
class StepModel {
 public:
  /// Throws Infeasible (with the arithmetic) where weights and workspace do not fit, UserError where the parallel
  /// plan does not divide the model or the chip has no peak for the activations' dtype.
  explicit StepModel(Deployment deployment);

  const Deployment& deployment() const { return d_; }
  const MemoryPlan& memory() const { return memory_; }

  /// Time of a decode-only step with `sequences` in 1 .. max_sequences, as a function of decode KV tokens.
  const KvLine& decode_line(std::int64_t sequences) const { return decode_[static_cast<std::size_t>(sequences)].line; }
  /// The classes of such a step that do not depend on KV tokens (decode attention holds its floor only).
  const StepSeconds& decode_fixed(std::int64_t sequences) const {
    return decode_[static_cast<std::size_t>(sequences)].fixed;
  }
  /// Whether decode attention is bandwidth- or compute-bound below and from the line's knot.
  std::array<Bound, 2> decode_attention_bounds(std::int64_t sequences) const;

  /// Seconds by class of any step.
  void evaluate(const StepSums& sums, StepSeconds& out) const;
  StepSeconds evaluate(const StepSums& sums) const;

  StepWork work(const StepSums& sums) const;
  /// Joules above idle for a step, all chips of the replica; idle power is paid for at all times.
  double dynamic_joules(const StepSeconds& seconds) const;
  double dynamic_watts(Bound bound) const;  // all chips of the replica

  /// Expected share of routed experts that `tokens` tokens touch: 1 - (1 - k/E)^tokens. 1 for dense models.
  double expert_coverage(double tokens) const;
  double matrix_peak() const { return matrix_peak_; }  // FLOP/s of one chip at the activations' dtype

 private:
  struct TokenOp {  // seconds for x tokens a micro-batch: max(weight + act * x, flop * x) + copy * x
    double weight = 0, act = 0, flop = 0, floor = 0, copy = 0;
  };
  struct DecodeRow {
    KvLine line;
    StepSeconds fixed;
  };
  struct Lines {
    double offset_bytes, slope_bytes, slope_flop;  // decode attention seconds: max(ob + sb * K, sf * K)
  };

  void apply_calibration();
  void check_plan() const;
  void plan_memory();
  struct Shape {  // dimensions per chip or model that several operators share
    Shape(const Llm& llm, const ParameterCount& count, double tensor_parallel);
    double layers, moe_layers, dense_layers, q_heads, kv_heads, head_dim, mlp_params, ffn_active;
  };
  void build_matrix_ops(const Shape& shape);
  void build_experts(const Shape& shape);
  void build_token_ops(const Shape& shape);
  void build_network_ops(const Shape& shape);
  void build_attention(const Shape& shape);
  void build_work(const Shape& shape);
  double lm_head_params() const { return count_.lm_head > 0 ? count_.lm_head : count_.embedding; }
  void scale_time();
  void build_decode_table();
  void build_factors(const Shape& shape);
  void build_attention_curves(const Shape& shape);
  const OpEfficiency& efficiency(OpClass c) const { return figures_[static_cast<std::size_t>(c)]; }
  const OpEfficiency& figure(OpClass c) const;  // before the factors of whole steps
  void scale(StepSeconds& out, OpClass c, double tokens) const;
  double prefill_factor(const StepSums& sums) const;
  double step_factor(const StepSums& sums) const;
  double curve_base(std::int64_t sequences) const;
  double curve_work(std::int64_t sequences, double kv) const;
  KvLine curve_line(std::int64_t sequences, Ticks base, const Lines& lines, double factor) const;
  bool copies_all_rows() const;
  TokenOp gemm(OpClass c, double params, double calls, double io_elements, double weight_bytes_each) const;
  double concurrency(std::int64_t sequences) const;  // micro-batches in flight
  Lines attention_lines(double sequences, double micro) const;
  static void put(StepSeconds& out, OpClass c, const TokenOp& op, double x, double weight_scale);

  Deployment d_;
  ParameterCount count_;
  MemoryPlan memory_;
  std::array<TokenOp, kOpClasses> ops_{};
  std::array<OpEfficiency, kOpClasses> figures_;
  double matrix_peak_ = 0;
  double kv_read_ = 0, qo_io_ = 0, pair_flop_prefill_ = 0, pair_flop_decode_ = 0;  // seconds per unit, all layers
  double prefill_kv_read_ = 0, prefill_qo_io_ = 0;
  double prefill_floor_ = 0, decode_floor_ = 0, sequence_gap_ = 0;
  double log_untouched_ = 0;  // ln(1 - k/E)
  // Work per unit on all chips, for FLOP and byte accounts.
  double flop_token_ = 0, flop_row_ = 0, flop_pair_ = 0, flop_kv_ = 0;
  double bytes_step_ = 0, bytes_experts_ = 0, bytes_token_ = 0, bytes_kv_ = 0;
  // Calibrated residuals, empty without: measured over closed form by tokens of a micro-batch; decode attention in
  // seconds at the curve's contexts (0 first) by sequences.
  std::array<std::vector<float>, kOpClasses> factor_;
  std::vector<double> curve_contexts_;
  std::vector<std::vector<double>> curves_;
  const GridResidual* prefill_residual_ = nullptr;
  std::vector<DecodeRow> decode_;
};

}  // namespace tokenfab
