#include "kernels/cpu/cpu_backend.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>

namespace tokenfab::kernels {

const char* name(DType type) {
  switch (type) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::e4m3:
      return "fp8";
    case DType::i8:
      return "int8";
    case DType::i4:
      return "int4";
    case DType::i32:
      return "i32";
  }
  return "?";
}

std::unique_ptr<Backend> make_cpu_backend(int threads) { return std::make_unique<cpu::CpuBackend>(threads); }

namespace cpu {
namespace {

void* aligned(std::size_t bytes) {
  constexpr std::size_t kAlign = 256;
  void* memory = std::aligned_alloc(kAlign, (bytes / kAlign + 1) * kAlign);
  if (!memory) throw std::bad_alloc();
  return memory;
}

/// Canonical nibbles (column 2b low, 2b + 1 high) to blocks of 32 columns whose byte b holds columns b and b + 16.
void repack_int4(const std::uint8_t* from, std::uint8_t* to, std::int64_t bytes) {
  const auto nibble = [&](std::int64_t block, int column) {
    const std::uint8_t byte = from[block * 16 + column / 2];
    return column % 2 ? byte >> 4 : byte & 15;
  };
  for (std::int64_t block = 0; block < bytes / 16; ++block)
    for (int b = 0; b < 16; ++b)
      to[block * 16 + b] = static_cast<std::uint8_t>(nibble(block, b) | nibble(block, b + 16) << 4);
}

std::int64_t data_bytes(const Weight& w) { return w.n * w.k * bits_per_value(w.type) / 8; }

}  // namespace

const Micro& micro() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return kMicroAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kMicroAvx2;
  return kMicroBaseline;
}

Stored stored(DType type) {
  switch (type) {
    case DType::f32:
      return Stored::f32;
    case DType::bf16:
      return Stored::bf16;
    case DType::e4m3:
      return Stored::e4m3;
    case DType::i8:
      return Stored::i8;
    case DType::i4:
      return Stored::i4;
    case DType::i32:
      break;
  }
  throw std::invalid_argument(std::string("no arithmetic on ") + name(type));
}

CpuBackend::CpuBackend(int threads)
    : pool_(threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {
  scratch_.resize(static_cast<std::size_t>(pool_.threads()));
}

std::string CpuBackend::description() const {
  return "cpu, " + std::to_string(pool_.threads()) + " threads, " + micro().name;
}

void CpuBackend::Free::operator()(void* memory) const { std::free(memory); }
void* CpuBackend::allocate(std::size_t bytes) { return aligned(bytes); }
void CpuBackend::release(void* memory) { std::free(memory); }
void CpuBackend::upload(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void CpuBackend::download(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
/// MemAvailable of /proc/meminfo: what the kernel could hand out without swapping.
double CpuBackend::available_bytes() const {
  std::ifstream in("/proc/meminfo");
  std::string key;
  for (double kilobytes = 0; in >> key; in.ignore(256, '\n'))
    if (key == "MemAvailable:" && in >> kilobytes) return kilobytes * 1024;
  return 0;
}
void CpuBackend::fill(void* to, int byte, std::size_t bytes) { std::memset(to, byte, bytes); }

float* CpuBackend::scratch(int thread, std::size_t floats) {
  std::vector<float>& own = scratch_[static_cast<std::size_t>(thread)];
  if (own.size() < floats) own.resize(floats);
  return own.data();
}

Weight CpuBackend::load(const HostWeight& weight, int count) {
  if (weight.type == DType::i4 && weight.k % kInt4Group != 0)
    throw std::invalid_argument("int4 weights need a multiple of 128 columns, not " + std::to_string(weight.k));
  const std::int64_t data = data_bytes(weight) * count,
                     scales = weight.scales ? (weight.bytes() - data_bytes(weight)) * count : 0;
  Weight loaded = weight;
  weights_.emplace_back(aligned(static_cast<std::size_t>(data)));
  loaded.data = weights_.back().get();
  if (weight.type == DType::i4)
    repack_int4(static_cast<const std::uint8_t*>(weight.data), static_cast<std::uint8_t*>(weights_.back().get()), data);
  else std::memcpy(weights_.back().get(), weight.data, static_cast<std::size_t>(data));
  if (scales > 0) {
    weights_.emplace_back(aligned(static_cast<std::size_t>(scales)));
    std::memcpy(weights_.back().get(), weight.scales, static_cast<std::size_t>(scales));
    loaded.scales = weights_.back().get();
  }
  return loaded;
}

Weight CpuBackend::part(const Weight& loaded, int i) const {
  Weight one = loaded;
  const std::int64_t data = data_bytes(loaded);
  one.data = static_cast<const char*>(loaded.data) + i * data;
  if (loaded.scales) one.scales = static_cast<const char*>(loaded.scales) + i * (loaded.bytes() - data);
  return one;
}

}  // namespace cpu
}  // namespace tokenfab::kernels
