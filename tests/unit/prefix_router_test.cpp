// Routing by what replicas have seen.
#include "base/rng.h"
#include "sim/fleet/cache_router.h"
#include "tests/catch.h"
#include "tests/support/prefixes.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

using Prefix = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("cache-aware: the longest match while loads are balanced, else the least outstanding") {
  std::vector<std::int64_t> load = {5, 3, 4};
  const Router::Load of = [&](std::size_t i) { return load[i]; };
  CacheAwareRouter router({100, 100, 100});
  const auto pick = [&](const Prefix& prefix) { return router.pick(3, of, prefix); };
  CHECK(pick({1, 2}) == 1);  // seen nowhere
  load = {0, 30, 10};
  CHECK(pick({1, 2, 3}) == 1);
  CHECK(pick({1, 9}) == 1);  // the first block is enough
  CHECK(pick({8, 1}) == 0);
  CHECK(pick({}) == 0);
  load = {0, 33, 10};  // apart by more than 32
  CHECK(pick({1, 2, 3}) == 0);
  load = {7, 30, 10};
  CHECK(pick({1, 2, 3}) == 0);  // both have all of it: the less loaded one
  CHECK(pick({1, 9}) == 1);
}

TEST_CASE("cache-aware: a replica that can hold little is remembered for little") {
  const Router::Load even = [](std::size_t) { return 1; };
  CacheAwareRouter router({2, 2});
  CHECK(router.pick(2, even, Prefix{1, 2}) == 0);
  const Router::Load other = [](std::size_t i) { return i == 0 ? 2 : 1; };
  CHECK(router.pick(2, other, Prefix{3, 4}) == 1);
  CHECK(router.pick(2, even, Prefix{3, 4}) == 1);
  CHECK(router.pick(2, other, Prefix{1, 2}) == 0);
  CHECK(router.pick(2, even, Prefix{1, 5, 6}) == 0);  // leaves go first: block 1 is kept, with 5
  CHECK(router.pick(2, other, Prefix{1, 5}) == 0);
  CHECK(router.pick(2, other, Prefix{2}) == 1);
}

TEST_CASE("two families on two replicas: each is computed once by cache-aware routing, twice by turns") {
  RandomStream random(3, 0, StreamPurpose::jitter);
  PrefixLoad load;
  std::uint64_t own = 1000;
  int count[2] = {0, 0};
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t family = i < 4 ? static_cast<std::uint64_t>(i == 1 || i == 2) : random.below(2);
    ++count[family];
    load.add(1'000'000 * i, 64 * 5, 1, {family * 10, family * 10 + 1, family * 10 + 2, family * 10 + 3, own++});
  }
  PoolSpec pool = caching_pool(100'000);
  pool.replicas = 2;
  const std::int64_t aware = hit_tokens(run_load(pool, load, "cache-aware"));
  const std::int64_t turns = hit_tokens(run_load(pool, load, "round-robin"));
  CHECK(aware == (200 - 2) * 256);
  CHECK(turns == (200 - 4) * 256);
  CHECK(aware > turns);
}
