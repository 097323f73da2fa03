// The small CUDA operations, run by the emulator, against their definitions in double.
#include <algorithm>
#include <numeric>

#include "tests/engine/cuda_ops_fixture.h"

using namespace tokenfab::kernels;
using namespace tokenfab::kernels::test;

namespace {

/// Rows of `cols` in a buffer with rows `stride` apart; between the rows nothing may be written.
template <class T>
std::vector<T> rows_of(const std::vector<T>& padded, std::int64_t cols, std::int64_t stride) {
  std::vector<T> rows;
  for (std::size_t i = 0; i < padded.size(); ++i) {
    if (static_cast<std::int64_t>(i) % stride < cols) rows.push_back(padded[i]);
    else CHECK(std::isnan(value(padded[i])));
  }
  return rows;
}

template <class T>
std::vector<T> padded(const std::vector<T>& rows, std::int64_t cols, std::int64_t stride) {
  std::vector<T> out(rows.size() / index(cols) * index(stride), T(NAN));
  for (std::size_t i = 0; i < rows.size(); ++i) out[i / index(cols) * index(stride) + i % index(cols)] = rows[i];
  return out;
}

template <class T>
std::vector<T> random_rows(std::int64_t count, Random& random) {
  if constexpr (std::is_same_v<T, float>) return normal_f32(count, random);
  else return normal_bf16(count, random);
}

/// One rounding of T.
template <class T>
constexpr double kUnit = std::is_same_v<T, float> ? 0x1p-22 : kEps;

template <class T>
void check_norm(Backend& b, std::int64_t rows, std::int64_t cols, std::int64_t stride, bool with_x) {
  Random random(static_cast<unsigned>(rows * cols));
  const auto x = normal_bf16(rows * cols, random), weight = normal_bf16(cols, random);
  const auto before = random_rows<T>(rows * cols, random);
  const Device xd(b, padded(x, cols, stride));
  const Device weight_d(b, weight);
  const Device residual(b, padded(before, cols, stride));
  const Device<bf16> out(b, index(rows * stride));
  b.rms_norm({with_x ? matrix(xd, rows, cols, stride) : Tensor{}, matrix(residual, rows, cols, stride), weight_d.data(),
              1e-5f, matrix(out, rows, cols, stride)});
  b.synchronize();
  const auto after = rows_of(residual.get(), cols, stride);
  const auto y = rows_of(out.get(), cols, stride);
  int bad = 0;
  for (std::size_t r = 0; r < index(rows); ++r) {
    std::vector<double> v;
    double squares = 0;
    for (std::size_t i = 0; i < index(cols); ++i) {
      const std::size_t at = r * index(cols) + i;
      v.push_back(value(before[at]) + (with_x ? value(x[at]) : 0));
      bad += !close(value(after[at]), v[i], kUnit<T> * std::abs(v[i]));
      squares += v[i] * v[i];
    }
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(cols) + 1e-5);
    for (std::size_t i = 0; i < index(cols); ++i) {
      const double expected = v[i] * inverse * value(weight[i]);
      bad += !close(value(y[r * index(cols) + i]), expected, (kEps + 1e-5) * std::abs(expected));
    }
  }
  INFO(rows << " rows of " << cols);
  CHECK(bad == 0);
}

}  // namespace

TEST_CASE("RMS norm: widths, strides, both residual types, in place") {
  const auto b = make_emulated_cuda_backend();
  for (const std::int64_t cols : {1, 7, 64, 257, 4096, 5000, 16392}) {
    check_norm<float>(*b, 2, cols, (cols + 15) / 8 * 8, true);
    check_norm<bf16>(*b, 3, cols, cols + 1, false);
  }
  check_norm<bf16>(*b, 2, 64, 72, true);
  Random random(1);
  const auto x = normal_bf16(64, random), weight = normal_bf16(64, random);
  const Device inside(*b, x), outside(*b, x), weight_d(*b, weight);
  const Device<bf16> out(*b, 64);
  b->rms_norm({{}, matrix(inside, 1, 64), weight_d.data(), 1e-6f, matrix(inside, 1, 64)});
  b->rms_norm({{}, matrix(outside, 1, 64), weight_d.data(), 1e-6f, matrix(out, 1, 64)});
  CHECK(same_bits(inside.get(), out.get()));
}

