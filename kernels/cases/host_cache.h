#pragma once
#include "kernels/cases/case_data.h"

namespace tokenfab::kernels {

/// One layer's cache in host memory, of random stored numbers and scales; values of standard deviation about 1.
struct HostCache {
  HostWeights keys, values;
  KvCache view;
};
/// Without `values` the value is the first value_dim numbers of the key.
HostCache random_cache(const KvCache& shape, std::int64_t pages, bool values = true);
KvCache upload(Buffers& memory, const HostCache& host);
/// The same memory in size, full of 0xff.
KvCache poisoned(Buffers& memory, const KvCache& shape, std::int64_t pages, bool values = true);
/// What lies in a backend's cache.
HostCache download(Backend& backend, const KvCache& cache, std::int64_t pages);

/// The cache's memory as tensors: keys, values, scales, as far as they exist.
std::vector<Tensor> parts(const KvCache& cache, std::int64_t pages);

constexpr bool is_scaled(DType type) { return type == DType::e4m3 || type == DType::i8; }
/// Bytes of one token of one head: key, value and scales.
double row_bytes(const KvCache& shape, bool values = true);

}  // namespace tokenfab::kernels
