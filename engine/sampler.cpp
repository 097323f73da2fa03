#include "engine/sampler.h"

#include "base/rng.h"

namespace tokenfab::engine {

float uniform_draw(std::uint64_t seed, std::int64_t request, std::int64_t position, Draw purpose) {
  const auto id = static_cast<std::uint64_t>(request);
  const auto bits = philox4x32({static_cast<std::uint32_t>(id), static_cast<std::uint32_t>(id >> 32),
                                static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(purpose)},
                               {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return static_cast<float>(bits[0] >> 8) * 0x1p-24f;
}

Sampler::Sampler(kernels::Backend& backend, std::int64_t rows, std::int32_t max_draft)
    : backend_(backend), max_draft_(max_draft) {
  const std::int64_t each = max_draft + 1;
  uniform_ = buffer<float>(rows * each);
  ids_ = buffer<std::int32_t>(rows * each);
  row_ = buffer<std::int32_t>(rows);
  count_ = buffer<std::int32_t>(rows);
  drafts_ = buffer<std::int32_t>(rows * each);
  accepted_ = buffer<std::int32_t>(rows);
}

Sampler::~Sampler() {
  for (void* m : owned_) backend_.release(m);
}

std::vector<std::int32_t> Sampler::sample(const kernels::Tensor& logits, float temperature,
                                          const std::vector<float>& uniform, const kernels::Tensor& probabilities) {
  if (temperature > 0) backend_.upload(uniform_, uniform.data(), uniform.size() * 4);
  backend_.sample({logits, temperature, uniform_, ids_, probabilities});
  std::vector<std::int32_t> ids(static_cast<std::size_t>(logits.rows));
  backend_.download(ids.data(), ids_, ids.size() * 4);
  return ids;
}

Sampler::Verified Sampler::verify(const kernels::Tensor& logits, float temperature,
                                  const std::vector<std::int32_t>& row,
                                  const std::vector<std::vector<std::int32_t>>& drafts,
                                  const kernels::Tensor& probabilities, const std::vector<float>& uniform) {
  const std::size_t n = drafts.size(), width = static_cast<std::size_t>(max_draft_);
  std::vector<std::int32_t> count, flat(n * width);
  for (std::size_t s = 0; s < n; ++s) {
    count.push_back(static_cast<std::int32_t>(drafts[s].size()));
    for (std::size_t i = 0; i < drafts[s].size(); ++i) flat[s * width + i] = drafts[s][i];
  }
  backend_.upload(row_, row.data(), n * 4);
  backend_.upload(count_, count.data(), n * 4);
  backend_.upload(drafts_, flat.data(), flat.size() * 4);
  backend_.upload(uniform_, uniform.data(), uniform.size() * 4);
  kernels::VerifyArgs args;
  args.logits = logits;
  args.row = row_;
  args.count = count_;
  args.drafts = drafts_;
  args.draft_probabilities = probabilities;
  args.uniform = uniform_;
  args.sequences = static_cast<std::int32_t>(n);
  args.max_draft = max_draft_;
  args.temperature = temperature;
  args.tokens = ids_;
  args.accepted = accepted_;
  backend_.verify(args);
  Verified v{std::vector<std::int32_t>(n * (width + 1)), std::vector<std::int32_t>(n)};
  backend_.download(v.tokens.data(), ids_, v.tokens.size() * 4);
  backend_.download(v.accepted.data(), accepted_, n * 4);
  return v;
}

}  // namespace tokenfab::engine
