#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {
namespace {

void add_products(OpCases& all, DType act, bool tiny) {
  for (const DType type : {DType::bf16, DType::i8, DType::e4m3, DType::i4}) {
    for (const auto& [m, n, k] : {std::tuple{1, 1, 128}, {3, 7, 256}, {8, 33, 128}, {17, 129, 384}, {70, 20, 128}})
      if (!tiny || m < 70 || type == DType::bf16) all.push_back(matmul_case(act, {m, n, k, type}));
    all.push_back(matmul_case(act, {2, 24, 256, type, true, true}));
  }
  all.push_back(matmul_case(act, {4, 40, 128, DType::bf16, false, true}));
  all.push_back(matmul_case(act, {4, 40, 48, DType::bf16, true}));
}

void add_attention(OpCases& all, DType act, bool tiny) {
  AttentionShape s;
  const auto add = [&] { all.push_back(attention_case(act, s)); };
  std::vector<DType> caches{DType::bf16, DType::e4m3, DType::i8};
  if (act == DType::f32) caches.push_back(DType::f32);
  for (const DType kv : caches) {
    s = {3, 1, 77, 8, 2, 64, 16, kv, true}, add();  // decode, grouped heads
    s = {2, 4, 50, 4, 4, 128, 1, kv, true}, add();  // a few queries, one token a page
  }
  s = {2, 33, 90, 8, 2, 64, 64, DType::bf16, true}, add();           // chunks
  s = {1, 70, 70, 4, 1, 128, 16, DType::bf16, false, false}, add();  // a whole prompt, pages in order
  s = {2, 9, 40, 4, 2, 64, 16, DType::bf16, false, true, true}, add();
  s = {2, 1, 300, 8, 1, 128, 16, DType::bf16, true}, add();
  s = {2, 1, 45, 4, 1, 96, 16, DType::bf16, true, true, false, 64}, add();  // the value lies in the key
  if (!tiny) s = {3, 21, 600, 12, 4, 128, 16, DType::bf16, true}, add();
}

void add_caches(OpCases& all, DType act) {
  RopeShape r;
  const auto add = [&] { all.push_back(rope_case(act, r)); };
  for (const DType kv : {DType::bf16, DType::e4m3, DType::i8}) r = {5, 4, 2, 64, 64, kv}, add();
  r = {9, 8, 1, 128, 128, act}, add();
  r = {4, 2, 2, 128, 64, DType::bf16, false, true}, add();
  r = {4, 4, 1, 64, 32, DType::bf16, true}, add();
  r = {3, 2, 1, 96, 32, DType::bf16, true, false, false}, add();
  for (const DType kv : {DType::bf16, DType::i8}) all.push_back(copy_kv_case(kv, 5, 3, 64));
}

void add_small(OpCases& all, DType act) {
  for (const auto& [rows, cols] : {std::pair{1, 64}, {5, 256}, {3, 1000}}) {
    all.push_back(norm_case(act, rows, cols));
    all.push_back(swiglu_case(act, rows, cols));
  }
  all.push_back(norm_case(act, 4, 128, false));
  all.push_back(embed_case(act, 7, 50, 64)), all.push_back(gather_case(act, 6, 96));
}

void add_routed(OpCases& all, DType act) {
  for (const std::int64_t t : {1, 5, 19}) all.push_back(moe_case(act, {t, 128, 128, 6, 2, DType::bf16, false}));
  all.push_back(moe_case(act, {9, 128, 128, 12, 4, DType::bf16, true}));
  for (const DType type : {DType::i4, DType::i8, DType::e4m3})
    all.push_back(moe_case(act, {7, 128, 256, 8, 2, type, false}));
  all.push_back(moe_route_case(1, 8, 2, true)), all.push_back(moe_route_case(33, 60, 4, false));
  all.push_back(moe_route_case(12, 128, 8, true));
  all.push_back(moe_combine_case(act, 5, 64, 3, false)), all.push_back(moe_combine_case(act, 4, 72, 2, true));
}

void add_sampling(OpCases& all) {
  all.push_back(sample_case(1, 1000, 0, false)), all.push_back(sample_case(5, 4097, 0, false));
  all.push_back(sample_case(3, 300, 0, true));
  all.push_back(sample_case(6, 1000, 1, true)), all.push_back(sample_case(4, 4097, 0.7f, false));
  for (const float temperature : {0.0f, 0.8f})
    for (const bool given : {false, true}) all.push_back(verify_case({9, 3, 500, temperature, given}));
  all.push_back(verify_case({2, 1, 1000, 0, false}));
}

}  // namespace

OpCases test_cases(DType act, bool tiny) {
  OpCases all;
  add_products(all, act, tiny);
  add_attention(all, act, tiny);
  add_caches(all, act);
  add_small(all, act);
  add_routed(all, act);
  add_sampling(all);
  return all;
}

}  // namespace tokenfab::kernels
