#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace tokenfab::kernels::cpu {

/// Threads for short parallel loops. The caller works too, and waits only for parts that another thread has begun: a
/// thread that the system has put aside delays nothing that it has not taken (a barrier over all threads would wait for
/// it). One loop at a time.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(part, thread) for every part in [0, parts), in any order. Bodies must not throw.
  template <class Body>
  void run(std::uint32_t parts, const Body& body) {
    if (parts <= 1 || workers_.empty()) {
      for (std::uint32_t p = 0; p < parts; ++p) body(p, 0);
      return;
    }
    run_job(
        [](const void* context, std::uint32_t part, int thread) { (*static_cast<const Body*>(context))(part, thread); },
        &body, parts);
  }

 private:
  using Call = void (*)(const void* context, std::uint32_t part, int thread);
  void run_job(Call call, const void* context, std::uint32_t parts);
  void work(int thread);
  void stop();
  void serve(int thread);

  // The ticket holds the job's number above and its next part below; a part is claimed by compare-and-swap, which fails
  // where the job has changed meanwhile, so fields read too early or too late are never used.
  std::atomic<std::uint64_t> ticket_{0};
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<std::uint32_t> parts_{0}, done_{0}, job_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace tokenfab::kernels::cpu
