#pragma once
#include <cstdint>
#include <memory>

#include "hwmodels/calibration.h"
#include "hwmodels/experts.h"
#include "hwmodels/faults.h"
#include "hwmodels/kv_line.h"
#include "hwmodels/op_work.h"
#include "hwmodels/speculation.h"
#include "hwmodels/types.h"

namespace tokenfab {

/// What a step contains, as sums: a step costs the same whatever sequences make them up.
struct StepSums {
  std::int64_t decode_sequences = 0;
  std::int64_t decode_kv_tokens = 0;  // KV tokens attended, a step's new ones included; in 1/kv_quanta() tokens
  std::int64_t prefill_tokens = 0;
  std::int64_t prefill_sequences = 0;  // chunks
  std::int64_t prefill_attention = 0;  // token pairs: for each prefilled token, the positions it attends to
  std::int64_t prefill_kv_tokens = 0;  // per chunk, the context at its end: KV tokens read
  std::int64_t prefill_outputs = 0;    // chunks that end their prompt and sample a token
  // The same within the model's attention window; 0 where it has none.
  std::int64_t decode_window_tokens = 0;
  std::int64_t decode_filling = 0;  // sequences whose window is not full: each adds to it at every step
  std::int64_t prefill_window_attention = 0, prefill_window_tokens = 0;
  std::int64_t encoder_tokens = 0;  // prompt tokens that come out of the model's image encoder in this step

  /// A chunk of `tokens` tokens after `before` cached ones; `window`: the model's, 0 where it has none.
  void add_chunk(std::int64_t before, std::int64_t tokens, bool ends_prompt, std::int64_t window = 0);
  bool operator==(const StepSums&) const = default;
};

/// One model on one replica: tensor_parallel * pipeline_parallel * data_parallel chips.
struct Deployment {
  Chip chip;
  Llm llm;
  EngineProfile engine;
  std::shared_ptr<const Calibration> calibration;  // of this engine on this chip; null: the engine's class defaults
  int tensor_parallel = 1, pipeline_parallel = 1;
  /// Ranks that each hold the attention and dense weights and the KV cache of their share of the sequences; the routed
  /// experts are spread over all of them. More than 1 needs expert_parallel.
  int data_parallel = 1;
  bool expert_parallel = false;  // routed experts whole on a chip, all-to-all instead of sharding each expert
  ExpertRouting routing;         // with expert_parallel, also of the load on chips
  /// Share of the all-to-all that two half-batches hide behind each other's work (two-batch overlap); 0: one batch.
  double overlap = 0;
  std::optional<Speculation> speculation;
  Faults faults;  // of the fabric that the replica runs on
  Dtype weights = Dtype::bf16, kv = Dtype::bf16, activations = Dtype::bf16;
  std::int64_t max_sequences = 256, token_budget = 8192;
  double memory_share = 0.9;  // of chip memory
  int kv_block_tokens = 16;
  double time_scale = 1;  // every step takes this many times what the model says: for bands

  int chips() const { return tensor_parallel * pipeline_parallel * data_parallel; }
  int kv_quanta() const { return speculation ? kSpeculationQuanta : 1; }
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
  double kv_bytes = 0;                                          // usable - weights - workspace
  double kv_bytes_per_token = 0;                                // on this chip, of all its layers
  double draft_weight_bytes = 0, draft_kv_bytes_per_token = 0;  // of a drafter; in weight_bytes, not in the line above
  double backing_bytes = 0;                                     // of weight_bytes, what lies in the backing memory
  std::int64_t kv_blocks = 0;                                   // of the replica, all data-parallel ranks
  int full_pages = 1, window_pages = 0;  // blocks that a page of tokens takes; within the attention window more
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

  /// The argument of decode_line for these sums, and by how much a step of theirs raises it.
  std::int64_t kv_units(const StepSums& s) const {
    return full_units_ * s.decode_kv_tokens + window_units_ * s.decode_window_tokens;
  }
  std::int64_t kv_growth(const StepSums& s) const {
    return (full_units_ * s.decode_sequences + window_units_ * s.decode_filling) * pace(s.decode_sequences);
  }
  /// KV tokens of one layer, in the mean over layers, that units stand for.
  std::int64_t whole_tokens(std::int64_t units) const {
    return units / ((full_units_ + window_units_) * d_.kv_quanta());
  }
  /// Quanta (1/kv_quanta() tokens) that a decode step adds to each of so many sequences, and the tokens it verifies.
  std::int32_t pace(std::int64_t sequences) const { return depth_.empty() ? d_.kv_quanta() : drafted_pace(sequences); }
  std::int64_t step_tokens(std::int64_t sequences) const { return depth_.empty() ? 1 : drafted_tokens(sequences); }

