#include "sim/fleet/prompt_prefix.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace tokenfab {

PromptPrefix::PromptPrefix(const PrefixSpec& spec, std::uint64_t seed, std::uint32_t replication)
    : spec_(spec), seed_(seed), replication_(replication) {
  if (spec.block_tokens == 0 || spec.shared_tokens == 0) return;
  shared_.resize(static_cast<std::size_t>(spec.shared_tokens / spec.block_tokens));
  double total = 0;
  for (std::int64_t i = 1; i <= spec.shared_prompts; ++i)
    asked_.push_back(total += std::pow(static_cast<double>(i), -spec.shared_zipf));
  for (double& chance : asked_) chance *= spec.shared_share / total;
}

std::span<const std::uint64_t> PromptPrefix::blocks(const Request& request,
                                                    std::span<const std::uint64_t> hash_ids) const {
  const std::int64_t whole = request.input_tokens / spec_.block_tokens;
  if (hash_ids.empty()) return shared(request, static_cast<std::size_t>(whole));
  const auto count = static_cast<std::int64_t>(hash_ids.size());
  if (count > whole + (request.input_tokens % spec_.block_tokens > 0))
    throw UserError(spec_.where + ": request " + std::to_string(request.id) + " brings " + std::to_string(count) +
                    " prefix hashes for a prompt of " + std::to_string(request.input_tokens) +
                    " tokens, more than there are blocks of " + std::to_string(spec_.block_tokens) +
                    "; set \"block_tokens\" to what the workload's hashes cover");
  return hash_ids.first(static_cast<std::size_t>(std::min(count, whole)));
}

std::span<const std::uint64_t> PromptPrefix::shared(const Request& request, std::size_t whole) const {
  if (shared_.empty()) return {};
  RandomStream random(seed_, replication_, StreamPurpose::shared_prompt, static_cast<std::uint32_t>(request.id));
  const double u = random.uniform();
  const auto prompt = std::upper_bound(asked_.begin(), asked_.end(), u);
  if (prompt == asked_.end()) return {};
  // Far from the ids of traces, which count up from 0.
  const std::uint64_t first = (std::uint64_t{1} << 63) + (static_cast<std::uint64_t>(prompt - asked_.begin()) << 32);
  std::iota(shared_.begin(), shared_.end(), first);
  return std::span(shared_).first(std::min(whole, shared_.size()));
}

}  // namespace tokenfab
