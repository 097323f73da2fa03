// The CUDA matrix products, run by the emulator, against sums in double.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cuda/matmul_internal.h"
#include "kernels/cuda/pack_int4.h"
#include "kernels/emulator/emulated_backend.h"
#include "tests/catch.h"

using namespace tokenfab::kernels;

namespace {

using Random = std::mt19937;

/// A weight in the canonical layout and its values.
struct TestWeight {
  std::vector<std::uint8_t> data;
  std::vector<std::uint8_t> scales;
  std::vector<double> values;  // [count, n, k]
  HostWeight host;
};

float normal(Random& random) { return std::normal_distribution<float>()(random); }

template <class T>
void put(std::vector<std::uint8_t>& to, std::size_t i, T value) {
  std::memcpy(to.data() + i * sizeof(T), &value, sizeof(T));
}

TestWeight make_weight(DType type, std::int64_t n, std::int64_t k, int count, Random& random) {
  TestWeight w;
  const auto rows = static_cast<std::size_t>(n * count), columns = static_cast<std::size_t>(k);
  const std::size_t groups = type == DType::i4 ? columns / kInt4Group : 1, group = columns / groups;
  w.data.resize(rows * columns * static_cast<std::size_t>(bits_per_value(type)) / 8);
  w.scales.resize(rows * groups * (type == DType::i4 ? 2 : 4));
  w.values.resize(rows * columns);
  std::vector<double> scale(rows * groups);
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const float s = 0.5f + std::abs(normal(random));
    scale[i] = type == DType::i4 ? static_cast<double>(static_cast<float>(bf16(s))) : s;
    type == DType::i4 ? put(w.scales, i, bf16(s)) : put(w.scales, i, s);
  }
  for (std::size_t i = 0; i < w.values.size(); ++i) {
    const double s = scale[i / columns * groups + i % columns / group];
    if (type == DType::bf16) {
      const bf16 v(normal(random));
      put(w.data, i, v);
      w.values[i] = static_cast<float>(v);
    } else if (type == DType::e4m3) {
      const e4m3 v(normal(random));
      put(w.data, i, v);
      w.values[i] = static_cast<double>(static_cast<float>(v)) * s;
    } else if (type == DType::i8) {
      const auto v = static_cast<std::int8_t>(static_cast<int>(random() % 256) - 128);
      put(w.data, i, v);
      w.values[i] = v * s;
    } else {
      const unsigned nibble = random() % 16;
      w.data[i / 2] = static_cast<std::uint8_t>(w.data[i / 2] | nibble << (i % 2 * 4));
      w.values[i] = (static_cast<int>(nibble) - 8) * s;
    }
  }
  const bool scaled = type != DType::bf16;
  w.host = {w.data.data(), scaled ? w.scales.data() : nullptr, type, n, k};
  return w;
}

std::vector<bf16> make_input(std::int64_t count, Random& random) {
  std::vector<bf16> x(static_cast<std::size_t>(count));
  for (bf16& v : x) v = bf16(normal(random));
  return x;
}

template <class T>
T* to_device(Backend& b, const std::vector<T>& v) {
  void* p = b.allocate(v.size() * sizeof(T));
  b.upload(p, v.data(), v.size() * sizeof(T));
  return static_cast<T*>(p);
}

/// y [m, n] as floats; y on the device has a stride of n + 3 and starts as poison, or as ones with `accumulate`.
std::vector<float> product(Backend& b, const std::vector<bf16>& x, std::int64_t m, const Weight& w, DType y_type,
                           bool accumulate = false) {
  const std::int64_t stride = w.n + 3, cells = std::max<std::int64_t>(1, m * stride);
  const auto size = static_cast<std::size_t>(cells * bits_per_value(y_type) / 8);
  void* xd = to_device(b, x);
  void* yd = b.allocate(size);
  std::vector<bf16> ones_bf16(static_cast<std::size_t>(cells), bf16(1.0f));
  std::vector<float> ones(static_cast<std::size_t>(cells), 1.0f);
  if (accumulate) b.upload(yd, y_type == DType::f32 ? static_cast<void*>(ones.data()) : ones_bf16.data(), size);
  b.matmul({{xd, DType::bf16, m, w.k, w.k}, w, {yd, y_type, m, w.n, stride}, accumulate});
  b.download(y_type == DType::f32 ? static_cast<void*>(ones.data()) : ones_bf16.data(), yd, size);
  b.release(xd);
  b.release(yd);
  std::vector<float> y;
  for (std::int64_t i = 0; i < m * stride; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const float v = y_type == DType::f32 ? ones[at] : static_cast<float>(ones_bf16[at]);
    if (i % stride < w.n) y.push_back(v);
    else if (!accumulate) CHECK(std::isnan(v));  // between the rows nothing is written
  }
  return y;
}

