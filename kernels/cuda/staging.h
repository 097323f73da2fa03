#pragma once
#include <array>
#include <cstddef>

#include "kernels/cuda/runtime.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Copies between pageable host memory and the device by way of page-locked memory, in stream order.
class Staging {
 public:
  explicit Staging(Stream stream);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// `from` may be reused on return.
  void upload(void* to, const void* from, std::size_t bytes);
  /// Waits.
  void download(void* to, const void* from, std::size_t bytes);

 private:
  static constexpr std::size_t kSlotBytes = std::size_t{4} << 20, kSlots = 4;

  /// Room for up to `bytes` (at least one) that no queued copy still reads; says how many.
  char* reserve(std::size_t bytes, std::size_t& got);
  void next_slot();

  Stream stream_;
  char* memory_ = nullptr;              // kSlots for uploads, one for downloads
  std::array<Event, kSlots> passed_{};  // the copies from a slot, as of when it was left
  std::size_t slot_ = 0, used_ = 0;
};

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
