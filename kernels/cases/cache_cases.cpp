#include <algorithm>
#include <cmath>

#include "kernels/cases/host_cache.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

constexpr std::int32_t kPage = 16;

/// A slot that no other of `count` tokens has, spread over `pages` pages.
std::int64_t slot_of(std::int64_t i, std::int64_t slots) { return (i * 7 + 3) % slots; }
/// Half of the slots at least stay unused; never a multiple of 7.
std::int64_t pages_for(std::int64_t count) {
  const std::int64_t pages = (2 * count + kPage - 1) / kPage + 1;
  return pages % 7 == 0 ? pages + 1 : pages;
}

/// Every byte outside the rows of `slots` is still 0xff.
bool untouched(const HostCache& c, std::int64_t pages, const std::vector<std::int64_t>& slots) {
  std::vector<bool> used(static_cast<std::size_t>(pages * kPage * c.view.kv_heads));
  for (const std::int64_t s : slots)
    for (std::int32_t h = 0; h < c.view.kv_heads; ++h)
      used[static_cast<std::size_t>(reference::cache_row(c.view, s, h))] = true;
  for (const auto* bytes : {&c.keys.data, &c.values.data, &c.keys.scales, &c.values.scales}) {
    const std::size_t each = bytes->size() / used.size();
    for (std::size_t i = 0; i < bytes->size(); ++i)
      if (!used[i / each] && (*bytes)[i] != 0xff) return false;
  }
  return true;
}

class RopeCase final : public PreparedCase {
 public:
  RopeCase(DType act, const RopeShape& s) : act_(act), s_(s), pages_(pages_for(s.tokens)) {
    family = "rope_append";
    name = std::string("rope_append ") + kernels::name(s.kv) + " t" + std::to_string(s.tokens) + " h" +
           std::to_string(s.q_heads) + "/" + std::to_string(s.kv_heads) + " d" + std::to_string(s.head_dim) + "/" +
           std::to_string(s.rope_dim) + (s.interleaved ? " interleaved" : "") + (s.head_norm ? " normed" : "") +
           (s.values ? "" : " keys only");
    shape_.type = s.kv, shape_.page_tokens = kPage, shape_.kv_heads = s.kv_heads;
    shape_.head_dim = shape_.value_dim = s.head_dim;
    const double numbers = static_cast<double>(s.tokens) * s.head_dim;
    bytes = numbers * static_cast<double>(bits_per_value(act)) / 8 * (2 * s.q_heads + (s.values ? 2 : 1) * s.kv_heads) +
            static_cast<double>(s.tokens) * s.kv_heads * row_bytes(shape_, s.values);
    streamed = bytes;
    flop = 6.0 * numbers * (s.q_heads + s.kv_heads);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    qkv_ = random_matrix("qkv", act_, s_.tokens, width());
    norms_ = random_matrix("norms", DType::bf16, 2, s_.head_dim);
    positions_.clear(), slots_.clear(), frequency_.clear();
    for (std::int64_t t = 0; t < s_.tokens; ++t) {
      positions_.push_back(static_cast<std::int32_t>(t * 7919 % 131072));
      slots_.push_back(slot_of(t, pages_ * kPage));
    }
    for (std::int32_t i = 0; i < s_.rope_dim / 2; ++i)
      frequency_.push_back(static_cast<float>(std::pow(500000.0, -2.0 * i / s_.rope_dim)));
    RopeAppendArgs a;
    const auto* norms = memory.upload(norms_).as<const bf16>();
    if (s_.head_norm) a.q_norm = norms, a.k_norm = norms + s_.head_dim;
    a.positions = memory.upload(positions_), a.slots = memory.upload(slots_);
    a.inverse_frequency = memory.upload(frequency_);
    a.q_heads = s_.q_heads, a.rope_dim = s_.rope_dim, a.interleaved = s_.interleaved;
    args_.clear();
    for (int c = 0; c < copies; ++c) {
      set_tensors(a, memory.upload(qkv_));
      a.kv = poisoned(memory, shape_, pages_, s_.values);
      args_.push_back(a);
    }
  }
  void run(Backend& backend, int copy) override { backend.rope_append(args_[static_cast<std::size_t>(copy)]); }
  std::vector<Tensor> outputs() const override {
    std::vector<Tensor> all{args_[0].q};
    for (Tensor t : parts(args_[0].kv, pages_)) {  // the first written row on
      const std::int64_t row = reference::cache_row(shape_, slots_[0], 0);
      t.data = t.as<char>() + row * t.stride * bits_per_value(t.type) / 8;
      t.rows -= row;
      all.push_back(t);
    }
    return all;
  }

