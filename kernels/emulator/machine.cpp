#include "kernels/emulator/machine.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/emulator/fiber.h"

namespace tokenfab::kernels::cuda {
inline namespace emulated {

namespace {

using boost::context::detail::transfer_t;

constexpr unsigned kWarpThreads = 32, kMaxThreads = 1024;
constexpr std::size_t kMaxShared = 227 * 1024, kSharedGuard = 1024;
constexpr unsigned char kGuardByte = 0xa5;

struct Warp {
  std::array<void*, kWarpThreads> slots{};
  WarpOperation operation = nullptr;
  unsigned arrived = 0, size = 0;
};

/// The block that runs on this OS thread.
struct Machine {
  std::vector<Fiber> fibers = std::vector<Fiber>(kMaxThreads);
  std::array<Warp, kMaxThreads / kWarpThreads> warps;
  std::array<Fiber*, kMaxThreads> ready{};  // a ring: a thread is in it at most once
  unsigned first_ready = 0, ready_count = 0;
  std::vector<Fiber*> at_barrier;
  unsigned threads = 0, exited = 0, block_number = 0;
  Fiber scheduler;
  Fiber* current = nullptr;
  const std::function<void()>* body = nullptr;
  std::string error;
  std::unique_ptr<char[]> shared_memory = std::make_unique<char[]>(kMaxShared + 2 * kSharedGuard);

  ~Machine() { release_stacks(); }
  void release_stacks() {
    for (Fiber& fiber : fibers) release_stack(fiber);
  }
  char* shared() {
    const auto at = reinterpret_cast<std::uintptr_t>(shared_memory.get());
    return shared_memory.get() + (kSharedGuard - at % kSharedGuard);
  }
  void make_ready(Fiber* fiber) { ready[(first_ready + ready_count++) % kMaxThreads] = fiber; }
};

Machine& machine() {
  static thread_local Machine instance;
  return instance;
}

thread_local ThreadOrder thread_order = ThreadOrder::alternating;

std::string block_name() {
  return "block (" + std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ", " +
         std::to_string(blockIdx.z) + ")";
}

std::string deadlock(const Machine& m) {
  const auto waiting = m.threads - m.exited - static_cast<unsigned>(m.at_barrier.size());
  return "deadlock in " + block_name() + ": " + std::to_string(m.at_barrier.size()) + " threads wait at a barrier, " +
         std::to_string(waiting) + " at a warp operation, " + std::to_string(m.exited) + " have ended";
}

/// The next thread that can go on; the scheduler when none can.
Fiber& take_next(Machine& m) {
  if (m.ready_count == 0) {
    if (m.exited < m.threads && m.error.empty()) m.error = deadlock(m);
    m.current = &m.scheduler;
    return m.scheduler;
  }
  Fiber* next = m.ready[m.first_ready];
  m.first_ready = (m.first_ready + 1) % kMaxThreads;
  --m.ready_count;
  m.current = next;
  threadIdx = next->index;
  return *next;
}

void wait_in(Machine& m) {
  Fiber& self = *m.current;
  switch_fiber(self, take_next(m));
}

void thread_entry(transfer_t transfer) {
  Machine& m = machine();
  arrive(transfer, m.current);
  Fiber& self = *m.current;
  try {
    (*m.body)();
  } catch (const std::exception& e) {
    fail(e.what());
  }
  ++m.exited;
  leave_fiber(self, take_next(m));
}

void prepare_threads(Machine& m, bool backward) {
  m.first_ready = m.ready_count = m.exited = 0;
  m.at_barrier.clear();
  for (unsigned i = 0; i < m.threads; ++i) {
    const unsigned t = backward ? m.threads - 1 - i : i;
    Fiber& fiber = m.fibers[t];
    fiber.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
    fiber.lane = static_cast<int>(t % kWarpThreads);
    fiber.warp = static_cast<int>(t / kWarpThreads);
    fiber.copies.clear();
    fiber.groups.clear();
    fiber.uncommitted = 0;
    prepare(fiber, fiber.lane, thread_entry);
    m.make_ready(&fiber);
  }
  for (unsigned w = 0; w * kWarpThreads < m.threads; ++w) {
    m.warps[w].arrived = 0;
    m.warps[w].size = std::min(kWarpThreads, m.threads - w * kWarpThreads);
  }
}

void run_block(Machine& m, std::size_t shared_bytes) {
  std::memset(m.shared(), 0xff, shared_bytes);  // NaN in every float format
  std::memset(m.shared() + shared_bytes, kGuardByte, kSharedGuard);
  const bool alternate = thread_order == ThreadOrder::alternating && m.block_number++ % 2 == 1;
  prepare_threads(m, alternate || thread_order == ThreadOrder::backward);
  switch_fiber(m.scheduler, take_next(m));
  for (std::size_t i = 0; i < kSharedGuard && m.error.empty(); ++i)
    if (static_cast<unsigned char>(m.shared()[shared_bytes + i]) != kGuardByte)
      m.error = "a write past the dynamic shared memory in " + block_name();
  if (!m.error.empty()) throw EmulatorError("emulator: " + m.error);
}

void check_launch(const Machine& m, Dim3 grid, Dim3 block, std::size_t shared_bytes) {
  if (m.current) throw EmulatorError("emulator: a launch from within a kernel");
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kMaxThreads || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu ||
      grid.y > 65535 || grid.z > 65535 || shared_bytes > kMaxShared)
    throw EmulatorError("emulator: invalid launch configuration");
}

}  // namespace

void set_thread_order(ThreadOrder order) { thread_order = order; }

void run_grid(Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& thread) {
  Machine& m = machine();
  check_launch(m, grid, block, dynamic_shared_bytes);
  struct Done {
    Machine& m;
    ~Done() {
      m.current = nullptr;
      if (!m.error.empty()) m.release_stacks();  // threads were abandoned midway
      m.error.clear();
    }
  } done{m};
  m.body = &thread;
  m.threads = block.x * block.y * block.z;
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        run_block(m, dynamic_shared_bytes);
      }
}

