#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

#include "kernels/cuda/context.h"

/// Runs CUDA-style kernels on the CPU: the threads of a block are fibers of one OS thread, blocks run one by one.
/// A barrier or warp operation that not all threads reach, a misaligned access and a write past the dynamic shared
/// memory are errors.
namespace tokenfab::kernels::cuda {
inline namespace emulated {

struct EmulatorError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The order in which the threads of a block get to run. A missing barrier shows in one of them; by default blocks
/// alternate between the two.
enum class ThreadOrder { alternating, forward, backward };
void set_thread_order(ThreadOrder order);

/// Runs `thread` once for each thread of the grid. Throws EmulatorError; the rest of the grid is then not run.
void run_grid(Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& thread);

// What follows is for the kernels, through platform.cuh.

inline constinit thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

/// slots[i] is what lane i passed.
using WarpOperation = void (*)(void* const* slots);

char* dynamic_shared();
void sync_threads();
void sync_warp();
/// Returns in each lane once all 32 lanes have called it with the same operation, which has then run once.
void warp_collective(WarpOperation operation, void* slot);

void copy_async16(void* shared, const void* global, bool valid);
void copy_async_commit();
void wait_copies(int allowed);

/// Stops the kernel with an error.
[[noreturn]] void fail(const char* what);
inline void require_aligned(const void* p) {
  if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0) fail("a 16-byte access is not aligned");
}

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
