#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace tokenfab::engine {

/// The random number of one decision: a pure function of (seed, request, place in the sequence, purpose), so that
/// batching, preemption and pages cannot change what is drawn. In [0, 1).
enum class Draw : std::uint32_t { token = 0, draft = 1 };
float uniform_draw(std::uint64_t seed, std::int64_t request, std::int64_t position, Draw purpose);

/// Chooses tokens on the backend. Buffers are sized once.
class Sampler {
 public:
  /// At most `rows` rows per call, and `max_draft` drafts per sequence to verify.
  Sampler(kernels::Backend& backend, std::int64_t rows, std::int32_t max_draft);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// One id per row; `probabilities`, where its data is set, receives the distributions.
  std::vector<std::int32_t> sample(const kernels::Tensor& logits, float temperature, const std::vector<float>& uniform,
                                   const kernels::Tensor& probabilities = {});

  struct Verified {
    std::vector<std::int32_t> tokens;    // [sequences, max_draft + 1]
    std::vector<std::int32_t> accepted;  // drafts kept
  };
  /// `row`: each sequence's first row of logits; `drafts`: per sequence; `probabilities` [sequences * max_draft, vocab]
  /// or null; `uniform` [sequences, max_draft + 1].
  Verified verify(const kernels::Tensor& logits, float temperature, const std::vector<std::int32_t>& row,
                  const std::vector<std::vector<std::int32_t>>& drafts, const kernels::Tensor& probabilities,
                  const std::vector<float>& uniform);

 private:
  template <class T>
  T* buffer(std::int64_t count) {
    owned_.push_back(backend_.allocate(static_cast<std::size_t>(count) * sizeof(T)));
    return static_cast<T*>(owned_.back());
  }
  kernels::Backend& backend_;
  std::int32_t max_draft_;
  std::vector<void*> owned_;
  float* uniform_;
  std::int32_t *ids_, *row_, *count_, *drafts_, *accepted_;
};

}  // namespace tokenfab::engine