void fail(const char* what) {
  Machine& m = machine();
  const Dim3 t = threadIdx;
  m.error = std::string(what) + " in " + block_name() + ", thread (" + std::to_string(t.x) + ", " +
            std::to_string(t.y) + ", " + std::to_string(t.z) + ")";
  Fiber& self = *m.current;
  m.current = &m.scheduler;
  leave_fiber(self, m.scheduler);
}

char* dynamic_shared() { return machine().shared(); }

void sync_threads() {
  Machine& m = machine();
  if (m.at_barrier.size() + 1 < m.threads) {
    m.at_barrier.push_back(m.current);
    return wait_in(m);
  }
  for (Fiber* fiber : m.at_barrier) m.make_ready(fiber);
  m.at_barrier.clear();
}

void warp_collective(WarpOperation operation, void* slot) {
  Machine& m = machine();
  Fiber& self = *m.current;
  Warp& warp = m.warps[static_cast<std::size_t>(self.warp)];
  if (warp.arrived == 0) warp.operation = operation;
  if (warp.operation != operation) fail("the lanes of a warp are at different warp operations");
  warp.slots[static_cast<std::size_t>(self.lane)] = slot;
  if (++warp.arrived < warp.size) return wait_in(m);
  if (operation) {
    if (warp.size < kWarpThreads) fail("a warp operation in a warp of fewer than 32 threads");
    operation(warp.slots.data());
  }
  warp.arrived = 0;
  for (unsigned i = 0; i < warp.size; ++i) {
    Fiber& fiber = m.fibers[static_cast<std::size_t>(self.warp) * kWarpThreads + i];
    if (&fiber != &self) m.make_ready(&fiber);
  }
}

void sync_warp() { warp_collective(nullptr, nullptr); }

// A copy takes place only when it is waited for, and what it will overwrite is spoilt at once: both a missing wait and
// a buffer that is refilled while still in use give wrong results.
void copy_async16(void* shared, const void* global, bool valid) {
  require_aligned(shared);
  if (valid) require_aligned(global);
  Fiber& self = *machine().current;
  std::memset(shared, 0xff, 16);
  self.copies.push_back({shared, valid ? global : nullptr});
  ++self.uncommitted;
}

void copy_async_commit() {
  Fiber& self = *machine().current;
  self.groups.push_back(self.uncommitted);
  self.uncommitted = 0;
}

void wait_copies(int allowed) {
  Fiber& self = *machine().current;
  std::size_t groups = 0, copies = 0;
  while (self.groups.size() - groups > static_cast<std::size_t>(allowed)) copies += self.groups[groups++];
  for (std::size_t i = 0; i < copies; ++i) {
    const PendingCopy& copy = self.copies[i];
    if (copy.from) std::memcpy(copy.to, copy.from, 16);
    else std::memset(copy.to, 0, 16);
  }
  self.copies.erase(self.copies.begin(), self.copies.begin() + static_cast<std::ptrdiff_t>(copies));
  self.groups.erase(self.groups.begin(), self.groups.begin() + static_cast<std::ptrdiff_t>(groups));
}

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
