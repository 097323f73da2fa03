#pragma once
#include <cstdint>

#include "sim/serving/executor.h"

namespace tokenfab {

inline constexpr Slot kNoSlot = UINT32_MAX;

/// What became of real pages, in the order in which it must be carried out. `page`: place in the slot's page table.
struct KvEvent {
  enum class Kind {
    reuse,    // the slot's page is the known page `id`
    copy,     // the slot's page is its own and starts as a copy of the known page `id`: it will be written into
    publish,  // the slot's own page becomes the known page `id`
    evict,    // the known page `id` is forgotten
    drop      // the slot gives up all its pages (known ones live on)
  };
  Kind kind;
  Slot slot;
  std::int64_t page, id;
};

/// What a request asks of the batcher. Slots are reused after release().
struct Sequence {
  std::int32_t input = 0, output = 0;
  std::int32_t generated = 0;  // tokens sampled, brought up to date when the sequence leaves a phase
  std::int32_t preemptions = 0;
  std::int32_t encoder = 0;    // prompt tokens that an encoder makes when it is admitted
  std::int32_t recorded = 0;   // prompt tokens that a cache held when the request was recorded
  std::int32_t cached = 0;     // prompt tokens not computed when it was first admitted, because a cache held them
  std::int64_t computed = 0;   // KV tokens in cache; exact while waiting or prefilling, at entry while decoding
  std::int64_t remaining = 0;  // quanta of output to come when it left its last phase
  std::int64_t entered = 0;    // progress at which it joined the decoding sequences
  Slot older = kNoSlot, newer = kNoSlot;  // running sequences in admission order
  std::uint32_t epoch = 0;                // outdates entries of the finish heap
  std::int64_t kept = 0;                  // blocks held after its end
  bool decoding = false;
  bool filling = false;  // decoding, and its attention window is not full
  bool arrived = false;  // waiting, and its cache comes with it
  bool running = false;
  bool swapped = false;  // waits with its cache in host memory: `computed` tokens
  std::uint8_t priority = 0;
  std::uint16_t variant = 0;
};

}  // namespace tokenfab
