#include "kernels/bench/cuda_baseline.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/bench/bench.h"
#include "kernels/cases/case_data.h"
#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/runtime.h"

namespace tokenfab::kernels {
namespace {

/// Device memory and a stream for the time of one measurement.
class Scratch {
 public:
  Scratch() : stream(cuda::create_stream()) {}
  ~Scratch() {
    cuda::synchronize(stream);
    for (void* m : owned_) cuda::release(m);
    cuda::destroy_stream(stream);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* allocate(std::size_t bytes) {
    owned_.push_back(cuda::allocate(bytes));
    return static_cast<char*>(owned_.back());
  }
  cuda::Stream stream;

 private:
  std::vector<void*> owned_;
};

}  // namespace

double cuda_matmul_baseline(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::size_t kWorkspace = std::size_t{64} << 20;
  constexpr double kWorkingSet = 256e6;
  static std::string why;
  static const auto library = cuda::make_cublaslt(why);
  if (!library) return 0;
  Scratch memory;
  cuda::Context context;
  context.stream = memory.stream;
  const cuda::DeviceInfo info = cuda::device_info();
  context.multiprocessors = info.multiprocessors, context.compute_capability = info.compute_capability;
  context.workspace = memory.allocate(kWorkspace), context.workspace_bytes = kWorkspace;
  const auto bytes = static_cast<std::size_t>(n * k * 2);
  const auto copies =
      static_cast<std::size_t>(std::clamp(std::ceil(kWorkingSet / static_cast<double>(bytes)), 1.0, 64.0));
  char* weights = memory.allocate(bytes * copies);
  const HostMatrix w = random_matrix("w", DType::bf16, n, k, 0.02f), inputs = random_matrix("x", DType::bf16, m, k);
  for (std::size_t c = 0; c < copies; ++c) {
    cuda::copy_to_device(memory.stream, weights + c * bytes, w.bytes.data(), bytes);
    cuda::synchronize(memory.stream);
  }
  char* x = memory.allocate(inputs.bytes.size());
  cuda::copy_to_device(memory.stream, x, inputs.bytes.data(), inputs.bytes.size());
  cuda::synchronize(memory.stream);
  cuda::MatmulShape shape;
  shape.x = x, shape.x_stride = k, shape.y_stride = n;
  shape.y = memory.allocate(static_cast<std::size_t>(m * n * 2));
  shape.m = static_cast<int>(m), shape.n = static_cast<int>(n), shape.k = static_cast<int>(k);
  const auto all = [&] {
    for (std::size_t c = 0; c < copies; ++c) {
      shape.w = weights + c * bytes;
      if (!library->matmul(context, shape)) return false;
    }
    return true;
  };
  if (!all()) return 0;
  cuda::synchronize(memory.stream);
  context.recording = true;
  cuda::Graph* graph = cuda::record_graph(memory.stream, [&] { all(); });
  const Timing t =
      time_calls([&] { cuda::launch_graph(graph, memory.stream); }, [&] { cuda::synchronize(memory.stream); }, 7, 1e-3);
  cuda::destroy_graph(graph);
  return t.median_s * 1e6 / static_cast<double>(copies);
}

}  // namespace tokenfab::kernels