std::vector<double> reference(const std::vector<bf16>& x, std::int64_t m, const TestWeight& w) {
  const auto n = static_cast<std::size_t>(w.host.n), k = static_cast<std::size_t>(w.host.k);
  std::vector<double> y(static_cast<std::size_t>(m) * n);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t j = 0; j < k; ++j)
      y[i] += static_cast<double>(static_cast<float>(x[i / n * k + j])) * w.values[i % n * k + j];
  return y;
}

/// || y - reference || / || reference ||; NaN counts as failure.
double distance(const std::vector<float>& y, const std::vector<double>& expected, double offset = 0) {
  double error = 0, norm = 1e-30;
  REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double e = expected[i] + offset;
    error += (y[i] - e) * (y[i] - e);
    norm += e * e;
  }
  return std::isnan(error) ? 1e30 : std::sqrt(error / norm);
}

constexpr DType kTypes[] = {DType::bf16, DType::i8, DType::e4m3, DType::i4};

}  // namespace

TEST_CASE("int4 packing is undone by unpacking, and pads with zeros") {
  Random random(3);
  for (const std::int64_t n : {1, 16, 37}) {
    const TestWeight w = make_weight(DType::i4, n, 384, 1, random);
    std::vector<std::uint8_t> packed(static_cast<std::size_t>(cuda::packed_data_bytes(n, 384)), 0xee);
    std::vector<std::uint8_t> back(w.data.size());
    cuda::pack_int4(w.data.data(), n, 384, packed.data());
    cuda::unpack_int4(packed.data(), n, 384, back.data());
    CHECK(back == w.data);
    std::vector<std::uint16_t> scales(static_cast<std::size_t>(n * 3)), again(scales.size());
    std::vector<std::uint16_t> packed_scales(static_cast<std::size_t>(cuda::packed_scale_bytes(n, 384) / 2), 0xeeee);
    std::memcpy(scales.data(), w.scales.data(), w.scales.size());
    cuda::pack_int4_scales(scales.data(), n, 384, packed_scales.data());
    cuda::unpack_int4_scales(packed_scales.data(), n, 384, again.data());
    CHECK(again == scales);
    if (n == 1) CHECK(std::count(packed_scales.begin(), packed_scales.end(), 0) == 45);
  }
}

TEST_CASE("every product is close to its sum in double") {
  const auto b = make_emulated_cuda_backend();
  Random random(1);
  struct Case {
    std::int64_t m, n, k;
  };
  const Case cases[] = {{1, 1, 128},    {2, 7, 256},   {3, 129, 384},  {4, 129, 128},  {5, 7, 1040},
                        {6, 1, 1040},   {7, 129, 256}, {8, 129, 1040}, {17, 7, 384},   {17, 257, 1024},
                        {65, 129, 256}, {65, 7, 1040}, {130, 17, 128}, {33, 40, 2048}, {0, 5, 128}};
  for (const auto& [m, n, k] : cases)
    for (const DType type : kTypes) {
      if (type == DType::i4 && k % kInt4Group != 0) continue;
      INFO("m " << m << " n " << n << " k " << k << " " << name(type));
      const TestWeight w = make_weight(type, n, k, 1, random);
      const auto x = make_input(m * k, random);
      const auto expected = reference(x, m, w);
      const Weight loaded = b->load(w.host, 1);
      // With many rows the quantised weights are rounded to bf16.
      const double bound = type != DType::bf16 && m > 64 ? 3e-3 : 1e-5;
      CHECK(distance(product(*b, x, m, loaded, DType::f32), expected) < bound);
      CHECK(distance(product(*b, x, m, loaded, DType::bf16), expected) < 6e-3);
      CHECK(distance(product(*b, x, m, loaded, DType::f32, true), expected, 1.0) < bound);
    }
}

