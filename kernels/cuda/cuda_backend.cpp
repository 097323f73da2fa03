#include "kernels/cuda/cuda_backend.h"

#include <stdexcept>
#include <vector>

#include "kernels/cuda/launchers.h"
#include "kernels/cuda/pack_int4.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

std::size_t data_bytes(const Weight& w) {
  return static_cast<std::size_t>(w.type == DType::i4 ? packed_data_bytes(w.n, w.k)
                                                      : w.n * w.k * bits_per_value(w.type) / 8);
}

std::size_t scale_bytes(const Weight& w) {
  if (w.type == DType::i4) return static_cast<std::size_t>(packed_scale_bytes(w.n, w.k));
  return w.type == DType::e4m3 || w.type == DType::i8 ? static_cast<std::size_t>(w.n) * sizeof(float) : 0;
}

}  // namespace

CudaBackend::CudaBackend(std::size_t workspace_bytes, std::unique_ptr<MatmulLibrary> library)
    : library_(std::move(library)) {
  const DeviceInfo info = device_info();
  description_ = info.name;
  context_.multiprocessors = info.multiprocessors;
  context_.compute_capability = info.compute_capability;
  context_.programmatic = info.compute_capability >= 90;
  context_.library = library_.get();
  context_.stream = create_stream();
  context_.workspace = allocate(workspace_bytes);
  context_.workspace_bytes = workspace_bytes;
  staging_ = std::make_unique<Staging>(context_.stream);
}

CudaBackend::~CudaBackend() {
  staging_.reset();
  library_.reset();
  try {
    for (void* memory : owned_) cuda::release(memory);
    destroy_stream(context_.stream);
  } catch (...) {  // the device is lost, and its memory with it
  }
}

void* CudaBackend::allocate(std::size_t bytes) {
  void* memory = cuda::allocate(bytes);
  owned_.insert(memory);
  return memory;
}
void CudaBackend::release(void* memory) {
  if (!memory) return;
  owned_.erase(memory);
  synchronize();
  cuda::release(memory);
}
void CudaBackend::upload(void* to, const void* from, std::size_t bytes) { staging_->upload(to, from, bytes); }
void CudaBackend::download(void* to, const void* from, std::size_t bytes) { staging_->download(to, from, bytes); }
void CudaBackend::fill(void* to, int byte, std::size_t bytes) { cuda::fill(context_.stream, to, byte, bytes); }
double CudaBackend::available_bytes() const { return static_cast<double>(device_info().free_bytes); }
void CudaBackend::synchronize() { cuda::synchronize(context_.stream); }

Weight CudaBackend::load(const HostWeight& weight, int count) {
  Weight loaded = weight;
  const std::size_t data = data_bytes(weight), scales = scale_bytes(weight);
  const auto matrices = static_cast<std::size_t>(count);
  auto* to = static_cast<char*>(allocate(matrices * data));
  auto* scales_to = scales > 0 ? static_cast<char*>(allocate(matrices * scales)) : nullptr;
  loaded.data = to;
  loaded.scales = scales_to;
  if (weight.type != DType::i4) {
    upload(to, weight.data, matrices * data);
    if (scales > 0) upload(scales_to, weight.scales, matrices * scales);
    return loaded;
  }
  std::vector<std::uint8_t> packed(data);
  std::vector<std::uint16_t> packed_scales(scales / 2);
  const std::int64_t n = weight.n, k = weight.k;
  for (std::size_t i = 0; i < matrices; ++i) {
    pack_int4(static_cast<const std::uint8_t*>(weight.data) + i * static_cast<std::size_t>(n * k / 2), n, k,
              packed.data());
    pack_int4_scales(
        static_cast<const std::uint16_t*>(weight.scales) + i * static_cast<std::size_t>(n * (k / kInt4Group)), n, k,
        packed_scales.data());
    upload(to + i * data, packed.data(), data);
    upload(scales_to + i * scales, packed_scales.data(), scales);
  }
  return loaded;
}

Weight CudaBackend::part(const Weight& loaded, int i) const {
  Weight w = loaded;
  const auto index = static_cast<std::size_t>(i);
  w.data = static_cast<const char*>(w.data) + index * data_bytes(w);
  if (w.scales) w.scales = static_cast<const char*>(w.scales) + index * scale_bytes(w);
  return w;
}

void CudaBackend::embed(const EmbedArgs& a) { cuda::embed(context_, a); }
void CudaBackend::gather(const GatherArgs& a) { cuda::gather(context_, a); }
void CudaBackend::matmul(const MatmulArgs& a) { cuda::matmul(context_, a); }
void CudaBackend::rms_norm(const RmsNormArgs& a) { cuda::rms_norm(context_, a); }
void CudaBackend::rope_append(const RopeAppendArgs& a) { cuda::rope_append(context_, a); }
void CudaBackend::attention(const AttentionArgs& a) { cuda::attention(context_, a); }
void CudaBackend::swiglu(const SwigluArgs& a) { cuda::swiglu(context_, a); }
void CudaBackend::moe_route(const MoeRouteArgs& a) { cuda::moe_route(context_, a); }
void CudaBackend::grouped_matmul(const GroupedMatmulArgs& a) { cuda::grouped_matmul(context_, a); }
void CudaBackend::moe_combine(const MoeCombineArgs& a) { cuda::moe_combine(context_, a); }
void CudaBackend::sample(const SampleArgs& a) { cuda::sample(context_, a); }
void CudaBackend::verify(const VerifyArgs& a) { cuda::verify(context_, a); }
void CudaBackend::copy_kv(const CopyKvArgs& a) { cuda::copy_kv(context_, a); }

std::function<void()> CudaBackend::record(std::function<void()> body) {
  struct Recording {
    bool& flag;
    explicit Recording(bool& f) : flag(f) { flag = true; }
    ~Recording() { flag = false; }
  };
  std::shared_ptr<Graph> graph;
  {
    const Recording recording(context_.recording);
    graph.reset(record_graph(context_.stream, body), destroy_graph);
  }
  return [graph, stream = context_.stream] { launch_graph(graph.get(), stream); };
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