  /// Time of a decode-only step with `sequences` in 1 .. max_sequences, as a function of kv_units.
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

  /// The classes that a step of this deployment may spend time in; the others' seconds are 0.
  const std::vector<OpClass>& classes() const { return classes_; }

  StepWork work(const StepSums& sums) const;
  StepWork work_per_kv_unit(std::int64_t sequences) const;  // of decode attention
  /// Joules above idle for a step, all chips of the replica; idle power is paid for at all times.
  double dynamic_joules(const StepSeconds& seconds) const;
  double dynamic_watts(Bound bound) const;  // all chips of the replica

  /// Expected share of routed experts that `tokens` tokens touch (ExpertLoad::coverage). 1 for dense models.
  double expert_coverage(double tokens) const { return experts_ ? experts_->coverage(tokens) : 1; }
  const std::optional<ExpertLoad>& experts() const { return experts_; }
  double matrix_peak() const { return matrix_peak_; }  // FLOP/s of one chip at the activations' dtype

 private:
  struct TokenOp {  // seconds for x tokens a micro-batch: max(weight + act * x, flop * x) + copy * x
    double weight = 0, act = 0, flop = 0, floor = 0, copy = 0;
  };
  struct Lines {
    double offset_bytes, slope_bytes, slope_flop;  // decode attention seconds: max(ob + sb * K, sf * K) + sd * K,
    double slope_draft;                            // K in tokens
  };
  struct DecodeRow {
    KvLine line;
    StepSeconds fixed;
    Lines lines;
  };

  void apply_calibration();
  void check_plan() const;
  void check_experts(const std::string& where) const;
  double stage_share() const;  // of all layers, the fullest stage's
  double weight_bytes_per_chip() const;
  [[noreturn]] void refuse_plan() const;
  void build_drafter();
  void plan_memory();
  void choose_depths();
  struct Shape {  // dimensions per chip or model that several operators share
    Shape(const Llm& llm, const ParameterCount& count, double tensor_parallel);
    double layers, moe_layers, dense_layers, q_heads, kv_heads, head_dim, mlp_params, ffn_active;
  };
  void build_matrix_ops(const Shape& shape);
  void build_experts(const Shape& shape);
  void build_token_ops(const Shape& shape);
  void build_all_to_all(const Shape& shape);
  void build_network_ops(const Shape& shape);
  void build_attention(const Shape& shape);
  void build_work(const Shape& shape);
  double lm_head_params() const { return count_.lm_head > 0 ? count_.lm_head : count_.embedding; }
  void scale_time();
  void list_classes();
  void build_decode_table();
  void build_factors(const Shape& shape);
  void build_attention_curves(const Shape& shape);
  const OpEfficiency& efficiency(OpClass c) const { return figures_[static_cast<std::size_t>(c)]; }
  const OpEfficiency& figure(OpClass c) const;  // before the factors of whole steps
  void scale(StepSeconds& out, OpClass c, double tokens) const {
    if (!factor_[static_cast<std::size_t>(c)].empty()) apply_factor(out, c, tokens);
  }
  void apply_factor(StepSeconds& out, OpClass c, double tokens) const;
  double prefill_factor(const StepSums& sums) const;
  double step_factor(const StepSums& sums) const {
    const GridResidual* residual = step_residual_[sums.prefill_tokens > 0 ? 1 : 0];
    return residual ? whole_step_factor(sums, *residual) : 1;
  }
  double whole_step_factor(const StepSums& sums, const GridResidual& residual) const;
  double curve_base(std::int64_t sequences) const;
  double curve_work(std::int64_t sequences, double kv) const;
  KvLine curve_line(std::int64_t sequences, Ticks base, const Lines& lines, double factor) const;
  bool copies_all_rows() const;
  TokenOp gemm(OpClass c, double params, double calls, double io_elements, double weight_bytes_each) const;
  /// Micro-batches in flight. Stages of an SRAM pipeline pass single tokens on, a prompt's too; others whole sequences'
  /// chunks.
  double concurrency(std::int64_t sequences, std::int64_t tokens) const {
    if (d_.pipeline_parallel == 1) return 1;
    const std::int64_t units = is_sram() ? tokens : sequences;
    return static_cast<double>(units < 1 ? 1 : units < d_.pipeline_parallel ? units : d_.pipeline_parallel);
  }
  double decode_concurrency(std::int64_t sequences) const {
    return concurrency(sequences, step_tokens(sequences) * sequences);
  }
  double rounds() const { return d_.overlap > 0 ? 2 : 1; }  // half-batches that take turns
  double ranks() const { return d_.data_parallel; }
  double expert_chips() const { return d_.tensor_parallel * d_.data_parallel; }
  double units_per_token() const { return static_cast<double>((full_units_ + window_units_) * d_.kv_quanta()); }
  double kv_tokens(const StepSums& s) const { return static_cast<double>(kv_units(s)) / units_per_token(); }
  double in_window(double full, double window) const {  // mean over layers
    if (window_units_ == 0) return full;
    return (static_cast<double>(full_units_) * full + static_cast<double>(window_units_) * window) /
           static_cast<double>(full_units_ + window_units_);
  }
  Lines attention_lines(std::int64_t sequences) const {
    const auto row = static_cast<std::size_t>(sequences);
    return row < decode_.size() ? decode_[row].lines : make_lines(sequences);
  }
  Lines make_lines(std::int64_t sequences) const;
  std::int32_t drafted_pace(std::int64_t sequences) const;
  std::int64_t drafted_tokens(std::int64_t sequences) const;
  double draft_passes(std::int64_t sequences) const;
  double draft_slope(std::int64_t sequences) const;  // seconds per KV token
  void add_drafts(const StepSums& sums, StepSeconds& out) const;
  void hide_all_to_all(StepSeconds& out) const;
  static void put(StepSeconds& out, OpClass c, const TokenOp& op, double x, double rows, double weight_scale);
  double padded(double rows) const;
  double padded_expert_tokens(double tokens) const;
  double padded_columns(OpClass c) const;
  bool is_sram() const { return is_sram_; }
  double table_bytes() const;  // of an element of the embedding and LM head tables

