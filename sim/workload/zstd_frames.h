#pragma once
#include <cstdint>
#include <string_view>

namespace tokenfab {

/// Follows the frames and blocks of a zstd stream (RFC 8878, section 3.1) without decompressing it, to tell a cut
/// file from a whole one: the decompressor at hand takes both for the end.
class ZstdFrames {
 public:
  void feed(std::string_view bytes);
  /// The bytes so far end with a whole frame.
  bool whole() const { return state_ == State::magic && have_ == 0 && skip_ == 0; }

 private:
  enum class State { magic, skippable_size, descriptor, block_header };
  void step(std::uint32_t value);
  void expect(State state, int bytes, std::uint64_t skip_first = 0);

  State state_ = State::magic;
  int want_ = 4, have_ = 0;
  std::uint32_t value_ = 0;
  std::uint64_t skip_ = 0;
  bool checksum_ = false;
};

}  // namespace tokenfab
