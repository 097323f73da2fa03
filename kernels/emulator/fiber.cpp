#include "kernels/emulator/fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define TF_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TF_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(TF_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace tokenfab::kernels::cuda {
inline namespace emulated {

namespace {

using boost::context::detail::transfer_t;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kEntryBytes = 32 * 1024;  // more than a thread's outermost frames take

// The sanitizer must be told of every change of stacks.
void before_switch([[maybe_unused]] void** save, [[maybe_unused]] const Fiber& to) {
#if defined(TF_ADDRESS_SANITIZER)
  __sanitizer_start_switch_fiber(save, to.stack, to.stack_bytes);
#endif
}

void after_switch([[maybe_unused]] void* saved, [[maybe_unused]] Fiber* from) {
#if defined(TF_ADDRESS_SANITIZER)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(saved, &bottom, &bytes);
  from->stack = const_cast<void*>(bottom);  // how the scheduler's own stack is learned
  from->stack_bytes = bytes;
#endif
}

// Frames that were left without a return keep their marks.
void forget_frames([[maybe_unused]] const void* stack, [[maybe_unused]] std::size_t bytes) {
#if defined(TF_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(stack, bytes);
#endif
}

}  // namespace

void prepare(Fiber& fiber, int colour, void (*entry)(transfer_t)) {
  if (!fiber.stack) {
    void* memory =
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, kPage, PROT_NONE);  // an overflow faults
    fiber.stack = memory;
    fiber.stack_bytes = kStackBytes;
  }
  char* top = static_cast<char*>(fiber.stack) + kStackBytes - (colour % 32) * 320;
  fiber.sanitizer_stack = nullptr;
  forget_frames(static_cast<char*>(fiber.stack) + kStackBytes - kEntryBytes, kEntryBytes);
  fiber.context = boost::context::detail::make_fcontext(top, kStackBytes / 2, entry);
}

void release_stack(Fiber& fiber) {
  if (!fiber.stack) return;
  forget_frames(static_cast<char*>(fiber.stack) + kPage, kStackBytes - kPage);
  munmap(fiber.stack, kStackBytes);
  fiber.stack = nullptr;
}

void arrive(transfer_t transfer, Fiber* self) {
  auto* from = static_cast<Fiber*>(transfer.data);
  from->context = transfer.fctx;
  after_switch(self->sanitizer_stack, from);
}

void switch_fiber(Fiber& from, Fiber& to) {
  before_switch(&from.sanitizer_stack, to);
  arrive(boost::context::detail::jump_fcontext(to.context, &from), &from);
}

void leave_fiber(Fiber& from, Fiber& to) {
  before_switch(nullptr, to);
  boost::context::detail::jump_fcontext(to.context, &from);
  std::abort();
}

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
