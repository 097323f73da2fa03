#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/random_weights.h"

namespace tokenfab::kernels {

/// Memory of a backend that lives as long as a case.
class Buffers {
 public:
  explicit Buffers(Backend& backend) : backend_(backend) {}
  ~Buffers() {
    for (void* m : owned_) backend_.release(m);
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  void* allocate(std::size_t bytes) {
    owned_.push_back(backend_.allocate(bytes));
    return owned_.back();
  }
  template <class T>
  T* upload(const std::vector<T>& host) {
    void* m = allocate(host.size() * sizeof(T));
    backend_.upload(m, host.data(), host.size() * sizeof(T));
    return static_cast<T*>(m);
  }
  /// An output, full of NaN bit patterns, so that what is not written shows.
  Tensor output(DType type, std::int64_t rows, std::int64_t cols);
  /// `values` rounded to `type` (f32 or bf16).
  Tensor input(DType type, const std::vector<float>& values, std::int64_t rows, std::int64_t cols);
  void poison(const Tensor& t);

 private:
  Backend& backend_;
  std::vector<void*> owned_;
};

/// The host's copy of an f32 or bf16 tensor.
std::vector<float> read_back(Backend& backend, const Tensor& t);
/// Approximately normal values, a pure function of (seed, tensor); rounded to bf16, so that every backend sees the
/// same.
std::vector<float> random_values(const char* tensor, std::int64_t count, float sigma = 1.0f);

/// One operation at one shape: the same struct gives the cases for tests and for timing. Derived classes hold the
/// shape, make inputs on any backend, and know the operation's double-precision reference.
class OpCase {
 public:
  virtual ~OpCase() = default;

  std::string family, name;
  double bytes = 0, flop = 0;        // useful: what an ideal kernel would move and do
  double streamed = 0;               // of bytes: what each copy of prepare() holds
  std::int64_t gemm_m = 0, gemm_n = 0, gemm_k = 0;  // of a product, for a library's own

  /// Makes `copies` independent sets of what run() streams (weights, caches), all resident on `backend`.
  virtual void prepare(Backend& backend, int copies) = 0;
  virtual void run(Backend& backend, int copy) = 0;
  /// After run(backend, 0): the worst |got - want| over its tolerance, on at most `samples` outputs. Passes where <= 1;
  /// NaN counts as infinity.
  virtual double check(Backend& backend, std::int64_t samples) = 0;
  /// For the check's own test: spoils one output of the last run.
  virtual Tensor output() const = 0;
  void release() { buffers_.reset(); }

 protected:
  Buffers& start(Backend& backend) {
    buffers_ = std::make_unique<Buffers>(backend);
    return *buffers_;
  }
  std::unique_ptr<Buffers> buffers_;
};

using OpCases = std::vector<std::unique_ptr<OpCase>>;

/// Relative rounding of a value stored as `type`: half a unit in the last place.
constexpr double rounding(DType type) { return type == DType::bf16 ? 0x1p-9 : 0x1p-24; }

/// Keeps the worst ratio; NaN and infinities become a very large one.
struct Worst {
  double ratio = 0;
  void see(double got, double want, double tolerance);
};

// Factories, one per family. `act` is the backend's activation type.
std::unique_ptr<OpCase> matmul_case(DType act, DType weights, std::int64_t m, std::int64_t n, std::int64_t k);
struct AttentionShape {
  std::int32_t sequences = 1, query = 1, context = 128;  // `context` tokens are cached, the queries included
  std::int32_t q_heads = 8, kv_heads = 2, head_dim = 64, page_tokens = 16;
  DType kv = DType::bf16;
  bool ragged = false;    // sequences of different lengths, down to a quarter
  bool permuted = false;  // pages in a scattered order
};
std::unique_ptr<OpCase> attention_case(DType act, const AttentionShape& shape);
std::unique_ptr<OpCase> norm_case(DType act, std::int64_t rows, std::int64_t cols);
std::unique_ptr<OpCase> swiglu_case(DType act, std::int64_t rows, std::int64_t cols);
std::unique_ptr<OpCase> rope_case(DType act, DType kv, std::int64_t tokens, std::int32_t q_heads, std::int32_t kv_heads,
                                  std::int32_t head_dim);
struct MoeShape {
  std::int64_t tokens = 4, hidden = 256, intermediate = 256;
  std::int32_t experts = 8, top_k = 2;
  DType weights = DType::bf16;
  bool skewed = false;  // Zipf-like router: expert e is preferred as 1 / (e + 1)
};
/// The whole routed FFN: route, gate and up, SwiGLU, down, combine.
std::unique_ptr<OpCase> moe_case(DType act, const MoeShape& shape);
std::unique_ptr<OpCase> argmax_case(std::int64_t rows, std::int64_t vocab);

/// Odd and small shapes of every family: a fraction of a second on a CPU.
OpCases test_cases(DType act);
/// Shapes to time, most valuable first. "cpu": a laptop's minute; "h200": the shapes of 8B to 70B models.
OpCases bench_cases(DType act, const std::string& size);

}  // namespace tokenfab::kernels