TEST_CASE("SwiGLU, embedding and gather: odd widths and strides") {
  const auto b = make_emulated_cuda_backend();
  Random random(2);
  for (const std::int64_t cols : {1, 13, 64, 2100}) {
    const std::int64_t rows = 3, wide = 2 * cols + 8, stride = cols + 8;
    const auto gate_up = normal_bf16(rows * 2 * cols, random, 3);
    const Device in(*b, padded(gate_up, 2 * cols, wide));
    const Device<bf16> out(*b, index(rows * stride));
    b->swiglu({matrix(in, rows, 2 * cols, wide), matrix(out, rows, cols, stride)});
    const auto y = rows_of(out.get(), cols, stride);
    int bad = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t at = i / index(cols) * 2 * index(cols) + i % index(cols);
      const double gate = value(gate_up[at]),
                   expected = gate / (1 + std::exp(-gate)) * value(gate_up[at + index(cols)]);
      bad += !close(value(y[i]), expected, (kEps + 1e-5) * std::abs(expected));
    }
    CHECK(bad == 0);

    const std::vector<std::int32_t> ids = {4, 0, 4};
    const Device ids_d(*b, ids);
    const auto table = normal_bf16(5 * cols, random);
    const Device table_d(*b, table);
    const Device<bf16> picked(*b, index(rows * stride)), copied(*b, index(rows * stride));
    const Device<float> embedded(*b, index(rows * stride));
    b->embed({ids_d.data(), {table_d.data(), nullptr, DType::bf16, 5, cols}, matrix(picked, rows, cols, stride)});
    b->embed({ids_d.data(), {table_d.data(), nullptr, DType::bf16, 5, cols}, matrix(embedded, rows, cols, stride)});
    b->gather({matrix(table_d, 5, cols), ids_d.data(), matrix(copied, rows, cols, stride)});
    const auto e = rows_of(embedded.get(), cols, stride);
    const auto p = rows_of(picked.get(), cols, stride);
    CHECK(same_bits(p, rows_of(copied.get(), cols, stride)));
    for (std::size_t i = 0; i < e.size(); ++i) {
      const bf16 expected = table[index(ids[i / index(cols)] * cols) + i % index(cols)];
      bad += e[i] != static_cast<float>(expected) || bits(p[i]) != bits(expected);
    }
    CHECK(bad == 0);
    b->gather({matrix(embedded, rows, cols, stride), nullptr, matrix(embedded, rows, 1, stride)});
  }
}

namespace {

struct RopeCase {
  int q_heads = 3, kv_heads = 2, head_dim = 64, value_dim = 64, rope_dim = 64, page_tokens = 4;
  DType type = DType::bf16;
  bool interleaved = false, norm = false, latent = false;
};

std::vector<double> rotated(const RopeCase& c, const bf16* head, const std::vector<bf16>& weight, int position,
                            const std::vector<float>& frequency) {
  std::vector<double> v;
  double squares = 0;
  for (int i = 0; i < c.head_dim; ++i) v.push_back(value(head[i])), squares += v.back() * v.back();
  if (c.norm)
    for (std::size_t i = 0; i < v.size(); ++i) v[i] *= value(weight[i]) / std::sqrt(squares / c.head_dim + 1e-6);
  for (int i = 0; i < c.rope_dim / 2; ++i) {
    const int base = c.head_dim - c.rope_dim;
    double& x = v[index(base + (c.interleaved ? 2 * i : i))];
    double& y = v[index(base + (c.interleaved ? 2 * i + 1 : i + c.rope_dim / 2))];
    const double angle = static_cast<double>(position) * frequency[index(i)], a = x, e = y;
    x = a * std::cos(angle) - e * std::sin(angle);
    y = a * std::sin(angle) + e * std::cos(angle);
  }
  return v;
}

/// A cached row against what it should hold: half a step of the format; for bytes of the scale too.
int bad_row(DType type, const std::uint8_t* bytes, float scale, const std::vector<double>& expected) {
  double most = 0;
  for (const double v : expected) most = std::max(most, std::abs(v));
  int bad = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double v = expected[i];
    if (type == DType::bf16) {
      bf16 stored;
      std::memcpy(&stored, bytes + 2 * i, 2);
      bad += !close(value(stored), v, kEps * std::abs(v) + 1e-5 * most);
    } else if (type == DType::i8) {
      bad += !close(static_cast<std::int8_t>(bytes[i]) * static_cast<double>(scale), v, (0.5 + 1e-3) * most / 127);
    } else {
      e4m3 stored;
      stored.bits = bytes[i];
      const double got = static_cast<double>(static_cast<float>(stored)) * scale;
      bad += !close(got, v, 0x1p-4 * std::abs(v) + (0x1p-10 + 1e-3) * most / 448);
    }
  }
  if (type == DType::bf16) return bad;
  const double limit = type == DType::i8 ? 127 : 448;
  return bad + !close(scale, most > 0 ? most / limit : 1, 1e-5 * most);
}

