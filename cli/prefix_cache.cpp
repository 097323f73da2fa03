#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/shown.h"
#include "sim/fleet/prefix_replay.h"
#include "sim/workload/trace.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string capacity(const PrefixReplay& r) { return r.capacity > 0 ? grouped(r.capacity) : "no limit"; }

}  // namespace

void prefix_cache(const CatalogArgs& args) {
  TraceOptions options;
  options.path = args.prefix_cache;
  options.block_size = args.block_tokens;
  std::vector<std::int64_t> capacities = args.capacities;
  if (capacities.empty()) capacities = {0, 100'000, 50'000, 30'000, 10'000, 3'000, 1'000};
  const auto trace = open_trace(options);
  const auto replays = replay_prefixes(*trace, capacities, args.block_tokens);
  if (replays.front().blocks == 0) throw UserError(args.prefix_cache + ": no request has hash_ids of prefix blocks");
  json out = json::array();
  std::vector<std::vector<std::string>> table = {{"capacity, blocks", "blocks hit", "tokens hit"}};
  for (const PrefixReplay& r : replays) {
    const double blocks = share(r.hit_blocks, r.blocks), tokens = share(r.hit_tokens, r.input_tokens);
    table.push_back({capacity(r), shown("{:.4f}", blocks), shown("{:.4f}", tokens)});
    out.push_back({{"capacity_blocks", r.capacity > 0 ? json(r.capacity) : json(nullptr)},
                   {"block_hit", blocks},
                   {"token_hit", tokens},
                   {"requests", r.requests},
                   {"blocks", r.blocks},
                   {"distinct_blocks", r.distinct_blocks}});
  }
  if (args.json) {
    std::cout << out.dump(2) << "\n";
    return;
  }
  const PrefixReplay& first = replays.front();
  std::cout << shown("{}: {} requests, {} references to {} blocks of {} tokens\n", args.prefix_cache,
                     grouped(first.requests), grouped(first.blocks), grouped(first.distinct_blocks), args.block_tokens)
            << text_table(table);
}

}  // namespace tokenfab::cli
