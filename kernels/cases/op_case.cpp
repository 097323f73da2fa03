#include "kernels/cases/op_case.h"

#include <cmath>

namespace tokenfab::kernels {

std::vector<float> random_values(const char* tensor, std::int64_t count, float sigma) {
  std::vector<float> values(static_cast<std::size_t>(count));
  const std::uint64_t key = weight_key(1, tensor);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(bf16(random_weight(key, static_cast<std::uint64_t>(i), sigma)));
  return values;
}

Tensor Buffers::output(DType type, std::int64_t rows, std::int64_t cols) {
  const auto bytes = static_cast<std::size_t>(rows * cols * bits_per_value(type) / 8);
  const Tensor t{allocate(bytes), type, rows, cols, cols};
  poison(t);
  return t;
}

void Buffers::poison(const Tensor& t) {
  backend_.fill(t.data, 0xff, static_cast<std::size_t>(t.rows * t.stride * bits_per_value(t.type) / 8));
}

Tensor Buffers::input(DType type, const std::vector<float>& values, std::int64_t rows, std::int64_t cols) {
  if (type == DType::f32) return {upload(values), type, rows, cols, cols};
  std::vector<bf16> narrow;
  narrow.reserve(values.size());
  for (const float v : values) narrow.emplace_back(v);
  return {upload(narrow), type, rows, cols, cols};
}

std::vector<float> read_back(Backend& backend, const Tensor& t) {
  const auto count = static_cast<std::size_t>(t.rows * t.stride);
  std::vector<float> out(count);
  if (t.type == DType::f32) {
    backend.download(out.data(), t.data, count * 4);
    return out;
  }
  std::vector<bf16> narrow(count);
  backend.download(narrow.data(), t.data, count * 2);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(narrow[i]);
  return out;
}

void Worst::see(double got, double want, double tolerance) {
  const double r = std::fabs(got - want) / tolerance;
  if (!(r <= 1e9)) ratio = 1e9;
  else if (r > ratio) ratio = r;
}

}  // namespace tokenfab::kernels
