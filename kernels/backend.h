#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kernels/ops.h"

namespace tokenfab::kernels {

/// A canonical weight in host memory: row-major W [n, k]; i4 two values a byte (see numeric.h).
using HostWeight = Weight;

/// Where the operations run. Calls are queued in order and may return before the work is done; only download() and
/// synchronize() wait. Arguments are checked by assertion-like throws of std::invalid_argument for what a backend
/// cannot do (its message names the operation and the shape or type).
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string description() const = 0;  // device name, for results
  virtual DType activation() const = 0;         // f32 (CPU) or bf16 (CUDA)

  /// Memory of this backend, 256-byte aligned, not initialised. Throws std::bad_alloc.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) = 0;
  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;  // `from` may be reused on return
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill(void* to, int byte, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual double available_bytes() const { return 0; }  // memory left for allocate(); 0: unknown

  /// Copies `count` canonical matrices of one type and shape (data and scales consecutive) into this backend's memory
  /// and layout. The result's data pointers lie one matrix apart. Owned by the backend until it is destroyed.
  virtual Weight load(const HostWeight& weight, int count = 1) = 0;
  /// The i-th of `count` matrices that were loaded together.
  virtual Weight part(const Weight& loaded, int i) const = 0;

  virtual void embed(const EmbedArgs&) = 0;
  virtual void gather(const GatherArgs&) = 0;
  virtual void matmul(const MatmulArgs&) = 0;
  virtual void rms_norm(const RmsNormArgs&) = 0;
  virtual void rope_append(const RopeAppendArgs&) = 0;
  virtual void attention(const AttentionArgs&) = 0;
  virtual void swiglu(const SwigluArgs&) = 0;
  virtual void moe_route(const MoeRouteArgs&) = 0;
  virtual void grouped_matmul(const GroupedMatmulArgs&) = 0;
  virtual void moe_combine(const MoeCombineArgs&) = 0;
  virtual void sample(const SampleArgs&) = 0;
  virtual void verify(const VerifyArgs&) = 0;
  virtual void copy_kv(const CopyKvArgs&) = 0;

  /// Records the operations that `body` queues and returns what replays them with the same pointers and shapes (a CUDA
  /// graph); the CPU keeps `body` itself. Nothing in `body` may allocate, upload or wait.
  virtual std::function<void()> record(std::function<void()> body) = 0;

  /// Fixes each output element's reduction order whatever the batch, pages and split. The CPU is always so.
  virtual void set_deterministic(bool on) = 0;
};

std::unique_ptr<Backend> make_cpu_backend(int threads = 0);  // 0: all cores

/// Null where this build has no CUDA, or no device or driver is present; `why` then says which.
std::unique_ptr<Backend> make_cuda_backend(std::string& why);

}  // namespace tokenfab::kernels
