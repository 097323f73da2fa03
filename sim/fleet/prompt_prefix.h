#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/workload/request.h"

namespace tokenfab {

/// How a pool knows what its prompts have in common.
struct PrefixSpec {
  std::int64_t block_tokens = 0;  // of a prefix block, which a workload's hash ids stand for too; 0: no prefix cache
  // Heads that requests without hash ids have in common: system prompts, documents.
  std::int64_t shared_tokens = 0;   // of one; 0: none
  double shared_share = 1;          // of the requests that begin with one
  std::int64_t shared_prompts = 1;  // different ones, the i-th asked for in proportion to i^-shared_zipf
  double shared_zipf = 0;
  std::string where;  // the pool's place in the scenario, for messages
};

/// The chained hashes of a request's whole prefix blocks: its hash ids, or those of a shared prompt.
class PromptPrefix {
 public:
  PromptPrefix(const PrefixSpec& spec, std::uint64_t seed, std::uint32_t replication);

  /// Valid until the next call; empty where nothing may be shared. `hash_ids`: the request's.
  /// Throws UserError where there are more ids than the prompt has blocks.
  std::span<const std::uint64_t> of(const Request& request, std::span<const std::uint64_t> hash_ids) const {
    return spec_.block_tokens == 0 ? std::span<const std::uint64_t>{} : blocks(request, hash_ids);
  }

 private:
  std::span<const std::uint64_t> blocks(const Request& request, std::span<const std::uint64_t> hash_ids) const;
  std::span<const std::uint64_t> shared(const Request& request, std::size_t whole) const;

  PrefixSpec spec_;
  std::uint64_t seed_;
  std::uint32_t replication_;
  std::vector<double> asked_;  // chance of a shared prompt up to each
  mutable std::vector<std::uint64_t> shared_;
};

}  // namespace tokenfab
