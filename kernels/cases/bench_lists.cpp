#include <set>
#include <stdexcept>

#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {
namespace {

/// Cases in order of value; a second one of the same name is dropped.
class Sweep {
 public:
  explicit Sweep(DType act) : act_(act) {}
  OpCases take() { return std::move(all_); }

  void add(std::unique_ptr<OpCase> c) {
    if (names_.insert(c->name).second) all_.push_back(std::move(c));
  }
  struct Gemm {
    std::int64_t n, k;
  };
  /// Row counts outermost: all shapes at decode sizes come before any larger one.
  void products(DType type, const std::vector<Gemm>& shapes, const std::vector<std::int64_t>& rows) {
    for (const std::int64_t m : rows)
      for (const auto& [n, k] : shapes) add(matmul_case(act_, {m, n, k, type}));
  }
  struct Heads {
    std::int32_t q, kv;
  };
  void decode(DType kv, const std::vector<std::int32_t>& batches, const std::vector<std::int32_t>& contexts,
              const Heads& heads, bool ragged = false, std::int64_t most_tokens = 1 << 20) {
    for (const std::int32_t context : contexts)
      for (const std::int32_t b : batches)
        if (static_cast<std::int64_t>(b) * context <= most_tokens)
          add(attention_case(act_, {b, 1, context, heads.q, heads.kv, 128, 16, kv, ragged}));
  }
  void prefill(std::int32_t query, std::int32_t context) {
    add(attention_case(act_, {1, query, context, 32, 8, 128, 16, DType::bf16}));
  }
  void routed(const MoeShape& model, const std::vector<std::int64_t>& tokens, bool skewed) {
    for (const std::int64_t t : tokens) {
      MoeShape s = model;
      s.tokens = t, s.skewed = skewed;
      add(moe_case(act_, s));
    }
  }
  void small_ops(std::int64_t tokens) {
    add(norm_case(act_, tokens, 4096));
    add(swiglu_case(act_, tokens, 14336));
    add(rope_case(act_, {tokens, 32, 8, 128, 128, DType::bf16}));
    add(rope_case(act_, {tokens, 32, 8, 128, 128, DType::e4m3}));
    add(embed_case(act_, tokens, 128256, 4096));
  }
  DType act() const { return act_; }

