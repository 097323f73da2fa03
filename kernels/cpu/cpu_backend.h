#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/micro.h"
#include "kernels/cpu/thread_pool.h"

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
  double available_bytes() const override;
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

  /// Runs body(first, last, thread) over [0, count) in contiguous parts of a multiple of `grain`. Alone where the
  /// loop's `work` (multiply-adds or the like) would not pay for waking a thread.
  template <class Body>
  void parallel(std::int64_t count, std::int64_t grain, double work, const Body& body) {
    constexpr double kWorthIt = 2e5;
    constexpr std::int64_t kPartsEach = 4;  // so that a slow thread leaves parts to the others
    const std::int64_t units = (count + grain - 1) / grain;
    const std::int64_t parts = work < kWorthIt ? 1 : std::min<std::int64_t>(units, pool_.threads() * kPartsEach);
    if (count <= 0) return;
    pool_.run(static_cast<std::uint32_t>(parts), [&](std::uint32_t part, int thread) {
      const std::int64_t first = units * part / parts * grain, end = units * (part + 1) / parts * grain;
      body(first, std::min(end, count), thread);
    });
  }

  ThreadPool pool_;
  std::vector<std::unique_ptr<void, Free>> weights_;
  std::vector<std::vector<float>> scratch_;  // per thread
};

Stored stored(DType type);

}  // namespace tokenfab::kernels::cpu