void check_rope(Backend& b, const RopeCase& c) {
  Random random(static_cast<unsigned>(c.head_dim + c.rope_dim));
  const int tokens = 3, pages = 12;
  const int q_cols = c.q_heads * c.head_dim, k_cols = c.kv_heads * c.head_dim, v_cols = c.kv_heads * c.value_dim;
  const std::int64_t stride = q_cols + k_cols + v_cols;
  auto qkv = normal_bf16(tokens * stride, random);
  std::fill_n(qkv.begin() + stride + q_cols, c.head_dim, bf16(0.0f));  // a head of zeros
  std::vector<float> frequency;
  for (int i = 0; i < c.rope_dim / 2; ++i)
    frequency.push_back(static_cast<float>(std::pow(10000.0, -2.0 * i / std::max(1, c.rope_dim))));
  const auto weight = normal_bf16(c.head_dim, random);
  const std::vector<std::int32_t> positions = {0, 7, 131071};
  const std::vector<std::int64_t> slots = {5, 0, 11};
  const std::size_t rows = index(pages * c.kv_heads * c.page_tokens), byte = c.type == DType::bf16 ? 2 : 1;
  const Device data(b, qkv), weight_d(b, weight);
  const Device frequency_d(b, frequency);
  const Device positions_d(b, positions);
  const Device slots_d(b, slots);
  const Device<std::uint8_t> keys(b, rows * index(c.head_dim) * byte), values(b, rows * index(c.value_dim) * byte);
  const Device<float> key_scales(b, rows), value_scales(b, rows);
  RopeAppendArgs a;
  const Tensor all = matrix(data, tokens, stride);
  a.q = all.columns(0, q_cols), a.k = all.columns(q_cols, k_cols), a.v = all.columns(q_cols + k_cols, v_cols);
  a.positions = positions_d.data(), a.slots = slots_d.data(), a.inverse_frequency = frequency_d.data();
  a.q_heads = c.q_heads, a.rope_dim = c.rope_dim, a.interleaved = c.interleaved;
  if (c.norm) a.q_norm = a.k_norm = weight_d.data();
  a.kv = {keys.data(),
          c.latent ? nullptr : values.data(),
          key_scales.data(),
          value_scales.data(),
          c.type,
          c.page_tokens,
          c.kv_heads,
          c.head_dim,
          c.value_dim};
  b.rope_append(a);
  b.synchronize();
  const auto after = data.get();
  const auto key_bytes = keys.get(), value_bytes = values.get();
  const auto key_scale = key_scales.get(), value_scale = value_scales.get();
  int bad = 0;
  for (std::size_t t = 0; t < 3; ++t) {
    const bf16* row = qkv.data() + t * index(stride);
    for (int h = 0; h < c.q_heads; ++h) {
      const auto expected = rotated(c, row + h * c.head_dim, weight, positions[t], frequency);
      const bf16* got = after.data() + t * index(stride) + h * c.head_dim;
      for (std::size_t i = 0; i < expected.size(); ++i)
        bad += !close(value(got[i]), expected[i], kEps * std::abs(expected[i]) + 2e-5);
    }
    for (int h = 0; h < c.kv_heads; ++h) {
      const std::size_t at =
          index((slots[t] / c.page_tokens * c.kv_heads + h) * c.page_tokens + slots[t] % c.page_tokens);
      const auto k = rotated(c, row + q_cols + h * c.head_dim, weight, positions[t], frequency);
      bad += bad_row(c.type, key_bytes.data() + at * index(c.head_dim) * byte, key_scale[at], k);
      if (c.latent) continue;
      std::vector<double> v;
      for (int i = 0; i < c.value_dim; ++i) v.push_back(value(row[q_cols + k_cols + h * c.value_dim + i]));
      bad += bad_row(c.type, value_bytes.data() + at * index(c.value_dim) * byte, value_scale[at], v);
    }
  }
  INFO("head_dim " << c.head_dim << ", rope_dim " << c.rope_dim << ", cache " << name(c.type));
  CHECK(bad == 0);
}

}  // namespace

