#include "kernels/cpu/thread_pool.h"

namespace tokenfab::kernels::cpu {
namespace {

constexpr int kSpins = 4000;  // tens of microseconds: the gap between two operations of a step

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { serve(t); });
  } catch (...) {  // the system has room for no more
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stop_ = true;
  ++job_;
  job_.notify_all();
  for (std::thread& w : workers_) w.join();
}

void ThreadPool::work(int thread) {
  for (std::uint64_t ticket = ticket_.load(std::memory_order_acquire);;) {
    const Call call = call_.load(std::memory_order_relaxed);
    const void* context = context_.load(std::memory_order_relaxed);
    const auto part = static_cast<std::uint32_t>(ticket);
    if (part >= parts_.load(std::memory_order_relaxed)) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    call(context, part, thread);
    done_.fetch_add(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::serve(int thread) {
  for (std::uint32_t seen = 0; !stop_;) {
    int spins = 0;
    while (job_.load(std::memory_order_acquire) == seen && ++spins < kSpins) pause();
    if (spins == kSpins) job_.wait(seen);
    seen = job_.load(std::memory_order_acquire);
    work(thread);
  }
}

void ThreadPool::run_job(Call call, const void* context, std::uint32_t parts) {
  const std::uint64_t number = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  // Nobody claims a part while the fields change: the old job's parts are used up.
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  parts_.store(0, std::memory_order_relaxed);
  ticket_.store(number << 32, std::memory_order_release);
  parts_.store(parts, std::memory_order_release);
  ++job_;
  job_.notify_all();
  work(0);
  for (int spins = 0; done_.load(std::memory_order_acquire) < parts; ++spins)
    if (spins < kSpins) pause();
    else std::this_thread::yield();
}

}  // namespace tokenfab::kernels::cpu
