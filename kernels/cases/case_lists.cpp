#include <stdexcept>

#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {
namespace {

struct Gemm {
  std::int64_t n, k;
};

void add_attention(OpCases& all, DType act, DType kv, std::int32_t sequences, std::int32_t query, std::int32_t context,
                   std::int32_t q_heads, std::int32_t kv_heads, std::int32_t dim, std::int32_t page, bool ragged,
                   bool permuted) {
  AttentionShape s;
  s.kv = kv, s.sequences = sequences, s.query = query, s.context = context, s.q_heads = q_heads, s.kv_heads = kv_heads;
  s.head_dim = dim, s.page_tokens = page, s.ragged = ragged, s.permuted = permuted;
  all.push_back(attention_case(act, s));
}

void add_moe(OpCases& all, DType act, std::int64_t tokens, std::int64_t hidden, std::int64_t intermediate,
             std::int32_t experts, std::int32_t top_k, bool skewed, DType weights = DType::bf16) {
  all.push_back(moe_case(act, {tokens, hidden, intermediate, experts, top_k, weights, skewed}));
}

OpCases cpu_cases(DType act) {
  OpCases all;
  for (const DType type : {DType::bf16, DType::i8, DType::e4m3, DType::i4})
    for (const std::int64_t m : {1, 4, 16, 128}) all.push_back(matmul_case(act, type, m, 4096, 4096));
  for (const auto& [n, k] : {Gemm{2304, 768}, Gemm{768, 2048}, Gemm{16384, 768}})
    all.push_back(matmul_case(act, DType::bf16, 1, n, k));
  for (const DType kv : {DType::bf16, DType::e4m3, DType::i8})
    for (const std::int32_t b : {1, 16}) add_attention(all, act, kv, b, 1, 1024, 12, 4, 64, 16, false, true);
  add_attention(all, act, DType::bf16, 16, 1, 1024, 12, 4, 64, 1024, false, false);  // one page: contiguous
  add_attention(all, act, DType::bf16, 1, 512, 512, 12, 4, 64, 16, false, true);
  for (const std::int64_t t : {1, 8, 64}) add_moe(all, act, t, 1024, 1024, 8, 2, false);
  add_moe(all, act, 64, 1024, 256, 64, 4, true);
  all.push_back(norm_case(act, 256, 4096));
  all.push_back(swiglu_case(act, 256, 4096));
  all.push_back(rope_case(act, DType::bf16, 256, 32, 8, 128));
  all.push_back(argmax_case(8, 128256));
  return all;
}

/// Rows of y = x W^T for one shape list: decode sizes first, over all shapes, then the larger ones.
void add_gemms(OpCases& all, DType act, DType type, const std::vector<Gemm>& shapes,
               const std::vector<std::int64_t>& rows) {
  for (const std::int64_t m : rows)
    for (const auto& [n, k] : shapes) all.push_back(matmul_case(act, type, m, n, k));
}

OpCases h200_cases(DType act) {
  OpCases all;
  // Llama-3-8B: qkv, o, gate_up, down, head; square 8192 and 70B TP8 shapes; Qwen3-30B, Mixtral attention.
  const std::vector<Gemm> llama{{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}, {8192, 8192}, {65536, 8192}};
  const std::vector<Gemm> more{{128256, 4096}, {1280, 8192}, {8192, 1024}, {7168, 8192},
                               {8192, 3584},   {5120, 2048}, {2048, 4096}, {16384, 8192}};
  add_gemms(all, act, DType::bf16, llama, {1, 8});
  for (const auto& [b, c] : {std::pair{64, 4096},
                             {32, 4096},
                             {8, 4096},
                             {1, 4096},
                             {1, 32768},
                             {4, 4096},
                             {1, 1024},
                             {16, 1024},
                             {128, 4096}})
    add_attention(all, act, DType::bf16, b, 1, c, 32, 8, 128, 16, false, true);
  add_attention(all, act, DType::bf16, 32, 1, 4096, 32, 8, 128, 4096, false,
                false);  // contiguous, for the paging's price
  add_gemms(all, act, DType::i4, {{8192, 8192}, {4096, 4096}, {6144, 4096}, {28672, 4096}, {65536, 8192}},
            {1, 16, 4, 64});
  add_gemms(all, act, DType::e4m3, llama, {1, 8, 16});
  add_gemms(all, act, DType::i8, {{8192, 8192}, {4096, 4096}, {65536, 8192}}, {1, 16});
  for (const std::int32_t c : {4096, 1024})
    for (const std::int32_t b : {64, 16}) add_attention(all, act, DType::e4m3, b, 1, c, 32, 8, 128, 16, false, true);
  for (const std::int64_t t : {4, 16, 64, 1}) add_moe(all, act, t, 4096, 14336, 8, 2, false);
  for (const std::int64_t t : {1, 8, 32, 128}) add_moe(all, act, t, 2048, 768, 128, 8, false);
  add_moe(all, act, 64, 2048, 768, 128, 8, true);
  for (const std::int32_t s : {8192, 2048, 512, 16384})
    add_attention(all, act, DType::bf16, 1, s, s, 32, 8, 128, 16, false, true);
  for (const std::int32_t q : {512, 2048})
    add_attention(all, act, DType::bf16, 1, q, 16384, 32, 8, 128, 16, false, true);
  all.push_back(norm_case(act, 1, 4096)), all.push_back(norm_case(act, 4096, 4096));
  all.push_back(swiglu_case(act, 1, 14336)), all.push_back(swiglu_case(act, 4096, 14336));
  all.push_back(rope_case(act, DType::bf16, 1, 32, 8, 128)),
      all.push_back(rope_case(act, DType::bf16, 4096, 32, 8, 128));
  all.push_back(argmax_case(1, 128256)), all.push_back(argmax_case(8, 128256));
  add_gemms(all, act, DType::bf16, llama, {2, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096});
  add_gemms(all, act, DType::bf16, more, {1, 8, 64, 512, 4096});
  add_gemms(all, act, DType::e4m3, more, {1, 16});
  for (const std::int32_t c : {256, 1024, 2048, 8192, 16384, 32768})
    for (const std::int32_t b : {1, 2, 4, 8, 16, 32, 64, 128, 256})
      if (static_cast<std::int64_t>(b) * c <= 1 << 20)
        add_attention(all, act, DType::bf16, b, 1, c, 32, 8, 128, 16, false, true);
  for (const std::int32_t b : {8, 64}) {
    add_attention(all, act, DType::bf16, b, 1, 4096, 64, 8, 128, 16, true, true);
    add_attention(all, act, DType::bf16, b, 1, 4096, 8, 1, 128, 16, true, true);
  }
  add_moe(all, act, 4096, 4096, 14336, 8, 2, false);
  return all;
}

}  // namespace

