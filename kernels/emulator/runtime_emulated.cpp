#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <vector>

#include "kernels/cuda/runtime.h"
#include "kernels/emulator/machine.h"
#include "kernels/emulator/runtime_hooks.h"

namespace tokenfab::kernels::cuda {
inline namespace emulated {

struct OpaqueStream {
  Graph* recording = nullptr;
};
struct Graph {
  std::vector<std::function<void()>> work;
};
struct OpaqueEvent {
  std::chrono::steady_clock::time_point at;
};

namespace {

constexpr std::size_t kGuard = 256;  // bytes on each side; also the alignment
constexpr unsigned char kGuardByte = 0xa5;

/// All live device memory, by the address that the caller has.
struct Heap {
  std::mutex mutex;
  std::map<char*, std::size_t> blocks;
};
Heap& heap() {
  static Heap instance;
  return instance;
}

bool guards_intact(const char* memory, std::size_t bytes) {
  const auto intact = [](const char* from) {
    return std::all_of(from, from + kGuard, [](char c) { return static_cast<unsigned char>(c) == kGuardByte; });
  };
  return intact(memory - kGuard) && intact(memory + bytes);
}

void check_guards() {
  Heap& h = heap();
  const std::lock_guard lock(h.mutex);
  for (const auto& [memory, bytes] : h.blocks)
    if (!guards_intact(memory, bytes)) throw EmulatorError("emulator: a write outside of allocated memory");
}

}  // namespace

void submit(Stream stream, std::function<void()> work) {
  if (stream && stream->recording) stream->recording->work.push_back(std::move(work));
  else work();
}

int device_count(std::string&) { return 1; }
DeviceInfo device_info() {
  DeviceInfo info;
  info.name = "emulator";
  info.compute_capability = 80;
  info.multiprocessors = 4;
  info.l2_bytes = std::size_t{1} << 20;
  info.total_bytes = info.free_bytes = std::size_t{1} << 30;
  return info;
}

void* allocate(std::size_t bytes) {
  const std::size_t total = (bytes + 3 * kGuard - 1) / kGuard * kGuard;
  auto* memory = static_cast<char*>(std::aligned_alloc(kGuard, total));
  if (!memory) throw std::bad_alloc();
  std::memset(memory, kGuardByte, total);
  std::memset(memory + kGuard, 0xff, bytes);  // NaN in every float format
  Heap& h = heap();
  const std::lock_guard lock(h.mutex);
  h.blocks[memory + kGuard] = bytes;
  return memory + kGuard;
}
void release(void* memory) {
  if (!memory) return;
  Heap& h = heap();
  const std::lock_guard lock(h.mutex);
  const auto found = h.blocks.find(static_cast<char*>(memory));
  if (found == h.blocks.end()) throw EmulatorError("emulator: release of what was not allocated");
  const bool intact = guards_intact(found->first, found->second);
  std::free(found->first - kGuard);
  h.blocks.erase(found);
  if (!intact) throw EmulatorError("emulator: a write outside of allocated memory");
}

Stream create_stream() { return new OpaqueStream; }
void destroy_stream(Stream stream) { delete stream; }
void synchronize(Stream) { check_guards(); }

void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes) {
  submit(stream, [=] { std::memcpy(to, host, bytes); });
}
void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes) {
  submit(stream, [=] { std::memcpy(host, from, bytes); });
}
void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes) {
  submit(stream, [=] { std::memmove(to, from, bytes); });
}
void fill(Stream stream, void* to, int byte, std::size_t bytes) {
  submit(stream, [=] { std::memset(to, byte, bytes); });
}

void* allocate_host(std::size_t bytes) { return ::operator new(bytes); }
void release_host(void* memory) { ::operator delete(memory); }

Graph* record_graph(Stream stream, const std::function<void()>& body) {
  auto graph = std::make_unique<Graph>();
  struct Recording {
    Stream stream;
    ~Recording() { stream->recording = nullptr; }
  } recording{stream};
  stream->recording = graph.get();
  body();
  return graph.release();
}
void launch_graph(Graph* graph, Stream) {
  for (const auto& work : graph->work) work();
}
void destroy_graph(Graph* graph) { delete graph; }

Event create_event() { return new OpaqueEvent; }
void destroy_event(Event event) { delete event; }
void record_event(Event event, Stream) { event->at = std::chrono::steady_clock::now(); }
void synchronize(Event) {}
float elapsed_ms(Event from, Event to) { return std::chrono::duration<float, std::milli>(to->at - from->at).count(); }

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
