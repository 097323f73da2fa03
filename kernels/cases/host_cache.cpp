#include "kernels/cases/host_cache.h"

namespace tokenfab::kernels {
namespace {

std::int64_t rows_of(const KvCache& shape, std::int64_t pages) { return pages * shape.kv_heads * shape.page_tokens; }

void point_into(HostCache& c, bool values) {
  c.view.keys = c.keys.data.data();
  c.view.values = values ? c.values.data.data() : nullptr;
  if (!is_scaled(c.view.type)) return;
  c.view.key_scales = reinterpret_cast<float*>(c.keys.scales.data());
  c.view.value_scales = values ? reinterpret_cast<float*>(c.values.scales.data()) : nullptr;
}

}  // namespace

HostCache random_cache(const KvCache& shape, std::int64_t pages, bool values) {
  HostCache c;
  c.view = shape;
  c.keys = random_weights("keys", shape.type, rows_of(shape, pages), shape.head_dim, 1, 1.0f);
  if (values) c.values = random_weights("values", shape.type, rows_of(shape, pages), shape.value_dim, 1, 1.0f);
  point_into(c, values);
  return c;
}

KvCache upload(Buffers& memory, const HostCache& host) {
  KvCache kv = host.view;
  kv.keys = memory.upload(host.keys.data);
  if (kv.key_scales) kv.key_scales = reinterpret_cast<float*>(memory.upload(host.keys.scales));
  if (kv.values) kv.values = memory.upload(host.values.data);
  if (kv.value_scales) kv.value_scales = reinterpret_cast<float*>(memory.upload(host.values.scales));
  return kv;
}

KvCache poisoned(Buffers& memory, const KvCache& shape, std::int64_t pages, bool values) {
  KvCache kv = shape;
  const std::int64_t rows = rows_of(shape, pages);
  kv.keys = memory.output(kv.type, rows, kv.head_dim).data;
  if (values) kv.values = memory.output(kv.type, rows, kv.value_dim).data;
  if (!is_scaled(kv.type)) return kv;
  kv.key_scales = memory.output(DType::f32, rows, 1).as<float>();
  if (values) kv.value_scales = memory.output(DType::f32, rows, 1).as<float>();
  return kv;
}

std::vector<Tensor> parts(const KvCache& kv, std::int64_t pages) {
  const std::int64_t rows = rows_of(kv, pages);
  std::vector<Tensor> all{{kv.keys, kv.type, rows, kv.head_dim, kv.head_dim}};
  if (kv.values) all.push_back({kv.values, kv.type, rows, kv.value_dim, kv.value_dim});
  if (kv.key_scales) all.push_back({kv.key_scales, DType::f32, rows, 1, 1});
  if (kv.value_scales) all.push_back({kv.value_scales, DType::f32, rows, 1, 1});
  return all;
}

HostCache download(Backend& backend, const KvCache& cache, std::int64_t pages) {
  HostCache c;
  c.view = cache;
  const auto get = [&](std::vector<std::uint8_t>& to, const void* from, std::int64_t bytes) {
    to.resize(static_cast<std::size_t>(bytes));
    backend.download(to.data(), from, to.size());
  };
  const std::int64_t rows = rows_of(cache, pages), bits = bits_per_value(cache.type);
  get(c.keys.data, cache.keys, rows * cache.head_dim * bits / 8);
  if (cache.key_scales) get(c.keys.scales, cache.key_scales, rows * 4);
  if (cache.values) get(c.values.data, cache.values, rows * cache.value_dim * bits / 8);
  if (cache.value_scales) get(c.values.scales, cache.value_scales, rows * 4);
  point_into(c, cache.values != nullptr);
  return c;
}

double row_bytes(const KvCache& shape, bool values) {
  const double numbers = shape.head_dim + (values ? shape.value_dim : 0);
  return numbers * static_cast<double>(bits_per_value(shape.type)) / 8 +
         (is_scaled(shape.type) ? (values ? 8.0 : 4.0) : 0.0);
}

}  // namespace tokenfab::kernels
