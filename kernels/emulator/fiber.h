#pragma once
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <vector>

#include "kernels/cuda/context.h"

namespace tokenfab::kernels::cuda {
inline namespace emulated {

struct PendingCopy {
  void* to;
  const void* from;  // null: zeros
};

/// One thread of a block, or the scheduler.
struct Fiber {
  boost::context::detail::fcontext_t context = nullptr;
  void* stack = nullptr;  // lowest address
  std::size_t stack_bytes = 0;
  void* sanitizer_stack = nullptr;
  Dim3 index;
  int lane = 0, warp = 0;
  std::vector<PendingCopy> copies;  // oldest first
  std::vector<std::size_t> groups;  // sizes of the committed groups, oldest first
  std::size_t uncommitted = 0;
};

inline constexpr std::size_t kStackBytes = 256 * 1024;

/// Gives the fiber a stack (once) and makes `entry` what it runs when it is next switched to. `colour` shifts the
/// stack's start, so that the stacks of a warp do not share cache sets.
void prepare(Fiber& fiber, int colour, void (*entry)(boost::context::detail::transfer_t));
void release_stack(Fiber& fiber);

/// Stops `from` and continues `to`; returns when something switches back.
void switch_fiber(Fiber& from, Fiber& to);
/// To be called first by a fiber's entry with what it was given.
void arrive(boost::context::detail::transfer_t transfer, Fiber* self);
/// switch_fiber() for a fiber that will not be continued.
[[noreturn]] void leave_fiber(Fiber& from, Fiber& to);

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
