#include <algorithm>
#include <new>

#include "kernels/cuda/platform.cuh"
#include "kernels/cuda/runtime.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

cudaStream_t native(Stream stream) { return reinterpret_cast<cudaStream_t>(stream); }
cudaEvent_t native(Event event) { return reinterpret_cast<cudaEvent_t>(event); }

int attribute(cudaDeviceAttr which) {
  int value = 0;
  check_cuda(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
  return value;
}

}  // namespace

struct Graph {
  cudaGraphExec_t executable = nullptr;
};

int device_count(std::string& why) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();  // clears it
  why = status == cudaErrorInsufficientDriver ? "no NVIDIA driver, or one older than this build's CUDA"
        : status == cudaErrorNoDevice || status == cudaSuccess
            ? "no NVIDIA GPU"
            : std::string("CUDA does not start: ") + cudaGetErrorName(status);
  return 0;
}

DeviceInfo device_info() {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  DeviceInfo info;
  info.name = properties.name;
  info.compute_capability = 10 * properties.major + properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  info.clock_khz = attribute(cudaDevAttrClockRate);
  info.memory_clock_khz = attribute(cudaDevAttrMemoryClockRate);
  info.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
  check_cuda(cudaDriverGetVersion(&info.driver_version), "cudaDriverGetVersion");
  check_cuda(cudaRuntimeGetVersion(&info.runtime_version), "cudaRuntimeGetVersion");
  check_cuda(cudaMemGetInfo(&info.free_bytes, &info.total_bytes), "cudaMemGetInfo");
  return info;
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw std::bad_alloc();
  }
  check_cuda(status, "cudaMalloc");
  return memory;
}
void release(void* memory) { check_cuda(cudaFree(memory), "cudaFree"); }

Stream create_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return reinterpret_cast<Stream>(stream);
}
void destroy_stream(Stream stream) { check_cuda(cudaStreamDestroy(native(stream)), "cudaStreamDestroy"); }
void synchronize(Stream stream) { check_cuda(cudaStreamSynchronize(native(stream)), "cudaStreamSynchronize"); }

void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, native(stream)), "copy to the device");
}
void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, native(stream)), "copy to the host");
}
void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, native(stream)), "copy on the device");
}
void fill(Stream stream, void* to, int byte, std::size_t bytes) {
  check_cuda(cudaMemsetAsync(to, byte, bytes, native(stream)), "cudaMemsetAsync");
}

void* allocate_host(std::size_t bytes) {
  void* memory = nullptr;
  if (cudaMallocHost(&memory, bytes) != cudaSuccess) {
    cudaGetLastError();
    throw std::bad_alloc();
  }
  return memory;
}
void release_host(void* memory) { check_cuda(cudaFreeHost(memory), "cudaFreeHost"); }

Graph* record_graph(Stream stream, const std::function<void()>& body) {
  check_cuda(cudaStreamBeginCapture(native(stream), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    body();
  } catch (...) {
    cudaStreamEndCapture(native(stream), &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  check_cuda(cudaStreamEndCapture(native(stream), &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check_cuda(status, "cudaGraphInstantiate");
  return new Graph{executable};
}
void launch_graph(Graph* graph, Stream stream) {
  check_cuda(cudaGraphLaunch(graph->executable, native(stream)), "cudaGraphLaunch");
}
void destroy_graph(Graph* graph) {
  if (!graph) return;
  cudaGraphExecDestroy(graph->executable);
  delete graph;
}

Event create_event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreate(&event), "cudaEventCreate");
  return reinterpret_cast<Event>(event);
}
void destroy_event(Event event) { check_cuda(cudaEventDestroy(native(event)), "cudaEventDestroy"); }
void record_event(Event event, Stream stream) {
  check_cuda(cudaEventRecord(native(event), native(stream)), "cudaEventRecord");
}
void synchronize(Event event) { check_cuda(cudaEventSynchronize(native(event)), "cudaEventSynchronize"); }
float elapsed_ms(Event from, Event to) {
  float ms = 0;
  check_cuda(cudaEventSynchronize(native(to)), "cudaEventSynchronize");
  check_cuda(cudaEventElapsedTime(&ms, native(from), native(to)), "cudaEventElapsedTime");
  return ms;
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
