#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "kernels/cpu/cpu_backend.h"

namespace tokenfab::kernels::cpu {
namespace {

/// 1 / rms, summed in double: exact enough for any width, and in one order.
float inverse_rms(const float* x, std::int64_t n, float eps) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
  return static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(n) + eps));
}

void norm_head(float* head, const bf16* weight, std::int64_t dim, float eps) {
  if (!weight) return;
  const float scale = inverse_rms(head, dim, eps);
  for (std::int64_t i = 0; i < dim; ++i) head[i] = head[i] * scale * static_cast<float>(weight[i]);
}

void rotate(float* head, const RopeAppendArgs& args, const float* cosine, const float* sine) {
  const std::int32_t half = args.rope_dim / 2;
  float* part = head + args.kv.head_dim - args.rope_dim;
  for (std::int32_t i = 0; i < half; ++i) {
    float& a = args.interleaved ? part[2 * i] : part[i];
    float& b = args.interleaved ? part[2 * i + 1] : part[i + half];
    const float x = a, y = b;
    a = x * cosine[i] - y * sine[i];
    b = x * sine[i] + y * cosine[i];
  }
}

float largest_magnitude(const float* x, std::int64_t n) {
  float top = 0;
  for (std::int64_t i = 0; i < n; ++i) top = std::max(top, std::fabs(x[i]));
  return top;
}

/// Writes one row of a cache; e4m3 and i8 get a scale of their own where `scales` is given.
void store_row(const float* x, std::int64_t dim, DType type, void* base, float* scales, std::int64_t row) {
  float scale = 1;
  if (scales) {
    const float limit = type == DType::i8 ? 127.0f : 448.0f, top = largest_magnitude(x, dim);
    scale = top > 0 ? top / limit : 1.0f;
    scales[row] = scale;
  }
  const std::int64_t at = row * dim;
  for (std::int64_t i = 0; i < dim; ++i) switch (type) {
      case DType::f32:
        static_cast<float*>(base)[at + i] = x[i];
        break;
      case DType::bf16:
        static_cast<bf16*>(base)[at + i] = bf16(x[i]);
        break;
      case DType::e4m3:
        static_cast<e4m3*>(base)[at + i] = e4m3(x[i] / scale);
        break;
      case DType::i8:
        static_cast<std::int8_t*>(base)[at + i] = to_int8(x[i] / scale);
        break;
      default:
        throw std::invalid_argument(std::string("KV cache of type ") + name(type));
    }
}

void append(const RopeAppendArgs& args, std::int64_t token, std::int32_t head, const float* k) {
  const KvCache& kv = args.kv;
  const std::int64_t slot = args.slots[token], page = slot / kv.page_tokens;
  const std::int64_t row = (page * kv.kv_heads + head) * kv.page_tokens + slot % kv.page_tokens;
  store_row(k, kv.head_dim, kv.type, kv.keys, kv.key_scales, row);
  if (!kv.values) return;
  const float* v = args.v.as<const float>() + token * args.v.stride + static_cast<std::int64_t>(head) * kv.value_dim;
  store_row(v, kv.value_dim, kv.type, kv.values, kv.value_scales, row);
}

void rope_token(const RopeAppendArgs& args, std::int64_t token, float* cosine, float* sine) {
  for (std::int32_t i = 0; i < args.rope_dim / 2; ++i) {
    const double angle = static_cast<double>(args.positions[token]) * args.inverse_frequency[i];
    cosine[i] = static_cast<float>(std::cos(angle));
    sine[i] = static_cast<float>(std::sin(angle));
  }
  const std::int64_t dim = args.kv.head_dim;
  for (std::int32_t h = 0; h < args.q_heads; ++h) {
    float* head = args.q.as<float>() + token * args.q.stride + h * dim;
    norm_head(head, args.q_norm, dim, args.eps);
    rotate(head, args, cosine, sine);
  }
  for (std::int32_t h = 0; h < args.kv.kv_heads; ++h) {
    float* head = args.k.as<float>() + token * args.k.stride + h * dim;
    norm_head(head, args.k_norm, dim, args.eps);
    rotate(head, args, cosine, sine);
    append(args, token, h, head);
  }
}

}  // namespace

void CpuBackend::embed(const EmbedArgs& args) {
  const bf16* table = static_cast<const bf16*>(args.table.data);
  for (std::int64_t t = 0; t < args.out.rows; ++t) {
    const bf16* row = table + static_cast<std::int64_t>(args.ids[t]) * args.table.k;
    float* out = args.out.as<float>() + t * args.out.stride;
    for (std::int64_t i = 0; i < args.table.k; ++i) out[i] = static_cast<float>(row[i]);
  }
}

void CpuBackend::gather(const GatherArgs& args) {
  const std::int64_t value = bits_per_value(args.x.type) / 8;
  for (std::int64_t i = 0; i < args.out.rows; ++i) {
    const char* from = args.x.as<const char>() + (args.rows ? args.rows[i] : i) * args.x.stride * value;
    std::memcpy(args.out.as<char>() + i * args.out.stride * value, from,
                static_cast<std::size_t>(args.out.cols * value));
  }
}

void CpuBackend::rms_norm(const RmsNormArgs& args) {
  const std::int64_t cols = args.out.cols;
  const double work = 4.0 * static_cast<double>(args.out.rows * cols);
  parallel(args.out.rows, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t t = first; t < last; ++t) {
      float* residual = args.residual.as<float>() + t * args.residual.stride;
      if (args.x.data)
        for (std::int64_t i = 0; i < cols; ++i) residual[i] += args.x.as<const float>()[t * args.x.stride + i];
      const float scale = inverse_rms(residual, cols, args.eps);
      float* out = args.out.as<float>() + t * args.out.stride;
      for (std::int64_t i = 0; i < cols; ++i) out[i] = residual[i] * scale * static_cast<float>(args.weight[i]);
    }
  });
}

void CpuBackend::rope_append(const RopeAppendArgs& args) {
  const double work = 8.0 * static_cast<double>(args.q.rows * args.q.cols);
  parallel(args.q.rows, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    float cosine[512], sine[512];
    if (args.rope_dim > 1024) throw std::invalid_argument("rope: at most 1024 rotated dimensions");
    for (std::int64_t t = first; t < last; ++t) rope_token(args, t, cosine, sine);
  });
}

void CpuBackend::swiglu(const SwigluArgs& args) {
  const std::int64_t cols = args.out.cols;
  const double work = 4.0 * static_cast<double>(args.out.rows * cols);
  parallel(args.out.rows, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t t = first; t < last; ++t) {
      const float* gate = args.gate_up.as<const float>() + t * args.gate_up.stride;
      micro().swiglu(gate, gate + cols, args.out.as<float>() + t * args.out.stride, cols);
    }
  });
}

}  // namespace tokenfab::kernels::cpu
