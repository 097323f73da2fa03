// The CUDA attention kernels, run by the emulator, against softmax in double.
#include "tests/engine/cuda_ops_attention.h"

using namespace tokenfab::kernels;
using namespace tokenfab::kernels::test;

namespace {

void check(Backend& backend, const Batch& b, const Layout& layout = {}) {
  Random random(static_cast<unsigned>(b.rows() * 31 + b.head_dim));
  const Data d = make_data(b, random);
  INFO(name(b.type) << ", dim " << b.head_dim << ", " << b.q_heads << "/" << b.kv_heads << " heads, "
                    << b.queries.size() << " sequences of " << b.queries[0] << " ... queries, page "
                    << layout.page_tokens);
  CHECK(wrong(b, d, attend(backend, b, d, layout)) == 0);
}

constexpr DType kTypes[] = {DType::bf16, DType::e4m3, DType::i8};

}  // namespace

TEST_CASE("attention of few queries: all cache types, head counts and lengths") {
  const auto b = make_emulated_cuda_backend();
  for (const bool deterministic : {false, true}) {
    b->set_deterministic(deterministic);
    for (const DType type : kTypes) {
      check(*b, {{1, 1, 1}, {1, 17, 130}, 8, 2, 64, 64, type});
      check(*b, {{1}, {530}, 4, 1, 128, 128, type});
      check(*b, {{3, 0, 8, 1}, {65, 5, 64, 40}, 6, 2, 128, 128, type}, {64});
    }
    check(*b, {{1, 2}, {33, 20}, 7, 1, 64, 64}, {1});
    check(*b, {{8}, {90}, 8, 1, 64, 64});  // 64 rows: two tiles
    check(*b, {{5, 3}, {70, 3}, 4, 2, 64, 64, DType::bf16, false, true});
  }
}

TEST_CASE("attention of many queries, alone and beside few") {
  const auto b = make_emulated_cuda_backend();
  for (const DType type : kTypes) check(*b, {{40, 1, 9}, {100, 70, 9}, 4, 2, 64, 64, type});
  check(*b, {{34, 20}, {34, 90}, 8, 2, 128, 128});
  check(*b, {{70, 3}, {130, 30}, 3, 3, 64, 64}, {1});
  check(*b, {{20, 12}, {90, 40}, 4, 2, 64, 64, DType::bf16, false, true});
  check(*b, {{24}, {80}, 4, 1, 64, 64});  // cut into parts, as few queries are
}

TEST_CASE("attention of other dimensions, and without values") {
  const auto b = make_emulated_cuda_backend();
  for (const DType type : kTypes) {
    check(*b, {{1, 4}, {20, 9}, 4, 2, 80, 80, type});
    check(*b, {{2}, {37}, 4, 1, 192, 128, type, true});
  }
  check(*b, {{1}, {40}, 2, 1, 576, 512, DType::bf16, true});
  check(*b, {{3}, {12}, 2, 1, 20, 24, DType::bf16, false, true});
}

TEST_CASE("pages do not matter, bit for bit: their size, their order, what is shared") {
  const auto b = make_emulated_cuda_backend();
  for (const bool deterministic : {false, true})
    for (const DType type : {DType::bf16, DType::e4m3}) {
      b->set_deterministic(deterministic);
      const Batch batch = {{1, 2, 20}, {140, 100, 84}, 4, 2, 64, 64, type, false, false, 64};
      Random random(5);
      const Data d = make_data(batch, random);
      const auto contiguous = attend(*b, batch, d, {256, false});
      for (const int page : {1, 16, 64}) {
        CHECK(same_bits(attend(*b, batch, d, {page, true, false}), contiguous));
        CHECK(same_bits(attend(*b, batch, d, {page, true, true}), contiguous));
      }
    }
}

namespace {

/// The outputs of the last `rows` queries of one sequence.
std::vector<bf16> last_rows(const std::vector<bf16>& y, int rows, int width) {
  return {y.end() - static_cast<std::ptrdiff_t>(rows) * width, y.end()};
}

/// The same sequence with only its last queries asked for.
void keep_last(Batch& b, Data& d, int queries) {
  b.queries = {queries};
  const int width = b.q_heads * b.head_dim;
  d.q.erase(d.q.begin(), d.q.end() - static_cast<std::ptrdiff_t>(queries) * width);
}

}  // namespace

TEST_CASE("chunks equal the whole, and kernels each other, to rounding; bit for bit where deterministic") {
  const auto b = make_emulated_cuda_backend();
  for (const int dim : {64, 128}) {
    Batch whole = {{70}, {700}, 4, 2, dim, dim};
    Random random(9);
    const Data d = make_data(whole, random);
    for (const bool deterministic : {false, true}) {
      b->set_deterministic(deterministic);
      const auto y = attend(*b, whole, d, {});
      CHECK(wrong(whole, d, y) == 0);
      for (const int queries : {30, 5, 1}) {
        Batch part = whole;
        Data part_data = d;
        keep_last(part, part_data, queries);
        const auto z = attend(*b, part, part_data, {});
        CHECK(wrong(part, part_data, z) == 0);
        if (deterministic) CHECK(same_bits(z, last_rows(y, queries, 4 * dim)));
      }
    }
  }
}

TEST_CASE("a sequence's deterministic attention does not depend on the batch, the bounds or the way it is cut") {
  const auto b = make_emulated_cuda_backend();
  b->set_deterministic(true);
  for (const DType type : {DType::bf16, DType::i8}) {
    Batch batch = {{1, 4, 1, 2}, {300, 20, 77, 1100}, 4, 1, 64, 64, type};
    Random random(11);
    const Data d = make_data(batch, random);
    const auto y = attend(*b, batch, d, {});
    CHECK(same_bits(attend(*b, batch, d, {16, true, false, 1 << 24}), y));  // one block for each tile
    Batch alone = batch;
    alone.queries = {2};
    alone.lengths = {1100};
    Data own;
    own.keys = {d.keys[3]};
    own.values = {d.values[3]};
    own.q.assign(d.q.end() - 2 * 4 * 64, d.q.end());
    own.tree.assign(2, 0);
    CHECK(same_bits(attend(*b, alone, own, {64}), last_rows(y, 2, 4 * 64)));
  }
}