  Deployment d_;
  bool is_sram_;
  ParameterCount count_;
  MemoryPlan memory_;
  std::array<TokenOp, kOpClasses> ops_{};
  std::vector<OpClass> classes_, token_ops_;  // token_ops_: of classes_, those that follow a rank's tokens
  StepSeconds idle_;                          // no time; the bounds of classes that take none
  std::array<OpEfficiency, kOpClasses> figures_;
  double matrix_peak_ = 0;
  double kv_read_ = 0, qo_io_ = 0, pair_flop_prefill_ = 0, pair_flop_decode_ = 0;  // seconds per unit, all layers
  double prefill_kv_read_ = 0, prefill_qo_io_ = 0;
  double prefill_floor_ = 0, decode_floor_ = 0, sequence_gap_ = 0;
  double encoder_ = 0, flop_encoder_ = 0;  // seconds, FLOP per prompt token from an encoder
  std::optional<ExpertLoad> experts_;
  std::int64_t full_units_ = 1, window_units_ = 0;  // layers without and with a window, without common factors
  std::shared_ptr<const StepModel> drafter_;
  std::vector<int> depth_;  // drafted by sequences decoding; empty: none
  // Work per unit on all chips, for FLOP and byte accounts.
  double flop_token_ = 0, flop_row_ = 0, flop_pair_ = 0, flop_kv_ = 0;
  double bytes_step_ = 0, bytes_experts_ = 0, bytes_token_ = 0, bytes_kv_ = 0;
  // Calibrated residuals, empty without: measured over closed form by tokens of a micro-batch; decode attention in
  // seconds at the curve's contexts (0 first) by sequences.
  std::array<std::vector<float>, kOpClasses> factor_;
  std::vector<double> curve_contexts_;
  std::vector<std::vector<double>> curves_;
  const GridResidual* prefill_residual_ = nullptr;
  std::array<const GridResidual*, 2> step_residual_{};  // of decode-only steps, of others; null: not measured
  std::vector<DecodeRow> decode_;
};

}  // namespace tokenfab
