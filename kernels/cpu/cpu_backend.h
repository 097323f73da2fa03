#pragma once
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/micro.h"

namespace tokenfab::kernels::cpu {

/// Activations in f32, sums in f32 in a fixed order per output element: results do not depend on the batch, the pages
/// or the number of threads.
class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads);

  std::string description() const override;
  DType activation() const override { return DType::f32; }

  void* allocate(std::size_t bytes) override;
  void release(void* memory) override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void fill(void* to, int byte, std::size_t bytes) override;
  void synchronize() override {}
  Weight load(const HostWeight& weight, int count) override;
  Weight part(const Weight& loaded, int i) const override;

  void embed(const EmbedArgs&) override;
  void gather(const GatherArgs&) override;
  void matmul(const MatmulArgs&) override;
  void rms_norm(const RmsNormArgs&) override;
  void rope_append(const RopeAppendArgs&) override;
  void attention(const AttentionArgs&) override;
  void swiglu(const SwigluArgs&) override;
  void moe_route(const MoeRouteArgs&) override;
  void grouped_matmul(const GroupedMatmulArgs&) override;
  void moe_combine(const MoeCombineArgs&) override;
  void sample(const SampleArgs&) override;
  void verify(const VerifyArgs&) override;
  void copy_kv(const CopyKvArgs&) override;

  std::function<void()> record(std::function<void()> body) override { return body; }
  void set_deterministic(bool) override {}

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  float* scratch(int thread, std::size_t floats);

  int threads_;
  std::vector<std::unique_ptr<void, Free>> weights_;
  std::vector<std::vector<float>> scratch_;  // per thread
};

Stored stored(DType type);

/// Runs body(first, last, thread) over [0, count) in contiguous parts, a multiple of `grain` each, one per thread.
template <class Body>
void parallel(int threads, std::int64_t count, std::int64_t grain, Body&& body) {
  const std::int64_t units = (count + grain - 1) / grain;
  const int parts = static_cast<int>(units < threads ? units : threads);
  if (parts <= 1) {
    if (count > 0) body(std::int64_t{0}, count, 0);
    return;
  }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    const std::int64_t first = units * part / parts * grain, end = units * (part + 1) / parts * grain;
    body(first, end < count ? end : count, part);
  }
}

}  // namespace tokenfab::kernels::cpu
