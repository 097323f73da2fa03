// The batcher's counts and the engine's real pages agree, step by step, over random loads with shared prefixes.
#include <map>
#include <set>

#include "base/rng.h"
#include "engine/kv_pages.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::engine;

namespace {

struct Load {
  BatcherSpec spec;
  int requests = 60;
};

Load random_load(RandomStream& random) {
  Load load;
  load.spec.policy = random.below(2) ? "chunked" : "prefill-first";
  load.spec.kv_block_tokens = static_cast<std::int32_t>(1 + random.below(9));
  load.spec.kv_blocks = static_cast<std::int64_t>(160 / load.spec.kv_block_tokens + random.below(40));
  load.spec.max_sequences = static_cast<std::int64_t>(1 + random.below(12));
  load.spec.token_budget = load.spec.policy == "chunked" ? static_cast<std::int64_t>(16 + random.below(64)) : 200;
  load.spec.draft_tokens = static_cast<std::int32_t>(random.below(4));
  load.spec.watermark_blocks = static_cast<std::int64_t>(random.below(3));
  load.spec.prefix_cache = random.below(4) > 0;
  load.spec.log_kv = true;
  return load;
}

class Driver {
 public:
  Driver(const Load& load, RandomStream& random)
      : load_(load),
        random_(random),
        batcher_(Batcher::make(load.spec)),
        pages_(load.spec.kv_blocks, load.spec.kv_block_tokens) {}

  void run() {
    int offered = 0;
    while (offered < load_.requests || batcher_->waiting() + batcher_->running() > 0) {
      while (offered < load_.requests && random_.below(3) > 0) offer(offered++);
      if (!batcher_->plan().empty()) step();
    }
    pages_.apply(batcher_->take_kv_events());
    CHECK(served_ == accepted_);
    CHECK(batcher_->kv().free() == load_.spec.kv_blocks);
    CHECK(pages_.free() + batcher_->unused_known_pages() == load_.spec.kv_blocks);
  }
  std::int64_t reused() const { return batcher_->reused_tokens(); }
  std::int64_t preemptions() const { return batcher_->preemptions(); }

 private:
  void offer(int id) {
    const auto input = static_cast<std::int32_t>(1 + random_.below(60)),
               output = static_cast<std::int32_t>(1 + random_.below(30));
    Slot slot = kNoSlot;
    if (batcher_->enqueue(input, output, slot) != Batcher::Verdict::accepted) return;
    ++accepted_;
    if (!load_.spec.prefix_cache) return;
    // A few families of prompts; within one, the first `common` tokens are shared.
    const std::uint64_t family = random_.below(3), common = random_.below(60);
    std::vector<std::uint64_t> hashes;
    for (std::int32_t end = load_.spec.kv_block_tokens; end <= input; end += load_.spec.kv_block_tokens)
      hashes.push_back(static_cast<std::uint64_t>(end) <= common
                           ? family * 1000 + static_cast<std::uint64_t>(end)
                           : 1'000'000 + static_cast<std::uint64_t>(id) * 1000 + static_cast<std::uint64_t>(end));
    batcher_->set_prefix(slot, hashes);
  }

  void step() {
    pages_.apply(batcher_->take_kv_events());
    std::map<Slot, std::int64_t> needs;  // tokens in the table after this step, drafts included
    std::vector<std::pair<Slot, std::int64_t>> decoding;
    batcher_->each_decoding([&](Slot s, std::int64_t cached) { decoding.emplace_back(s, cached); });
    for (const auto& [slot, cached] : decoding) needs[slot] = cached + 1 + load_.spec.draft_tokens;
    for (const Batcher::Chunk& c : batcher_->chunks()) needs[c.slot] = c.from + c.tokens;
    std::multiset<std::int32_t> owned;
    for (const auto& [slot, tokens] : needs)
      for (const std::int32_t page : pages_.table(slot, tokens)) owned.insert(page);
    CHECK(pages_.free() == batcher_->kv().free() - batcher_->unused_known_pages());
    if (!load_.spec.prefix_cache)
      for (const std::int32_t page : owned) REQUIRE(owned.count(page) == 1);
    for (const auto& [slot, cached] : decoding) {
      const Sequence& s = batcher_->sequence(slot);
      const std::int64_t left = s.input + s.output - cached - 1;
      const auto gained = static_cast<std::int32_t>(
          random_.below(static_cast<std::uint64_t>(std::min<std::int64_t>(load_.spec.draft_tokens, left - 1)) + 1));
      batcher_->gain(slot, gained);
      pages_.trim(slot, cached + 1 + gained);
    }
    batcher_->complete(1);
    batcher_->check();
    for (const Slot slot : batcher_->finished()) {
      ++served_;
      batcher_->release(slot);
    }
  }

  Load load_;
  RandomStream& random_;
  std::unique_ptr<Batcher> batcher_;
  KvPages pages_;
  int accepted_ = 0, served_ = 0;
};

}  // namespace

TEST_CASE("pages and counts agree over random loads, with sharing, copies, eviction, preemption and drafts") {
  std::int64_t reused = 0, preempted = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    RandomStream random(seed, 0, StreamPurpose::speculation);
    Driver driver(random_load(random), random);
    driver.run();
    reused += driver.reused();
    preempted += driver.preemptions();
  }
  CHECK(reused > 1000);
  CHECK(preempted > 100);
}

TEST_CASE("the prefix index forgets the block that has been unused longest, never one in use") {
  using State = PrefixIndex::State;
  PrefixIndex index;
  CHECK(index.state(1) == State::unknown);
  const std::int64_t a = index.publish(1), b = index.publish(2);
  CHECK(index.publish(1) == -1);
  CHECK(index.state(1) == State::used);
  CHECK(index.release(2, 10));
  CHECK(index.release(1, 20));
  CHECK(index.unused() == 2);
  CHECK(index.acquire(2) == b);
  const PrefixIndex::Evicted gone = index.evict();
  CHECK(gone.id == a);
  CHECK(gone.hash == 1);
  CHECK(gone.released == 20);
  CHECK(index.state(1) == State::unknown);
  CHECK(index.in_use() == 1);
  // Once unused for too long, a block is unknown and may be published anew.
  CHECK(index.release(2, 30));
  CHECK(index.state(2, 30) == State::unused);
  CHECK(index.state(2, 31) == State::unknown);
  CHECK(index.publish(2, 30) == -1);
  CHECK(index.publish(2, 31) > b);
  CHECK(index.unused() == 0);
}