TEST_CASE("a row's product does not depend on the rows beside it, to the bit") {
  const auto b = make_emulated_cuda_backend();
  b->set_deterministic(true);
  Random random(2);
  for (const DType type : kTypes)
    for (const std::int64_t n : {24, 300}) {
      const std::int64_t k = 1280, most = 70;
      INFO(name(type) << " n " << n);
      const TestWeight w = make_weight(type, n, k, 1, random);
      const Weight loaded = b->load(w.host, 1);
      const auto x = make_input(most * k, random);
      const auto whole = product(*b, x, most, loaded, DType::f32);
      for (const std::int64_t m : {1, 2, 8, 9, 17, 33}) {
        const std::vector<bf16> rows(x.end() - m * k, x.end());
        const auto y = product(*b, rows, m, loaded, DType::f32);
        CHECK(std::memcmp(y.data(), whole.data() + (most - m) * n, y.size() * sizeof(float)) == 0);
      }
    }
}

TEST_CASE("products by expert equal each expert's own product") {
  const auto b = make_emulated_cuda_backend();
  Random random(4);
  const std::int64_t n = 40, k = 256, tokens = 90;
  const std::vector<std::vector<int>> spreads = {
      {0, 3, 0, 1, 9}, {0, 0, 0, 0, 1}, {30, 0, 41, 18, 11}, {70, 0, 140, 0, 9}};
  for (const auto& spread : spreads)
    for (const DType type : kTypes) {
      const int experts = static_cast<int>(spread.size());
      std::vector<std::int32_t> offsets = {0}, order;
      for (const int count : spread) offsets.push_back(offsets.back() + count);
      const std::int64_t rows = offsets.back();
      for (std::int64_t r = 0; r < rows; ++r) order.push_back(static_cast<std::int32_t>(random() % (2 * tokens)));
      INFO(name(type) << ", " << rows << " rows");
      const TestWeight w = make_weight(type, n, k, experts, random);
      const Weight loaded = b->load(w.host, experts);
      std::vector<Weight> parts;
      for (int e = 0; e < experts; ++e) parts.push_back(b->part(loaded, e));
      const auto x = make_input(tokens * k, random);
      std::vector<double> expected;
      for (int e = 0; e < experts; ++e)
        for (std::int32_t r = offsets[static_cast<std::size_t>(e)]; r < offsets[static_cast<std::size_t>(e) + 1]; ++r) {
          const std::int64_t row = order[static_cast<std::size_t>(r)] / 2;
          TestWeight own;
          own.host = w.host;
          own.values.assign(w.values.begin() + e * n * k, w.values.begin() + (e + 1) * n * k);
          const auto y = reference({x.begin() + row * k, x.begin() + (row + 1) * k}, 1, own);
          expected.insert(expected.end(), y.begin(), y.end());
        }
      std::vector<float> y(expected.size());
      auto* xd = to_device(*b, x);
      auto* yd = b->allocate(y.size() * 4);
      b->grouped_matmul({{xd, DType::bf16, tokens, k, k},
                         to_device(*b, order),
                         2,
                         to_device(*b, offsets),
                         parts.data(),
                         experts,
                         rows,
                         {yd, DType::f32, rows, n, n}});
      b->download(y.data(), yd, y.size() * 4);
      CHECK(distance(y, expected) < 1e-5);
    }
}

TEST_CASE("what has no kernel is refused by name; a recorded product can be replayed") {
  const auto b = make_emulated_cuda_backend();
  Random random(5);
  const TestWeight w = make_weight(DType::bf16, 16, 128, 1, random);
  const Weight loaded = b->load(w.host, 1);
  auto x = make_input(2 * 128, random);
  void* xd = to_device(*b, x);
  std::vector<float> y(32);
  void* yd = b->allocate(128);
  const Tensor input{xd, DType::bf16, 2, 128, 128}, output{yd, DType::f32, 2, 16, 16};
  Tensor wrong = input;
  wrong.type = DType::f32;
  CHECK_THROWS_AS(b->matmul({wrong, loaded, output}), std::invalid_argument);
  wrong = input;
  wrong.stride = 129;
  CHECK_THROWS_AS(b->matmul({wrong, loaded, output}), std::invalid_argument);
  const auto replay = b->record([&] { b->matmul({input, loaded, output}); });
  x = make_input(2 * 128, random);
  b->upload(xd, x.data(), x.size() * 2);
  replay();
  b->download(y.data(), yd, 128);
  CHECK(distance(y, reference(x, 2, w)) < 1e-5);
}
