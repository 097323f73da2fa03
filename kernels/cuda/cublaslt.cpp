#include "kernels/cuda/cublaslt.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "kernels/cuda/cublaslt_library.h"
#include "kernels/cuda/runtime.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr std::size_t kWorkspace = std::size_t{64} << 20;
constexpr int kGuesses = 8, kRounds = 5, kTunedRows = 512;

struct Operation {
  MatmulShape shape;
  cudaDataType_t type = CUDA_R_16BF;  // of x and W
  const float* x_scale = nullptr;
  const float* w_scale = nullptr;
};

/// Column-major, as the library sees it: y^T [n, m] = op(W) x^T, W being [k, n] to be transposed.
struct Problem {
  const CublasLtFunctions& f;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
  bool valid = false;

  Problem(const CublasLtFunctions& functions, const Operation& op) : f(functions) {
    const MatmulShape& s = op.shape;
    const auto m = static_cast<std::uint64_t>(s.m), n = static_cast<std::uint64_t>(s.n),
               k = static_cast<std::uint64_t>(s.k);
    const cublasOperation_t transpose = CUBLAS_OP_T;
    valid = ok(f.desc_create(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F)) && set(CUBLASLT_MATMUL_DESC_TRANSA, transpose) &&
            ok(f.layout_create(&w, op.type, k, n, s.k)) && ok(f.layout_create(&x, op.type, k, m, s.x_stride)) &&
            ok(f.layout_create(&y, s.y_is_f32 ? CUDA_R_32F : CUDA_R_16BF, n, m, s.y_stride)) &&
            (!op.w_scale || set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, op.w_scale)) &&
            (!op.x_scale || set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, op.x_scale));
  }
  ~Problem() {
    if (y) f.layout_destroy(y);
    if (x) f.layout_destroy(x);
    if (w) f.layout_destroy(w);
    if (desc) f.desc_destroy(desc);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  static bool ok(cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS; }
  template <class T>
  bool set(cublasLtMatmulDescAttributes_t attribute, T value) {
    return ok(f.desc_set(desc, attribute, &value, sizeof(value)));
  }
};

using Key = std::tuple<int, int, int, std::int64_t, std::int64_t, int, bool, bool>;

/// Row counts that share a choice.
int bucket(int m) { return m <= 128 ? (m + 15) / 16 * 16 : (m + 127) / 128 * 128; }

Key key_of(const Operation& op) {
  const MatmulShape& s = op.shape;
  return {bucket(s.m), s.n, s.k, s.x_stride, s.y_stride, static_cast<int>(op.type), s.y_is_f32, s.accumulate};
}

class LoadedCublasLt final : public CublasLt {
 public:
  explicit LoadedCublasLt(const CublasLtFunctions& functions) : f_(functions) {}
  ~LoadedCublasLt() override {
    try {
      if (handle_) f_.destroy(handle_);
      if (workspace_) release(workspace_);
    } catch (...) {  // the device is lost, and its memory with it
    }
  }

  bool start() {
    if (f_.create(&handle_) != CUBLAS_STATUS_SUCCESS) return false;
    workspace_ = allocate(kWorkspace);
    return true;
  }
  std::string version() const override { return std::to_string(f_.get_version()); }
  bool matmul(Context& c, const MatmulShape& shape) override { return multiply(c, {shape, CUDA_R_16BF}); }
  bool matmul_e4m3(Context& c, const MatmulShape& shape, const float* x_scale, const float* w_scale) override {
    return multiply(c, {shape, CUDA_R_8F_E4M3, x_scale, w_scale});
  }

 private:
  bool multiply(Context& c, const Operation& op) {
    const Problem problem(f_, op);
    if (!problem.valid) return false;
    const Key key = key_of(op);
    const auto known = chosen_.find(key);
    if (known != chosen_.end() && run(c, op, problem, known->second, op.shape.y)) return true;
    const auto guesses = guess(problem);
    if (guesses.empty()) return false;
    const bool tune = known == chosen_.end() && !c.recording && op.shape.m <= kTunedRows && guesses.size() > 1;
    const cublasLtMatmulAlgo_t algorithm = tune ? fastest(c, op, problem, guesses) : guesses.front();
    if (!run(c, op, problem, algorithm, op.shape.y)) return false;
    if (tune || guesses.size() == 1) chosen_.emplace(key, algorithm);
    return true;
  }

  bool run(const Context& c, const Operation& op, const Problem& p, const cublasLtMatmulAlgo_t& algorithm, void* y) {
    const float alpha = 1, beta = op.shape.accumulate ? 1.0f : 0.0f;
    return f_.matmul(handle_, p.desc, &alpha, op.shape.w, p.w, op.shape.x, p.x, &beta, y, p.y, y, p.y, &algorithm,
                     workspace_, kWorkspace, reinterpret_cast<cudaStream_t>(c.stream)) == CUBLAS_STATUS_SUCCESS;
  }

  std::vector<cublasLtMatmulAlgo_t> guess(const Problem& p) {
    cublasLtMatmulPreference_t preference = nullptr;
    if (f_.preference_create(&preference) != CUBLAS_STATUS_SUCCESS) return {};
    const std::size_t bytes = kWorkspace;
    f_.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof(bytes));
    std::array<cublasLtMatmulHeuristicResult_t, kGuesses> results{};
    int count = 0;
    f_.get_heuristic(handle_, p.desc, p.w, p.x, p.y, p.y, preference, kGuesses, results.data(), &count);
    f_.preference_destroy(preference);
    std::vector<cublasLtMatmulAlgo_t> algorithms;
    for (int i = 0; i < count; ++i)
      if (results[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS)
        algorithms.push_back(results[static_cast<std::size_t>(i)].algo);
    return algorithms;
  }

  /// By the median time, into memory of its own; the caches are emptied of W before each run.
  cublasLtMatmulAlgo_t fastest(const Context& c, const Operation& op, const Problem& p,
                               const std::vector<cublasLtMatmulAlgo_t>& algorithms) {
    const MatmulShape& s = op.shape;
    const std::size_t cell = s.y_is_f32 ? 4 : 2;
    void* scratch = allocate(static_cast<std::size_t>(s.m) * static_cast<std::size_t>(s.y_stride) * cell);
    const Event from = create_event(), to = create_event();
    std::size_t best = 0;
    float best_ms = 1e30f;
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      std::vector<float> times;
      for (int round = 0; round <= kRounds; ++round) {
        fill(c.stream, workspace_, 0, kWorkspace);
        record_event(from, c.stream);
        if (!run(c, op, p, algorithms[i], scratch)) break;
        record_event(to, c.stream);
        const float ms = elapsed_ms(from, to);
        if (round > 0) times.push_back(ms);  // the first loads the kernel
      }
      if (times.size() < kRounds) continue;
      std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
      if (times[kRounds / 2] < best_ms) best_ms = times[kRounds / 2], best = i;
    }
    synchronize(c.stream);
    destroy_event(from);
    destroy_event(to);
    release(scratch);
    return algorithms[best];
  }

  CublasLtFunctions f_;
  cublasLtHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  std::map<Key, cublasLtMatmulAlgo_t> chosen_;
};

}  // namespace

std::unique_ptr<CublasLt> make_cublaslt(std::string& why) {
  CublasLtFunctions functions;
  if (!load_cublaslt(functions, why)) return nullptr;
  auto library = std::make_unique<LoadedCublasLt>(functions);
  if (library->start()) return library;
  why = "cublasLtCreate failed";
  return nullptr;
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
