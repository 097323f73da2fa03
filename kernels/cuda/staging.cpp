#include "kernels/cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

Staging::Staging(Stream stream) : stream_(stream) {
  memory_ = static_cast<char*>(allocate_host((kSlots + 1) * kSlotBytes));
  for (Event& event : passed_) {
    event = create_event();
    record_event(event, stream_);
  }
}

Staging::~Staging() {
  try {
    synchronize(stream_);
    for (Event event : passed_) destroy_event(event);
    release_host(memory_);
  } catch (...) {  // the device is lost, and its memory with it
  }
}

void Staging::next_slot() {
  record_event(passed_[slot_], stream_);
  slot_ = (slot_ + 1) % kSlots;
  synchronize(passed_[slot_]);
  used_ = 0;
}

char* Staging::reserve(std::size_t bytes, std::size_t& got) {
  if (used_ == kSlotBytes) next_slot();
  got = std::min(bytes, kSlotBytes - used_);
  char* at = memory_ + slot_ * kSlotBytes + used_;
  used_ = std::min(kSlotBytes, (used_ + got + 255) / 256 * 256);
  return at;
}

void Staging::upload(void* to, const void* from, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    std::size_t part = 0;
    char* staged = reserve(bytes - done, part);
    std::memcpy(staged, static_cast<const char*>(from) + done, part);
    copy_to_device(stream_, static_cast<char*>(to) + done, staged, part);
    done += part;
  }
}

void Staging::download(void* to, const void* from, std::size_t bytes) {
  char* staged = memory_ + kSlots * kSlotBytes;
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t part = std::min(bytes - done, kSlotBytes);
    copy_to_host(stream_, staged, static_cast<const char*>(from) + done, part);
    synchronize(stream_);
    std::memcpy(static_cast<char*>(to) + done, staged, part);
    done += part;
  }
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
