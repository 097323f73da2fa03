#pragma once
#include <memory>
#include <string>
#include <unordered_set>

#include "kernels/backend.h"
#include "kernels/cuda/matmul_internal.h"
#include "kernels/cuda/staging.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// The operations on one device and one stream. For one thread at a time.
class CudaBackend final : public Backend {
 public:
  /// `library` may be null. Workspace: see Context.
  CudaBackend(std::size_t workspace_bytes, std::unique_ptr<MatmulLibrary> library);
  ~CudaBackend() override;

  std::string description() const override { return description_; }
  DType activation() const override { return DType::bf16; }

  void* allocate(std::size_t bytes) override;
  void release(void* memory) override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void fill(void* to, int byte, std::size_t bytes) override;
  void synchronize() override;
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

  std::function<void()> record(std::function<void()> body) override;
  void set_deterministic(bool on) override { context_.deterministic = on; }

  /// The stream and the device's properties, for measurements.
  const Context& context() const { return context_; }

 private:
  std::string description_;
  Context context_;
  std::unique_ptr<MatmulLibrary> library_;
  std::unique_ptr<Staging> staging_;
  std::unordered_set<void*> owned_;  // what is not yet released
};

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
