#include "kernels/cases/case_data.h"

#include <algorithm>
#include <cmath>

#include "kernels/random_weights.h"

namespace tokenfab::kernels {
namespace {

constexpr std::size_t kPeriod = 1000003;  // prime: no two rows or pages are alike

/// Fills `bytes` with elements of `each` bytes, made for the first period and repeated.
template <class Make>
void fill_periodic(std::vector<std::uint8_t>& bytes, std::size_t each, const Make& make) {
  if (each == 0) return;
  const std::size_t first = std::min(bytes.size() / each, kPeriod);
  for (std::size_t i = 0; i < first; ++i) make(i, bytes.data() + i * each);
  for (std::size_t done = first * each; done < bytes.size();) {
    const std::size_t more = std::min(done, bytes.size() - done) / each * each;
    if (more == 0) break;
    std::memcpy(bytes.data() + done, bytes.data(), more);
    done += more;
  }
}

void store(DType type, float v, std::uint8_t* to) {
  const bf16 narrow(v);
  const float wide(narrow);
  if (type == DType::bf16) std::memcpy(to, &narrow, 2);
  else std::memcpy(to, &wide, 4);
}

/// Every byte is a valid code but e4m3's NaN.
std::uint8_t code_of(DType type, float v) {
  const auto code = static_cast<std::uint8_t>(bits_of(v) >> 9);
  return type == DType::e4m3 && (code & 0x7f) == 0x7f ? std::uint8_t{0x3f} : code;
}

/// Standard deviation of a random code.
float code_deviation(DType type) { return type == DType::i4 ? 4.6f : type == DType::i8 ? 74.0f : 100.0f; }

}  // namespace

HostMatrix::HostMatrix(DType type, std::int64_t rows, std::int64_t cols)
    : bytes(static_cast<std::size_t>(rows * cols * bits_per_value(type) / 8)),
      view{bytes.data(), type, rows, cols, cols} {}

HostMatrix random_matrix(const char* tensor, DType type, std::int64_t rows, std::int64_t cols, float sigma) {
  HostMatrix m(type, rows, cols);
  const std::uint64_t key = weight_key(1, tensor);
  fill_periodic(m.bytes, static_cast<std::size_t>(bits_per_value(type) / 8),
                [&](std::size_t i, std::uint8_t* to) { store(type, random_weight(key, i, sigma), to); });
  return m;
}

double uniform(const char* tensor, std::uint64_t index) {
  return static_cast<double>(bits_of(random_weight(weight_key(1, tensor), index, 1.0f)) & 0x7fff) / 32768.0;
}

HostWeights random_weights(const char* tensor, DType type, std::int64_t n, std::int64_t k, int count, float sigma) {
  HostWeights w;
  const std::uint64_t key = weight_key(1, tensor);
  if (sigma <= 0) sigma = 1.0f / std::sqrt(static_cast<float>(k));
  const Weight shape{nullptr, nullptr, type, n, k};
  const std::int64_t data_each = n * k * bits_per_value(type) / 8, scales_each = shape.bytes() - data_each;
  w.data.resize(static_cast<std::size_t>(data_each * count));
  w.scales.resize(static_cast<std::size_t>(scales_each * count));
  if (type == DType::bf16 || type == DType::f32)
    fill_periodic(w.data, type == DType::bf16 ? 2 : 4,
                  [&](std::size_t i, std::uint8_t* to) { store(type, random_weight(key, i, sigma), to); });
  else
    fill_periodic(w.data, 1,
                  [&](std::size_t i, std::uint8_t* to) { *to = code_of(type, random_weight(key, i, 1.0f)); });
  const auto scale = [&](std::size_t i) {
    return sigma / code_deviation(type) * (1.0f + 0.25f * random_weight(key ^ 1, i, 1.0f));
  };
  if (type == DType::i4)
    fill_periodic(w.scales, 2, [&](std::size_t i, std::uint8_t* to) { store(DType::bf16, scale(i), to); });
  else fill_periodic(w.scales, 4, [&](std::size_t i, std::uint8_t* to) { store(DType::f32, scale(i), to); });
  for (int i = 0; i < count; ++i)
    w.views.push_back(
        {w.data.data() + i * data_each, scales_each > 0 ? w.scales.data() + i * scales_each : nullptr, type, n, k});
  return w;
}

std::vector<Weight> load_all(Backend& backend, const HostWeights& host) {
  const int count = static_cast<int>(host.views.size());
  const Weight loaded = backend.load(host.views[0], count);
  std::vector<Weight> parts;
  for (int i = 0; i < count; ++i) parts.push_back(backend.part(loaded, i));
  return parts;
}

Tensor Buffers::output(DType type, std::int64_t rows, std::int64_t cols) {
  const auto bytes = static_cast<std::size_t>(rows * cols * bits_per_value(type) / 8);
  const Tensor t{allocate(bytes), type, rows, cols, cols};
  backend_.fill(t.data, 0xff, bytes);
  return t;
}

HostMatrix download(Backend& backend, const Tensor& t) {
  HostMatrix host(t.type, t.rows, t.stride);
  backend.download(host.bytes.data(), t.data, host.bytes.size());
  host.view.cols = t.cols;
  return host;
}

double summing_deviation(double count, double squares) { return 0x1p-23 * std::sqrt(count * squares / 2); }

void Worst::see(double got, double want, double tolerance) {
  const double r = std::fabs(got - want) / tolerance;
  if (!(r <= 1e9)) ratio = 1e9;
  else if (r > ratio) ratio = r;
}

std::vector<std::int64_t> spread(std::int64_t count, std::int64_t samples) {
  std::vector<std::int64_t> picked;
  if (samples >= count) {
    for (std::int64_t i = 0; i < count; ++i) picked.push_back(i);
    return picked;
  }
  picked = {0, count - 1};
  constexpr double kGolden = 0.6180339887498949;  // its multiples modulo 1 fill the interval evenly
  for (std::int64_t i = 2; i < samples; ++i) {
    const double turns = static_cast<double>(i) * kGolden;
    picked.push_back(static_cast<std::int64_t>((turns - std::floor(turns)) * static_cast<double>(count)));
  }
  return picked;
}

}  // namespace tokenfab::kernels
