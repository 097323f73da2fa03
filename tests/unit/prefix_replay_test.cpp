#include "sim/fleet/prefix_replay.h"

#include <cmath>
#include <iostream>

#include "sim/workload/trace.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

class Paths final : public RequestSource {
 public:
  explicit Paths(std::vector<std::vector<std::uint64_t>> paths) : paths_(std::move(paths)) {}
  void read(RequestBatch& batch, std::size_t) override {
    batch.clear();
    for (const auto& path : paths_) {
      Request r;
      r.input_tokens = static_cast<std::int32_t>(10 * path.size()) - 3;  // the last block is not full
      r.hash_begin = static_cast<std::uint32_t>(batch.hash_ids.size());
      r.hash_count = static_cast<std::uint32_t>(path.size());
      batch.hash_ids.insert(batch.hash_ids.end(), path.begin(), path.end());
      batch.requests.push_back(r);
    }
    paths_.clear();
  }

 private:
  std::vector<std::vector<std::uint64_t>> paths_;
};

double digits(std::int64_t part, std::int64_t whole) {
  return std::round(1e4 * static_cast<double>(part) / static_cast<double>(whole)) / 1e4;
}

}  // namespace

TEST_CASE("A full cache keeps roots longest, and what was used last") {
  Paths paths({{1, 2, 3}, {1, 2, 4}, {9}, {1, 2, 3}});
  const auto r = replay_prefixes(paths, {0, 2, 3}, 10);
  CHECK(r[0].hit_blocks == 2 + 3);  // 1 2; 1 2 3
  CHECK(r[0].hit_tokens == 20 + 27);
  CHECK(r[0].blocks == 10);
  CHECK(r[0].distinct_blocks == 5);
  CHECK(r[1].hit_blocks == 2 + 1);  // 3 goes, then 4, then 2
  CHECK(r[2].hit_blocks == 2 + 2);  // 3 goes, then 4
}

TEST_CASE("The Mooncake traces hit a cache of blocks as often as published here, at every capacity") {
  const char* folder = std::getenv("TOKENFAB_DATA");
  if (!folder) {
    std::cout << "skipped: TOKENFAB_DATA is not set\n";
    return;
  }
  struct Golden {
    const char* trace;
    std::vector<std::pair<double, double>> hits;  // blocks, tokens
  };
  // Leaf-first eviction, an independent computation over the same files (kvcache-ai/Mooncake@3b5a594, FAST25-release).
  const std::vector<std::int64_t> capacities = {0, 100'000, 50'000, 30'000, 10'000, 3'000, 1'000};
  for (const Golden& g : {Golden{"conversation",
                                 {{.3664, .3736},
                                  {.3637, .3708},
                                  {.3546, .3615},
                                  {.3257, .3322},
                                  {.2116, .2157},
                                  {.0653, .0666},
                                  {.0445, .0454}}},
                          Golden{"synthetic",
                                 {{.6396, .6512},
                                  {.6396, .6512},
                                  {.6396, .6512},
                                  {.6242, .6356},
                                  {.4239, .4318},
                                  {.1906, .1942},
                                  {.0841, .0857}}}}) {
    TraceOptions o;
    o.path = std::string(folder) + "/traces/mooncake_" + g.trace + "_trace.jsonl.gz";
    o.block_size = 512;
    const auto replays = replay_prefixes(*open_trace(o), capacities, 512);
    for (std::size_t i = 0; i < capacities.size(); ++i) {
      CAPTURE(g.trace, capacities[i]);
      CHECK(digits(replays[i].hit_blocks, replays[i].blocks) == Approx(g.hits[i].first).margin(1e-9));
      CHECK(digits(replays[i].hit_tokens, replays[i].input_tokens) == Approx(g.hits[i].second).margin(1e-9));
    }
  }
}
