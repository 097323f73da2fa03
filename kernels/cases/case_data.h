#pragma once
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/cases/op_case.h"

/// What the cases share: host matrices, their copies on a backend, and the comparison.
namespace tokenfab::kernels {

/// A matrix in host memory; view.data points into `bytes`.
struct HostMatrix {
  std::vector<std::uint8_t> bytes;
  Tensor view;

  HostMatrix() = default;
  HostMatrix(DType type, std::int64_t rows, std::int64_t cols);
  HostMatrix(HostMatrix&&) = default;
  HostMatrix& operator=(HostMatrix&&) = default;
};
/// Approximately normal values, a pure function of (tensor, index modulo 1,000,003), rounded to bf16 whatever the type,
/// so that every backend sees the same. f32 or bf16.
HostMatrix random_matrix(const char* tensor, DType type, std::int64_t rows, std::int64_t cols, float sigma = 1.0f);
/// A uniform number of [0, 1), a pure function of (tensor, index).
double uniform(const char* tensor, std::uint64_t index);

/// `count` canonical matrices of random stored values, consecutive: what a quantizer might have produced.
struct HostWeights {
  std::vector<std::uint8_t> data, scales;
  std::vector<Weight> views;
};
/// Values of standard deviation about `sigma`; 0: 1 / sqrt(k).
HostWeights random_weights(const char* tensor, DType type, std::int64_t n, std::int64_t k, int count = 1,
                           float sigma = 0);
std::vector<Weight> load_all(Backend& backend, const HostWeights& host);

/// Memory of a backend that lives as long as a case's preparation.
class Buffers {
 public:
  explicit Buffers(Backend& backend) : backend_(backend) {}
  ~Buffers() {
    for (void* m : owned_) backend_.release(m);
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  void* allocate(std::size_t bytes) {
    owned_.push_back(backend_.allocate(bytes));
    return owned_.back();
  }
  void* upload_bytes(const void* host, std::size_t bytes) {
    void* m = allocate(bytes);
    backend_.upload(m, host, bytes);
    return m;
  }
  template <class T>
  T* upload(const std::vector<T>& host) {
    return static_cast<T*>(upload_bytes(host.data(), host.size() * sizeof(T)));
  }
  Tensor upload(const HostMatrix& host) {
    Tensor t = host.view;
    t.data = upload_bytes(host.bytes.data(), host.bytes.size());
    return t;
  }
  /// An output full of 0xff (NaN as a number), so that what is not written shows.
  Tensor output(DType type, std::int64_t rows, std::int64_t cols);

 private:
  Backend& backend_;
  std::vector<void*> owned_;
};
HostMatrix download(Backend& backend, const Tensor& t);

/// Holds the memory of a prepared case.
class PreparedCase : public OpCase {
 public:
  void release() override { buffers_.reset(); }

 protected:
  Buffers& start(Backend& backend) {
    buffers_ = std::make_unique<Buffers>(backend);
    return *buffers_;
  }
  std::unique_ptr<Buffers> buffers_;
};

/// Unit roundoff: the largest relative error of rounding to `type`.
constexpr double unit(DType type) { return type == DType::bf16 ? 0x1p-8 : 0x1p-24; }
/// Bound of an error that is a sum of many independent roundings, as a multiple of its standard deviation.
inline constexpr double kSpread = 6;
/// Standard deviation of a relative rounding error that is uniform within one unit roundoff.
constexpr double rounding_deviation(DType type) { return unit(type) * 0.5773502691896258; }
/// Standard deviation of the error of summing `count` random terms in f32, of squares `squares`: each of the partial
/// sums, about sqrt(squares / 2) in size, is rounded or cut, by 2^-23 at most.
double summing_deviation(double count, double squares);

/// Keeps the worst ratio; NaN and infinities become a very large one.
struct Worst {
  double ratio = 0;
  void see(double got, double want, double tolerance);
  void same(std::int64_t got, std::int64_t want) { see(static_cast<double>(got), static_cast<double>(want), 0.5); }
};

/// About `samples` of 0 .. count - 1, spread without a period, the first and the last among them.
std::vector<std::int64_t> spread(std::int64_t count, std::int64_t samples);

}  // namespace tokenfab::kernels
