#include "sim/workload/zstd_frames.h"

#include <algorithm>

namespace tokenfab {

void ZstdFrames::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      skip_ -= n;
      bytes.remove_prefix(n);
      continue;
    }
    value_ |= std::uint32_t{static_cast<unsigned char>(bytes[0])} << (8 * have_);
    bytes.remove_prefix(1);
    if (++have_ == want_) step(value_);
  }
}

void ZstdFrames::expect(State state, int bytes, std::uint64_t skip_first) {
  state_ = state;
  want_ = bytes;
  have_ = 0;
  value_ = 0;
  skip_ = skip_first;
}

void ZstdFrames::step(std::uint32_t value) {
  switch (state_) {
    case State::magic:
      if ((value & 0xFFFFFFF0u) == 0x184D2A50u) return expect(State::skippable_size, 4);
      return expect(State::descriptor, 1);
    case State::skippable_size:
      return expect(State::magic, 4, value);
    case State::descriptor: {
      const bool single_segment = value & 0x20;
      static constexpr std::uint64_t kDictionary[] = {0, 1, 2, 4}, kContent[] = {0, 2, 4, 8};
      std::uint64_t header = (single_segment ? 0 : 1) + kDictionary[value & 3] + kContent[value >> 6];
      if (single_segment && value >> 6 == 0) header += 1;
      checksum_ = value & 4;
      return expect(State::block_header, 3, header);
    }
    case State::block_header: {
      const bool last = value & 1, run_length = (value >> 1 & 3) == 1;
      const std::uint64_t size = run_length ? 1 : value >> 3;
      if (last) return expect(State::magic, 4, size + (checksum_ ? 4 : 0));
      return expect(State::block_header, 3, size);
    }
  }
}

}  // namespace tokenfab
