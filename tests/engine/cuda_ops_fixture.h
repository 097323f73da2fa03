#pragma once
// Arrays in a backend's memory and random numbers, for the tests of the CUDA operations.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/backend.h"
#include "kernels/emulator/emulated_backend.h"
#include "tests/catch.h"

namespace tokenfab::kernels::test {

using Random = std::mt19937;
inline constexpr double kEps = 0x1p-8;  // bf16: neighbouring numbers near 1 are 2^-7 apart, rounding errs by half

inline float normal(Random& random) { return std::normal_distribution<float>()(random); }
inline std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

inline std::vector<bf16> normal_bf16(std::int64_t count, Random& random, float scale = 1) {
  std::vector<bf16> v(index(count));
  for (bf16& x : v) x = bf16(scale * normal(random));
  return v;
}
inline std::vector<float> normal_f32(std::int64_t count, Random& random, float scale = 1) {
  std::vector<float> v(index(count));
  for (float& x : v) x = scale * normal(random);
  return v;
}

/// An array in the backend's memory, poison (NaN) until filled.
template <class T>
class Device {
 public:
  Device(Backend& b, std::size_t size) : backend_(&b), size_(size), data_(b.allocate(size * sizeof(T))) {}
  Device(Backend& b, const std::vector<T>& v) : Device(b, v.size()) { b.upload(data_, v.data(), v.size() * sizeof(T)); }
  Device(Device&& other) noexcept : backend_(other.backend_), size_(other.size_), data_(other.data_) {
    other.data_ = nullptr;
  }
  Device& operator=(Device&&) = delete;
  ~Device() {
    if (data_) backend_->release(data_);
  }
  T* data() const { return static_cast<T*>(data_); }
  std::vector<T> get() const {
    std::vector<T> v(size_);
    backend_->download(v.data(), data_, size_ * sizeof(T));
    return v;
  }

 private:
  Backend* backend_;
  std::size_t size_;
  void* data_;
};

constexpr DType type_of(bf16) { return DType::bf16; }
constexpr DType type_of(float) { return DType::f32; }

/// A matrix whose rows lie `stride` apart.
template <class T>
Tensor matrix(const Device<T>& d, std::int64_t rows, std::int64_t cols, std::int64_t stride = 0) {
  return {d.data(), type_of(T{}), rows, cols, stride > 0 ? stride : cols};
}

inline double value(bf16 v) { return static_cast<float>(v); }
inline double value(float v) { return v; }

/// Whether |got - expected| <= tolerance; NaN is not.
inline bool close(double got, double expected, double tolerance) { return std::abs(got - expected) <= tolerance; }

inline std::uint16_t bits(bf16 v) { return v.bits; }
inline bool same_bits(const std::vector<bf16>& a, const std::vector<bf16>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(bf16)) == 0;
}

}  // namespace tokenfab::kernels::test
