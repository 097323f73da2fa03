// The emulator itself: that it computes what a GPU would, and that it notices what a GPU would suffer from.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/cuda/group_search.cuh"
#include "kernels/cuda/platform.cuh"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/weight_format.cuh"
#include "tests/catch.h"

using namespace tokenfab::kernels;
using namespace tokenfab::kernels::cuda;

namespace {

int thread_id() { return static_cast<int>(threadIdx.x); }

template <class... P>
std::string error_of(unsigned threads, std::size_t shared, void (*kernel)(P...), std::type_identity_t<P>... arguments) {
  try {
    launch(kernel, {1}, {threads}, shared, nullptr, arguments...);
  } catch (const EmulatorError& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TF_KERNEL reverse_kernel(int* data, bool with_barrier) {
  int* shared = reinterpret_cast<int*>(dynamic_shared());
  shared[thread_id()] = data[blockIdx.x * blockDim.x + threadIdx.x];
  if (with_barrier) sync_threads();
  data[blockIdx.x * blockDim.x + threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

struct Shuffled {
  int across, broadcast, down;
  float sum, most;
  unsigned votes;
  std::int64_t wide;
};
TF_KERNEL shuffle_kernel(Shuffled* out) {
  const int t = thread_id();
  out[t] = {shfl_xor(t, 5),
            shfl(t, 7),
            shfl_down(t, 3),
            warp_sum(static_cast<float>(t % 32)),
            warp_max(static_cast<float>(-t)),
            ballot(t % 3 == 0),
            shfl(std::int64_t{1} << (t % 32 + 20), 12)};
}

/// D = A B^T through ldmatrix and the matrix instruction; A [16, 16], B [8, 16], D [16, 8] += .
TF_KERNEL mma_kernel(const bf16* a, const bf16* b, float* d, bool transposed_b) {
  bf16* shared = reinterpret_cast<bf16*>(dynamic_shared());
  const int lane = thread_id(), g = lane / 4, t = lane % 4;
  for (int i = lane; i < 256; i += kWarp) shared[i] = a[i];
  for (int i = lane; i < 128; i += kWarp)
    shared[256 + (transposed_b ? i % 16 * 8 + i / 16 : i)] = b[i];  // [8, 16], or [16, 8]
  sync_warp();
  std::uint32_t fa[4], fb[2];
  load_matrix_x4(fa, shared + lane % 16 * 16 + lane / 16 * 8);
  if (transposed_b) {
    std::uint32_t both[4];
    load_matrix_x4_trans(both, shared + 256 + lane % 16 * 8);
    fb[0] = both[0];
    fb[1] = both[1];
  } else {
    load_matrix_x2(fb, shared + 256 + lane % 8 * 16 + lane / 8 % 2 * 8);
  }
  float acc[4];
  for (int i = 0; i < 4; ++i) acc[i] = d[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  mma_bf16(acc, fa, fb);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = acc[i];
}

TF_KERNEL copy_kernel(const float* from, float* out, int groups_left, bool refill_early) {
  auto* shared = reinterpret_cast<float*>(dynamic_shared());
  const int t = thread_id();
  copy_async16(shared + 4 * t, from + 4 * t, t != 1);
  copy_async_commit();
  copy_async16(shared + 128 + 4 * t, from, true);
  copy_async_commit();
  groups_left == 0 ? copy_async_wait<0>() : groups_left == 1 ? copy_async_wait<1>() : copy_async_wait<2>();
  if (refill_early) copy_async16(shared + 4 * t, from, true);
  sync_threads();
  out[t] = shared[t];
}

TF_KERNEL barrier_divergence_kernel() {
  if (thread_id() < 40) sync_threads();
}
TF_KERNEL warp_divergence_kernel(float* out) {
  if (thread_id() < 20) out[0] = warp_sum(1.0f);
}
TF_KERNEL mixed_operations_kernel(unsigned* out) { out[0] = thread_id() < 16 ? ballot(true) : shfl(1u, 0); }
TF_KERNEL misaligned_kernel(const char* from, Quad* out) { *out = load16(from + 4); }
TF_KERNEL overrun_kernel() { dynamic_shared()[256] = 1; }
TF_KERNEL add_kernel(int* to, float* sum) {
  atomic_add(to, 1);
  atomic_add(sum, 0.5f);
}

TF_KERNEL group_kernel(const std::int32_t* offsets, int experts, int rows, GroupTile* out) {
  const GroupTile tile = find_group_tile(offsets, experts, rows, static_cast<int>(blockIdx.x));
  if (thread_id() == 0) out[blockIdx.x] = tile;
}

}  // namespace

TEST_CASE("threads of a block meet at a barrier, and a missing one shows") {
  for (const ThreadOrder order : {ThreadOrder::forward, ThreadOrder::backward}) {
    set_thread_order(order);
    std::vector<int> data(3 * 96);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<int>(i);
    launch(reverse_kernel, {3}, {96}, 96 * 4, nullptr, data.data(), true);
    for (std::size_t i = 0; i < data.size(); ++i) CHECK(data[i] == static_cast<int>(i / 96 * 96 + 95 - i % 96));
    launch(reverse_kernel, {3}, {96}, 96 * 4, nullptr, data.data(), false);
    CHECK(std::count(data.begin(), data.end(), -1) > 0);  // both orders read what is not yet written
  }
  set_thread_order(ThreadOrder::alternating);
}

TEST_CASE("warp operations") {
  std::vector<Shuffled> out(64);
  launch(shuffle_kernel, {1}, {64}, 0, nullptr, out.data());
  for (int t = 0; t < 64; ++t) {
    const Shuffled& s = out[static_cast<std::size_t>(t)];
    const int base = t / 32 * 32;
    CHECK(s.across == (t ^ 5));
    CHECK(s.broadcast == base + 7);
    CHECK(s.down == (t % 32 + 3 < 32 ? t + 3 : t));
    CHECK(s.sum == 496);
    CHECK(s.most == static_cast<float>(-base));
    CHECK(s.votes == (base == 0 ? 0x49249249u : 0x92492492u));
    CHECK(s.wide == std::int64_t{1} << 32);
  }
}

TEST_CASE("matrix fragments: ldmatrix and mma against a plain loop") {
  std::vector<bf16> a(256), b(128);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = bf16(static_cast<float>(i * 37 % 41) - 20.0f);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = bf16(static_cast<float>(i * 29 % 31) - 15.0f);
  for (const bool transposed : {false, true}) {
    std::vector<float> d(128, 3.0f);
    launch(mma_kernel, {1}, {32}, 1024, nullptr, a.data(), b.data(), d.data(), transposed);
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 8; ++j) {
        float sum = 3.0f;  // small integers: exact
        for (std::size_t k = 0; k < 16; ++k)
          sum += static_cast<float>(a[i * 16 + k]) * static_cast<float>(b[j * 16 + k]);
        CHECK(d[i * 8 + j] == sum);
      }
  }
}

TEST_CASE("asynchronous copies arrive when waited for, not before") {
  alignas(16) float from[128];
  for (int i = 0; i < 128; ++i) from[i] = static_cast<float>(i) + 1;
  const auto run = [&](int groups_left, bool refill) {
    std::vector<float> out(32);
    launch(copy_kernel, {1}, {32}, 4096, nullptr, from, out.data(), groups_left, refill);
    return out;
  };
  for (const int left : {0, 1}) {
    const auto out = run(left, false);
    for (int i = 0; i < 32; ++i) CHECK(out[static_cast<std::size_t>(i)] == (i / 4 == 1 ? 0.0f : from[i]));
  }
  CHECK(std::isnan(run(2, false)[0]));  // the first group is still under way
  CHECK(std::isnan(run(0, true)[0]));   // the buffer is being refilled
}

TEST_CASE("what would hang, corrupt or fault a GPU is an error") {
  float sum = 0;
  unsigned word = 0;
  Quad quad{};
  alignas(16) char bytes[64] = {};
  CHECK(contains(error_of(64, 0, barrier_divergence_kernel), "40 threads wait at a barrier"));
  CHECK(contains(error_of(32, 0, warp_divergence_kernel, &sum), "20 at a warp operation, 12 have ended"));
  CHECK(contains(error_of(32, 0, mixed_operations_kernel, &word), "different warp operations"));
  CHECK(contains(error_of(16, 0, mixed_operations_kernel, &word), "fewer than 32 threads"));
  CHECK(contains(error_of(1, 0, misaligned_kernel, bytes, &quad), "not aligned"));
  CHECK(contains(error_of(1, 256, overrun_kernel), "past the dynamic shared memory"));
  CHECK(contains(error_of(2048, 0, overrun_kernel), "invalid launch configuration"));
  CHECK(contains(error_of(32, 300 << 10, overrun_kernel), "invalid launch configuration"));
  int count = 0;  // and the next launch works again
  launch(add_kernel, {2, 3}, {32, 2}, 0, nullptr, &count, &sum);
  CHECK(count == 384);
  CHECK(sum == 192);
}

TEST_CASE("device memory is poisoned and guarded, and a graph replays what was recorded") {
  std::string why;
  CHECK(device_count(why) == 1);
  auto* data = static_cast<int*>(allocate(40));
  CHECK(data[9] == -1);
  Stream stream = create_stream();
  fill(stream, data, 0, 40);
  Graph* graph = record_graph(stream, [&] {
    launch(add_kernel, {1}, {32}, 0, stream, data, reinterpret_cast<float*>(data + 1));
    copy_on_device(stream, data + 2, data, 4);
  });
  CHECK(data[0] == 0);  // recorded, not run
  launch_graph(graph, stream);
  launch_graph(graph, stream);
  CHECK(data[2] == 64);
  destroy_graph(graph);
  const int kept = data[10];
  data[10] = 7;
  CHECK_THROWS_AS(synchronize(stream), EmulatorError);
  data[10] = kept;
  release(data);
  destroy_stream(stream);
}

TEST_CASE("bit operations and small formats agree with numeric.h") {
  CHECK(permute_bytes(0x33221100u, 0x77665544u, 0x7531) == 0x77553311u);
  CHECK(permute_bytes(0x80000000u, 0, 0xbbb3) == 0xffffff80u);
  CHECK(lop3<0xea>(0xf0f0f0f0u, 0xccccccccu, 0x0f000000u) == 0xcfc0c0c0u);
  for (std::uint32_t v = 0; v < 256; ++v) {
    const std::uint32_t four = v * 0x01010101u;
    e4m3 eight;
    eight.bits = static_cast<std::uint8_t>(v);
    std::uint32_t lo, hi;
    WeightI8::fragment({four, four, four, four}, 1, lo, hi);
    CHECK(unpack_bf16(lo).x == static_cast<float>(static_cast<std::int8_t>(v)));
    CHECK(hi == lo);
    WeightI4::fragment({four, four, four, four}, 1, lo, hi);
    CHECK(unpack_bf16(lo).y == static_cast<float>(int4_low(eight.bits)));
    CHECK(unpack_bf16(hi).y == static_cast<float>(int4_high(eight.bits)));
    if ((v & 127) == 127) continue;  // NaN
    WeightE4m3::fragment({four, four, four, four}, 1, lo, hi);
    CHECK(lo == pack_bf16(static_cast<float>(eight), static_cast<float>(eight)));
    CHECK(hi == lo);
    float out[4];
    unpack_e4m3(four, out);
    CHECK(out[3] == static_cast<float>(eight));
  }
}

TEST_CASE("every expert's rows are found once, in tiles") {
  const std::vector<int> counts = {0, 5, 8, 0, 17, 1};
  std::vector<std::int32_t> offsets = {0};
  for (int e = 0; e < 70; ++e) offsets.push_back(offsets.back() + counts[static_cast<std::size_t>(e) % counts.size()]);
  std::vector<GroupTile> tiles(100);
  launch(group_kernel, {100}, {32}, 0, nullptr, offsets.data(), 70, 8, tiles.data());
  std::size_t next = 0;
  for (int e = 0; e < 70; ++e)
    for (int first = offsets[static_cast<std::size_t>(e)], end = offsets[static_cast<std::size_t>(e) + 1]; first < end;
         first += 8, ++next) {
      CHECK(tiles[next].expert == e);
      CHECK(tiles[next].first == first);
      CHECK(tiles[next].count == std::min(8, end - first));
    }
  for (; next < tiles.size(); ++next) CHECK(tiles[next].count == 0);
}
