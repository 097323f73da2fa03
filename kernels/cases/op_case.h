#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace tokenfab::kernels {

/// One operation at one shape: the same struct gives the cases for tests and for timing. Derived classes hold the
/// shape, make inputs on any backend, and compare with the double-precision reference.
class OpCase {
 public:
  virtual ~OpCase() = default;

  std::string family, name;
  double bytes = 0, flop = 0;        // useful: each input read once, each output written once
  double streamed = 0;               // of bytes: what each copy of prepare() holds apart from the others
  std::int64_t m = 0, n = 0, k = 0;  // of a product, for a library's own

  /// Makes `copies` independent sets of what run() streams (weights, caches), all resident on `backend`; every output
  /// is poisoned with 0xff.
  virtual void prepare(Backend& backend, int copies) = 0;
  virtual void run(Backend& backend, int copy) = 0;
  /// After exactly one run(backend, 0) since prepare(): the worst |got - want| over its tolerance, on about `samples`
  /// outputs spread over the whole. Passes where <= 1; NaN counts as infinity.
  virtual double check(Backend& backend, std::int64_t samples) = 0;
  /// For the check's own test: what run(backend, 0) writes; the first element of each is always defined.
  virtual std::vector<Tensor> outputs() const = 0;
  virtual void release() = 0;
};

using OpCases = std::vector<std::unique_ptr<OpCase>>;

// Factories. `act` is the backend's activation type.
struct ProductShape {
  std::int64_t m = 1, n = 1, k = 128;
  DType weights = DType::bf16;
  bool f32_output = false, accumulate = false;
};
std::unique_ptr<OpCase> matmul_case(DType act, const ProductShape& shape);

struct AttentionShape {
  std::int32_t sequences = 1, query = 1, context = 128;  // `context` tokens are cached, the queries included
  std::int32_t q_heads = 8, kv_heads = 2, head_dim = 64, page_tokens = 16;
  DType kv = DType::bf16;
  bool ragged = false;         // sequences of different lengths, down to a quarter
  bool permuted = true;        // pages in a scattered order
  bool tree = false;           // queries form a random tree
  std::int32_t value_dim = 0;  // 0: head_dim, cached apart; else the first numbers of the key (MLA)
};
std::unique_ptr<OpCase> attention_case(DType act, const AttentionShape& shape);

struct RopeShape {
  std::int64_t tokens = 1;
  std::int32_t q_heads = 4, kv_heads = 2, head_dim = 64, rope_dim = 64;
  DType kv = DType::bf16;
  bool interleaved = false, head_norm = false, values = true;
};
std::unique_ptr<OpCase> rope_case(DType act, const RopeShape& shape);
std::unique_ptr<OpCase> copy_kv_case(DType kv, std::int64_t count, std::int32_t kv_heads, std::int32_t dim);

/// With `add`: residual += x first, the residual in f32. Without: of the residual alone, in its place.
std::unique_ptr<OpCase> norm_case(DType act, std::int64_t rows, std::int64_t cols, bool add = true);
std::unique_ptr<OpCase> swiglu_case(DType act, std::int64_t rows, std::int64_t cols);
std::unique_ptr<OpCase> embed_case(DType act, std::int64_t tokens, std::int64_t vocab, std::int64_t cols);
std::unique_ptr<OpCase> gather_case(DType act, std::int64_t rows, std::int64_t cols);

struct MoeShape {
  std::int64_t tokens = 4, hidden = 256, intermediate = 256;
  std::int32_t experts = 8, top_k = 2;
  DType weights = DType::bf16;
  bool skewed = false;  // Zipf-like router: expert e is preferred as 1 / (e + 1)
};
/// The whole routed FFN: route, gate and up, SwiGLU, down, combine.
std::unique_ptr<OpCase> moe_case(DType act, const MoeShape& shape);
std::unique_ptr<OpCase> moe_route_case(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, bool renormalize);
std::unique_ptr<OpCase> moe_combine_case(DType act, std::int64_t tokens, std::int64_t cols, std::int32_t top_k,
                                         bool accumulate);

/// Greedy where temperature <= 0; `distribution`: the probabilities are written too.
std::unique_ptr<OpCase> sample_case(std::int64_t rows, std::int64_t vocab, float temperature, bool distribution);
struct VerifyShape {
  std::int32_t sequences = 2, max_draft = 3;
  std::int64_t vocab = 1000;
  float temperature = 0;
  bool distributions = false;  // the draft gives its probabilities
};
std::unique_ptr<OpCase> verify_case(const VerifyShape& shape);

/// Odd and small shapes of every operation; `tiny` leaves out what takes an emulated GPU long.
OpCases test_cases(DType act, bool tiny = false);
/// Shapes to time, most valuable first. "cpu": a laptop's minute; "h200": the shapes of 8B to 70B models.
OpCases bench_cases(DType act, const std::string& size);

}  // namespace tokenfab::kernels