TEST_CASE("rotation and cache writing: layouts, norms, cache types, a head of zeros, a far position") {
  const auto b = make_emulated_cuda_backend();
  for (const DType type : {DType::bf16, DType::e4m3, DType::i8}) {
    check_rope(*b, {3, 2, 64, 64, 64, 4, type});
    check_rope(*b, {2, 1, 128, 128, 32, 16, type, false, true});
    check_rope(*b, {2, 1, 72, 24, 8, 1, type, true});
    check_rope(*b, {1, 1, 10, 6, 6, 4, type, true, true});  // no 16-byte accesses
    check_rope(*b, {2, 1, 576, 512, 64, 64, type, true, false, true});
  }
  check_rope(*b, {9, 8, 64, 64, 0, 4});
}

TEST_CASE("cache rows are copied in order, with their scales") {
  const auto b = make_emulated_cuda_backend();
  Random random(4);
  for (const int dim : {64, 10, 3}) {
    const int pages = 5, heads = 2, page_tokens = 4, rows = pages * heads * page_tokens;
    std::vector<std::uint8_t> keys(index(rows * dim)), values(index(rows * dim * 2));
    for (auto& v : keys) v = static_cast<std::uint8_t>(random());
    for (auto& v : values) v = static_cast<std::uint8_t>(random());
    auto scales = normal_f32(rows, random);
    std::vector<std::int64_t> from, to;
    for (int i = 0; i < 21; ++i) {
      from.push_back(i > 3 && i % 3 == 0 ? to[index(i - 2)] : random() % 20);
      to.push_back(i % 4 == 1 ? from.back() : random() % 20);
    }
    const Device keys_d(*b, keys), values_d(*b, values);
    const Device scales_d(*b, scales);
    const Device from_d(*b, from), to_d(*b, to);
    b->copy_kv({{keys_d.data(), values_d.data(), scales_d.data(), nullptr, DType::i8, page_tokens, heads, dim, 2 * dim},
                from_d.data(),
                to_d.data(),
                21});
    b->synchronize();
    const auto row = [&](std::int64_t slot, int h) {
      return index((slot / page_tokens * heads + h) * page_tokens + slot % page_tokens);
    };
    for (std::size_t i = 0; i < from.size(); ++i)
      for (int h = 0; h < heads; ++h) {
        const std::size_t x = row(from[i], h), y = row(to[i], h), width = index(dim);
        std::memmove(&keys[y * width], &keys[x * width], width);
        std::memmove(&values[2 * y * width], &values[2 * x * width], 2 * width);
        scales[y] = scales[x];
      }
    CHECK(keys_d.get() == keys);
    CHECK(values_d.get() == values);
    CHECK(scales_d.get() == scales);
  }
}