OpCases test_cases(DType act) {
  OpCases all;
  for (const DType type : {DType::bf16, DType::i8, DType::e4m3, DType::i4})
    for (const auto& [m, n, k] : {std::tuple{1, 1, 128}, {3, 7, 256}, {8, 33, 128}, {17, 129, 384}})
      all.push_back(matmul_case(act, type, m, n, k));
  std::vector<DType> caches{DType::bf16, DType::e4m3, DType::i8};
  if (act == DType::f32) caches.push_back(DType::f32);
  for (const DType kv : caches) {
    add_attention(all, act, kv, 3, 1, 77, 8, 2, 64, 16, true, true);
    add_attention(all, act, kv, 2, 4, 50, 4, 4, 128, 1, true, true);
  }
  add_attention(all, act, DType::bf16, 2, 33, 90, 8, 2, 64, 64, true, true);
  add_attention(all, act, DType::bf16, 1, 70, 70, 4, 1, 128, 16, false, false);
  for (const std::int64_t t : {1, 5, 19}) add_moe(all, act, t, 128, 128, 6, 2, false);
  add_moe(all, act, 9, 128, 128, 12, 4, true);
  add_moe(all, act, 7, 128, 256, 8, 2, false, DType::i4);
  for (const auto& [rows, cols] : {Gemm{1, 64}, Gemm{5, 256}, Gemm{3, 1000}}) {
    all.push_back(norm_case(act, rows, cols));
    all.push_back(swiglu_case(act, rows, cols));
  }
  all.push_back(rope_case(act, DType::bf16, 5, 4, 2, 64));
  all.push_back(rope_case(act, act, 9, 8, 1, 128));
  all.push_back(argmax_case(1, 1000)), all.push_back(argmax_case(5, 4097));
  return all;
}

OpCases bench_cases(DType act, const std::string& size) {
  if (size == "cpu") return cpu_cases(act);
  if (size == "h200") return h200_cases(act);
  throw std::invalid_argument("size \"" + size + "\" is not known; allowed: cpu, h200");
}

}  // namespace tokenfab::kernels
