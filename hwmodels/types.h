#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Catalogue data: every number with its unit, source and date. Loaded from hwmodels/{chips,llms,engines}/*.json.
namespace tokenfab {

/// A number with its provenance. `value` is in SI base units after loading (bytes, bytes/s, FLOP/s, W, s);
/// `unit` is the unit it was written in.
struct Sourced {
  double value = 0;
  std::string unit, source, as_of;
  double error = 0;  // one standard deviation, relative; 0: not known
};

enum class Dtype { bf16, fp8, int8, int4, int3, int2 };
inline constexpr std::array<const char*, 6> kDtypeNames = {"bf16", "fp8", "int8", "int4", "int3", "int2"};

/// How far a hardware model can be trusted, weakest first: an engine's class defaults on a chip's data sheet, or a
/// calibration of that engine on that chip.
enum class Grade { datasheet, fitted, measured };
inline constexpr std::array<const char*, 3> kGradeNames = {"class defaults", "fitted to published measurements",
                                                           "measured by our engine"};

struct Backing {
  Sourced memory, bandwidth;  // bytes; bytes/s towards the chip
};

struct Chip {
  std::string id, name, vendor;
  std::string family;                   // "hbm", "sram-pipeline" or "tiered": how weights meet arithmetic
  std::string topology;                 // scale-up links: "switched", "mesh", "pcie", "ring", "torus-2d", "torus-3d",
                                        // "dragonfly"
  std::map<std::string, Sourced> peak;  // dense FLOP/s by "bf16", "fp8", "int8"
  int matrix_tile = 1;                  // a product's rows and columns are padded to multiples: a systolic array's side
  Sourced memory;                       // bytes that a process can allocate (sram-pipeline: SRAM)
  Sourced bandwidth;                    // of that memory, bytes/s
  std::optional<Backing> backing;       // tiered: the larger, slower memory behind it
  Sourced link;                         // bytes/s per chip, each direction, summed over its scale-up links
  Sourced link_latency;                 // seconds per hop
  int scale_up_domain = 1;              // chips reachable over `link`
  int torus_wrap = 0;               // tori: an axis whose length is a multiple of this closes on itself; 0: none does
  Sourced network;                  // scale-out bytes/s per chip, each direction
  Sourced network_latency;          // seconds
  Sourced tdp;                      // W
  Sourced idle_power;               // W
  Sourced host_power;               // W of server share beside the chip, at all times
  std::optional<Sourced> embodied;  // kgCO2e per chip
  std::optional<Sourced> capex;     // USD per chip, server share included where the source says so
};

struct MoeShape {
  int experts = 0, top_k = 0, shared_experts = 0;
  int expert_ffn = 0;
  int first_dense_layers = 0;
  bool router_bias = false;
};

struct MlaShape {
  int q_lora_rank = 0;  // 0 = full-rank query projection
  int kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
};

/// Sliding-window attention: `layers` of the model's layers attend to the last `tokens` positions only.
struct WindowShape {
  int tokens = 0, layers = 0;
};

/// Turns an image into `tokens_per_image` prompt tokens; its weights are not in the LLM's parameter count.
struct Encoder {
  std::string name;
  Sourced parameters;
  Sourced patches_per_image;  // tokens that pass through the encoder: its FLOP are 2 x parameters x patches
  Sourced tokens_per_image;   // prompt tokens that the LLM sees
};

/// What a benchmark says of the model with weights of this type, and with the checkpoint's own.
struct Quality {
  Dtype weights = Dtype::bf16;
  std::string benchmark;
  Sourced score, reference;  // as the source prints them
};

struct Llm {
  std::string id, name, source, licence;
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0;
  int context = 0;
  bool tied_embeddings = false;
  bool qk_norm = false;
  bool qkv_bias = false, o_bias = false, mlp_bias = false;  // mlp_bias: of dense MLPs and of experts
  bool attention_sinks = false;                             // one learned logit per query head
  bool extra_norms = false;     // four norms a layer (Gemma 2 and 3): after attention and MLP too
  bool norm_bias = false;       // layer norms instead of RMS norms
  bool embedding_norm = false;  // one more norm behind the input table (BLOOM)
  bool gated_mlp = true;        // false: two products instead of three
  int learned_positions = 0;    // rows of a position table; 0: rotary
  std::optional<WindowShape> window;
  std::optional<MoeShape> moe;
  std::optional<MlaShape> mla;
  int mtp_layers = 0;  // multi-token-prediction modules: extra draft layers, not in `layers` nor in the total
  std::optional<Encoder> encoder;  // of a multimodal model
  Sourced published_parameters;
  std::vector<Quality> quality;  // of quantized variants, where it was published
};

/// Parameter counts from the dimensions; whole numbers, exact in double.
struct ParameterCount {
  double embedding = 0;  // input table (the LM head too where tied)
  double lm_head = 0;    // 0 where tied
  double attention_per_layer = 0;
  double qkv_per_layer = 0;  // all projections that produce q, k, v (MLA: down- and up-projections)
  double o_per_layer = 0;
  double dense_mlp_per_layer = 0;   // gate, up, down of a dense layer; 0 where every layer is MoE
  double expert = 0;                // one routed expert
  double shared_per_moe_layer = 0;  // shared experts of one MoE layer
  double router_per_moe_layer = 0;
  double norms = 0;      // all norm weights and attention sinks of the model
  double positions = 0;  // learned position table
  double total = 0;
  double active = 0;     // per token: attention, router, shared and top_k experts, both tables
  double mtp_layer = 0;  // one multi-token-prediction module, tables left out (it shares them); not in the total
};
ParameterCount count_parameters(const Llm& llm);

/// KV-cache elements per token and layer before any tensor-parallel split (MLA: the shared latent).
double kv_elements_per_token_layer(const Llm& llm);

inline constexpr std::array<const char*, 12> kOpClassNames = {"qkv_gemm",
                                                              "o_gemm",
                                                              "mlp_gemm",
                                                              "expert_gemm",
                                                              "prefill_attention",
                                                              "decode_attention",
                                                              "norm_activation",
                                                              "lm_head",
                                                              "all_reduce",
                                                              "all_to_all",
                                                              "send",
                                                              "host"};
enum class OpClass {
  qkv_gemm,
  o_gemm,
  mlp_gemm,
  expert_gemm,
  prefill_attention,
  decode_attention,
  norm_activation,
  lm_head,
  all_reduce,
  all_to_all,
  send,
  host
};
inline constexpr int kOpClasses = 12;

/// Efficiency of one operator class: time = floor + max(bytes / (bandwidth * eff), FLOP / (peak * eff)).
struct OpEfficiency {
  Sourced bandwidth;  // 0..1 of the chip's memory (network classes: link) bandwidth
  Sourced compute;    // 0..1 of the dense peak at the matrix dtype; 1 for classes without FLOP
  Sourced floor;      // seconds per kernel of this class
};

struct EngineProfile {
  std::string id, name, version;
  Grade grade = Grade::datasheet;
  std::string batching;                          // default policy: "chunked", "prefill-first" or "static"
  std::array<OpEfficiency, kOpClasses> ops;      // class defaults, indexed by OpClass
  std::map<std::string, OpEfficiency> by_dtype;  // the same where another dtype differs: "mlp_gemm:fp8"
  Sourced step_gap;                              // seconds between steps (host and scheduler)
  Sourced sequence_gap;                          // seconds per running sequence and step
  Sourced memory_share;                          // share of chip memory that the engine may take
  Sourced reserved_memory;                       // bytes per chip: runtime, graphs, communication buffers
  Sourced kv_block_tokens;                       // default page size
  Sourced watermark;                             // share of KV blocks kept free at admission
  Sourced dynamic_compute, dynamic_bandwidth, dynamic_network, dynamic_host;  // share of (TDP - idle) drawn by bound
  std::optional<Sourced> known_error;  // relative error of step times with the class defaults, where it was measured
};

struct Calibration;

/// Finds catalogue entries: a path ending in .json is read as a file; a bare id is looked up in the data folders.
/// Errors: UserError with the nearest id.
class Catalog {
 public:
  /// Folders: $TOKENFAB_HOME, then the source tree this binary was built from.
  static Catalog standard();
  explicit Catalog(std::string root) : root_(std::move(root)) {}

  Chip chip(const std::string& id) const;
  Llm llm(const std::string& id) const;
  EngineProfile engine(const std::string& id) const;
  /// By id or path; `find_calibration` gives the shipped one of an engine on a chip, else the one that stands for the
  /// engine's class ("<engine>--class"), else null.
  std::shared_ptr<const Calibration> calibration(const std::string& id) const;
  std::shared_ptr<const Calibration> find_calibration(const std::string& engine, const std::string& chip) const;
  std::vector<std::string> ids(const std::string& kind) const;  // "chips", "llms", "engines", "calibrations"; sorted
  const std::string& root() const { return root_; }             // the folder that holds chips/, llms/, …

 private:
  std::string path_of(const std::string& kind, const std::string& id) const;
  std::string root_;
};

}  // namespace tokenfab