  /// A rotation is two products with factors good to 2^-20; the norm, some f32 roundings; then the rounding to the
  /// activation type and, in the cache, half a step of its type.
  double check(Backend& backend, std::int64_t samples) override {
    RopeAppendArgs host = args_[0];
    set_tensors(host, qkv_.view);
    host.positions = positions_.data(), host.slots = slots_.data(), host.inverse_frequency = frequency_.data();
    if (s_.head_norm) host.q_norm = norms_.view.as<const bf16>(), host.k_norm = host.q_norm + s_.head_dim;
    const Tensor whole{args_[0].q.data, act_, s_.tokens, width(), width()};
    const HostMatrix after = download(backend, whole);
    const HostCache cache = download(backend, args_[0].kv, pages_);
    Worst worst;
    if (!untouched(cache, pages_, slots_)) worst.see(NAN, 0, 1);
    for (const std::int64_t t : spread(s_.tokens, std::max<std::int64_t>(4, samples / width()))) {
      const reference::RotatedRow want = reference::rope(host, t);
      for (std::size_t i = 0; i < want.q.size(); ++i)
        worst.see(reference::at(after.view, t, static_cast<std::int64_t>(i)), want.q[i],
                  unit(act_) * std::fabs(want.q[i]) + 0x1p-18);
      for (std::int32_t h = 0; h < s_.kv_heads; ++h) check_rows(host, cache, t, h, want.k, worst);
    }
    return worst.ratio;
  }

 private:
  std::int64_t width() const {
    return static_cast<std::int64_t>(s_.q_heads + (s_.values ? 2 : 1) * s_.kv_heads) * s_.head_dim;
  }
  void set_tensors(RopeAppendArgs& a, const Tensor& qkv) const {
    const std::int64_t q = static_cast<std::int64_t>(s_.q_heads) * s_.head_dim,
                       kv = static_cast<std::int64_t>(s_.kv_heads) * s_.head_dim;
    a.q = qkv.columns(0, q), a.k = qkv.columns(q, kv);
    if (s_.values) a.v = qkv.columns(q + kv, kv);
  }
  void check_rows(const RopeAppendArgs& host, const HostCache& cache, std::int64_t t, std::int32_t h,
                  const std::vector<double>& keys, Worst& worst) const {
    const std::int64_t row = reference::cache_row(shape_, slots_[static_cast<std::size_t>(t)], h), dim = s_.head_dim;
    std::vector<double> key, value;
    for (std::int64_t i = 0; i < dim; ++i) {
      key.push_back(keys[static_cast<std::size_t>(h * dim + i)]);
      if (s_.values) value.push_back(reference::at(host.v, t, h * dim + i));
    }
    check_row(cache.view.key_scales, row, key, unit(act_), 0x1p-18, worst,
              [&](std::int64_t i) { return reference::key_at(cache.view, row, i); });
    if (s_.values)
      check_row(cache.view.value_scales, row, value, 0, 0, worst,
                [&](std::int64_t i) { return reference::value_at(cache.view, row, i); });
  }
  template <class Got>
  void check_row(const float* scales, std::int64_t row, const std::vector<double>& want, double before, double absolute,
                 Worst& worst, const Got& got) const {
    double top = 0;
    for (const double w : want) top = std::max(top, std::fabs(w));
    const double limit = s_.kv == DType::i8 ? 127 : 448, scale = is_scaled(s_.kv) ? top / limit : 0;
    if (scales) worst.see(scales[row], scale, (before + 0x1p-22) * scale + absolute / limit + 1e-30);
    for (std::size_t i = 0; i < want.size(); ++i) {
      // Half a step of int8 is half a scale; of e4m3, 2^-4 of the value, or half of the smallest step, 2^-10 scales.
      const double size = std::fabs(want[i]);
      const double step = s_.kv == DType::i8     ? 0.5 * scale
                          : s_.kv == DType::e4m3 ? std::max(0x1p-4 * size, 0x1p-10 * scale)
                                                 : unit(s_.kv) * size;
      worst.see(got(static_cast<std::int64_t>(i)), want[i],
                1.01 * step + 2 * before * (size + (scales ? top * 0x1p-2 : 0)) + 2 * absolute + 1e-30);
    }
  }