 private:
  DType act_;
  OpCases all_;
  std::set<std::string> names_;
};

OpCases cpu_cases(DType act) {
  Sweep s(act);
  for (const DType type : {DType::bf16, DType::i8, DType::e4m3, DType::i4})
    s.products(type, {{4096, 4096}}, {1, 4, 16, 128});
  s.products(DType::bf16, {{2304, 768}, {768, 2048}, {16384, 768}}, {1});
  for (const DType kv : {DType::bf16, DType::e4m3, DType::i8})
    for (const std::int32_t b : {1, 16}) s.add(attention_case(act, {b, 1, 1024, 12, 4, 64, 16, kv}));
  s.add(attention_case(act, {16, 1, 1024, 12, 4, 64, 1024, DType::bf16, false, false}));  // one page: contiguous
  s.add(attention_case(act, {1, 512, 512, 12, 4, 64, 16, DType::bf16}));
  s.routed({1, 1024, 1024, 8, 2}, {1, 8, 64}, false);
  s.routed({1, 1024, 256, 64, 4}, {64}, true);
  s.add(norm_case(act, 256, 4096)), s.add(swiglu_case(act, 256, 4096));
  s.add(rope_case(act, {256, 32, 8, 128, 128, DType::bf16}));
  s.add(sample_case(8, 128256, 0, false)), s.add(sample_case(8, 128256, 1, false));
  return s.take();
}

using Gemms = std::vector<Sweep::Gemm>;
/// Llama-3-8B: qkv, o, gate and up, down; squares and a large one between.
const Gemms kLlama8B{{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}, {8192, 8192}, {65536, 8192}};
/// The head; Llama-3-70B over eight GPUs; Qwen3-30B-A3B, Qwen3-8B and Mixtral.
const Gemms kMore{{128256, 4096}, {1280, 8192}, {8192, 1024},  {7168, 8192},  {8192, 3584},
                  {5120, 2048},   {2048, 4096}, {24576, 4096}, {4096, 12288}, {16384, 8192}};
const Gemms kInt4{{8192, 8192}, {4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}, {65536, 8192}};
const std::vector<std::int32_t> kBatches{1, 2, 4, 8, 16, 32, 64, 128, 256};
const std::vector<std::int32_t> kContexts{1024, 4096, 256, 2048, 8192, 16384, 32768};
const MoeShape kMixtral{1, 4096, 14336, 8, 2}, kQwen30B{1, 2048, 768, 128, 8};
const MoeShape kDeepSeekTp8{1, 7168, 256, 256, 8};  // one of eight GPUs

/// One case of everything that has a target, in an order that a cut-off hurts least.
void add_targets(Sweep& s) {
  s.products(DType::bf16, kLlama8B, {1, 8});
  for (const auto& [b, c] : {std::pair{64, 4096}, {32, 4096}, {8, 4096}, {1, 4096}, {1, 32768}, {4, 4096}, {1, 1024}})
    s.decode(DType::bf16, {b}, {c}, {32, 8});
  s.add(attention_case(s.act(), {32, 1, 4096, 32, 8, 128, 4096, DType::bf16, false, false}));  // the paging's price
  s.products(DType::i4, kInt4, {1, 16, 4, 64});
  s.products(DType::e4m3, kLlama8B, {1, 8, 16, 64});
  s.products(DType::i8, {{8192, 8192}, {4096, 4096}, {65536, 8192}}, {1, 16, 64});
  s.decode(DType::e4m3, {64, 16, 1}, {4096}, {32, 8});
  s.decode(DType::i8, {64, 1}, {4096}, {32, 8});
  s.routed(kMixtral, {4, 16, 64, 1}, false);
  s.routed(kQwen30B, {1, 8, 32, 128}, false);
  s.routed(kQwen30B, {64}, true);
  for (const std::int32_t length : {8192, 2048, 512, 16384}) s.prefill(length, length);
  for (const std::int32_t query : {512, 2048}) s.prefill(query, 16384);
  s.small_ops(1), s.small_ops(4096);
  s.add(moe_route_case(64, 128, 8, true)), s.add(moe_combine_case(s.act(), 64, 2048, 8, false));
  s.add(sample_case(8, 128256, 0, false)), s.add(sample_case(8, 128256, 1, false));
  s.add(verify_case({8, 4, 128256, 0, false})), s.add(verify_case({8, 4, 128256, 1, false}));
}

/// The rest of what the performance model is fitted to.
void add_sweep(Sweep& s) {
  s.products(DType::bf16, kLlama8B, {2, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096});
  s.decode(DType::bf16, kBatches, kContexts, {32, 8});
  s.products(DType::bf16, kMore, {1, 8, 64, 512, 4096});
  s.routed(kMixtral, {2, 8, 32, 128, 512, 2048, 4096}, false);
  s.routed(kQwen30B, {2, 4, 16, 64, 512, 2048, 8192}, false);
  s.routed(kMixtral, {4, 64, 1024}, true), s.routed(kQwen30B, {8, 1024}, true);
  s.decode(DType::e4m3, {1, 4, 16, 64, 256}, {1024, 4096, 16384}, {32, 8});
  for (const std::int32_t length : {128, 256, 1024, 4096, 32768}) s.prefill(length, length);
  for (const std::int32_t before : {512, 1024, 2048, 4096, 8192, 30720})
    for (const std::int32_t query : {512, 2048}) s.prefill(query, before + query);
  s.decode(DType::bf16, {1, 8, 64}, {1024, 4096}, {32, 8}, true);
  s.decode(DType::bf16, {1, 8, 64}, {1024, 4096, 16384}, {64, 8});
  s.decode(DType::bf16, {1, 8, 64}, {1024, 4096, 16384}, {8, 1});
  s.products(DType::e4m3, kLlama8B, {32, 128, 512, 2048}), s.products(DType::e4m3, kMore, {1, 16});
  s.products(DType::i4, kInt4, {2, 8, 32, 128, 512, 2048}), s.products(DType::i8, kInt4, {1, 4, 16, 64, 512});
  s.routed(kDeepSeekTp8, {1, 8, 64, 512, 4096}, false);
  for (const std::int64_t tokens : {8, 64, 512}) s.small_ops(tokens);
  s.add(copy_kv_case(DType::bf16, 64, 8, 128));
  for (const std::int64_t rows : {1, 64}) s.add(sample_case(rows, 128256, 0, false));
  s.products(DType::bf16, {{6144, 4096}, {8192, 8192}}, {24, 48, 96, 192, 384, 768, 8192});
  s.products(DType::bf16, {{6144, 4096}, {8192, 8192}}, {63, 65, 127, 129, 255, 257});  // either side of a tile
}

}  // namespace

OpCases bench_cases(DType act, const std::string& size) {
  if (size == "cpu") return cpu_cases(act);
  if (size != "h200") throw std::invalid_argument("size \"" + size + "\" is not known; allowed: cpu, h200");
  Sweep s(act);
  add_targets(s);
  add_sweep(s);
  return s.take();
}

}  // namespace tokenfab::kernels
