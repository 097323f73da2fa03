#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "kernels/cuda/context.h"

/// The little of the CUDA runtime that the engine needs; the emulated build implements it in host memory. Failures
/// throw std::runtime_error with the error's name, a lack of memory std::bad_alloc.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Number of devices; 0 with a reason where there is none, or no driver for one.
int device_count(std::string& why);

struct DeviceInfo {
  std::string name;
  int compute_capability = 0;  // 10 * major + minor
  int multiprocessors = 0;
  int clock_khz = 0, memory_clock_khz = 0;      // rated, 0 where unknown
  int driver_version = 0, runtime_version = 0;  // 1000 * major + 10 * minor
  std::size_t l2_bytes = 0, total_bytes = 0, free_bytes = 0;
};
DeviceInfo device_info();

void* allocate(std::size_t bytes);
void release(void* memory);

Stream create_stream();
void destroy_stream(Stream stream);
void synchronize(Stream stream);

/// Queued copies. `host` must stay as it is until the stream has passed the copy, unless the memory is pageable and the
/// implementation stages it; Staging makes this safe.
void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes);
void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes);
void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes);
void fill(Stream stream, void* to, int byte, std::size_t bytes);

/// Page-locked host memory.
void* allocate_host(std::size_t bytes);
void release_host(void* memory);

struct Graph;
/// What `body` queues on the stream is recorded, not run. Nothing stays recorded where `body` throws.
Graph* record_graph(Stream stream, const std::function<void()>& body);
void launch_graph(Graph* graph, Stream stream);
void destroy_graph(Graph* graph);

struct OpaqueEvent;
using Event = OpaqueEvent*;
Event create_event();
void destroy_event(Event event);
void record_event(Event event, Stream stream);
void synchronize(Event event);  // waits until the stream has passed it
/// Waits for the later one.
float elapsed_ms(Event from, Event to);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