  DType act_;
  RopeShape s_;
  std::int64_t pages_;
  KvCache shape_;
  HostMatrix qkv_, norms_;
  std::vector<std::int32_t> positions_;
  std::vector<std::int64_t> slots_;
  std::vector<float> frequency_;
  std::vector<RopeAppendArgs> args_;
};

class CopyKvCase final : public PreparedCase {
 public:
  CopyKvCase(DType kv, std::int64_t count, std::int32_t kv_heads, std::int32_t dim)
      : count_(count), pages_(pages_for(2 * count)) {
    family = "copy_kv";
    name = std::string("copy_kv ") + kernels::name(kv) + " t" + std::to_string(count) + " h" +
           std::to_string(kv_heads) + " d" + std::to_string(dim);
    shape_.type = kv, shape_.page_tokens = kPage, shape_.kv_heads = kv_heads;
    shape_.head_dim = shape_.value_dim = dim;
    streamed = bytes = 2.0 * static_cast<double>(count) * kv_heads * row_bytes(shape_);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    before_ = random_cache(shape_, pages_);
    from_.clear(), to_.clear(), args_.clear();
    for (std::int64_t i = 0; i < count_; ++i) {
      from_.push_back(slot_of(i, pages_ * kPage));
      to_.push_back(slot_of(count_ + i, pages_ * kPage));
    }
    CopyKvArgs a;
    a.from = memory.upload(from_), a.to = memory.upload(to_), a.count = count_;
    for (int c = 0; c < copies; ++c) {
      a.kv = upload(memory, before_);
      args_.push_back(a);
    }
  }
  void run(Backend& backend, int copy) override { backend.copy_kv(args_[static_cast<std::size_t>(copy)]); }
  std::vector<Tensor> outputs() const override { return parts(args_[0].kv, pages_); }

  /// Bit for bit, in every row: what was copied, and what was not to change.
  double check(Backend& backend, std::int64_t) override {
    const HostCache after = download(backend, args_[0].kv, pages_);
    std::vector<std::int64_t> source(static_cast<std::size_t>(pages_ * kPage));
    for (std::size_t s = 0; s < source.size(); ++s) source[s] = static_cast<std::int64_t>(s);
    for (std::size_t i = 0; i < to_.size(); ++i) source[static_cast<std::size_t>(to_[i])] = from_[i];
    bool same = true;
    const auto compare = [&](const std::vector<std::uint8_t>& got, const std::vector<std::uint8_t>& was) {
      const std::size_t each = was.size() / source.size() / static_cast<std::size_t>(shape_.kv_heads);
      for (std::size_t s = 0; each > 0 && s < source.size(); ++s)
        for (std::int32_t h = 0; h < shape_.kv_heads; ++h) {
          const auto row = [&](std::int64_t slot) {
            return static_cast<std::size_t>(reference::cache_row(shape_, slot, h)) * each;
          };
          same &= std::memcmp(&got[row(static_cast<std::int64_t>(s))], &was[row(source[s])], each) == 0;
        }
    };
    compare(after.keys.data, before_.keys.data), compare(after.values.data, before_.values.data);
    compare(after.keys.scales, before_.keys.scales), compare(after.values.scales, before_.values.scales);
    return same ? 0 : 1e9;
  }

 private:
  std::int64_t count_, pages_;
  KvCache shape_;
  HostCache before_;
  std::vector<std::int64_t> from_, to_;
  std::vector<CopyKvArgs> args_;
};

}  // namespace

std::unique_ptr<OpCase> rope_case(DType act, const RopeShape& shape) { return std::make_unique<RopeCase>(act, shape); }
std::unique_ptr<OpCase> copy_kv_case(DType kv, std::int64_t count, std::int32_t kv_heads, std::int32_t dim) {
  return std::make_unique<CopyKvCase>(kv, count, kv_heads, dim);
}

}  // namespace tokenfab::kernels
