// Every operation against its double-precision reference, on odd shapes, with outputs poisoned first; and for each,
// that a wrong output would be found.
#include "kernels/cases/case_data.h"
#include "tests/catch.h"
#if defined(TOKENFAB_HAS_EMULATOR)
#include "kernels/emulator/emulated_backend.h"
#endif

using namespace tokenfab::kernels;

namespace {

constexpr std::int64_t kAll = 1 << 20;

/// The first element's high bits flipped: check() fails; restored: it passes again.
void check_spoiled(OpCase& c, Backend& backend) {
  for (const Tensor& t : c.outputs()) {
    INFO("output of type " << name(t.type) << ", " << t.rows << " x " << t.cols);
    const auto last = static_cast<std::size_t>(bits_per_value(t.type) / 8 - 1);
    std::uint8_t byte = 0;
    auto* at = t.as<char>() + last;
    backend.download(&byte, at, 1);
    const auto spoiled = static_cast<std::uint8_t>(byte ^ 0x55);
    backend.upload(at, &spoiled, 1);
    CHECK(c.check(backend, kAll) > 1);
    backend.upload(at, &byte, 1);
    CHECK(c.check(backend, kAll) <= 1);
  }
}

/// Three percent too large: what a wrong scale, or a lost part of a sum, does.
void check_scaled(OpCase& c, Backend& backend) {
  const Tensor t = c.outputs()[0];
  if ((t.type != DType::f32 && t.type != DType::bf16) || t.rows * t.cols < 64 || t.stride != t.cols) return;
  HostMatrix y = download(backend, t);
  const std::int64_t count = t.rows * t.cols;
  for (std::int64_t i = 0; i < count; ++i)
    if (t.type == DType::f32) y.view.as<float>()[i] *= 1.03f;
    else y.view.as<bf16>()[i] = bf16(static_cast<float>(y.view.as<bf16>()[i]) * 1.03f);
  backend.upload(t.data, y.bytes.data(), y.bytes.size());
  CHECK(c.check(backend, kAll) > 1);
}

void check_all(const std::function<std::unique_ptr<Backend>()>& make, bool tiny) {
  const DType act = make()->activation();
  for (const auto& c : test_cases(act, tiny)) {
    INFO(c->name);
    const auto backend = make();
    c->prepare(*backend, 1);
    CHECK(c->check(*backend, kAll) > 1);  // nothing is written yet
    c->run(*backend, 0);
    CHECK(c->check(*backend, kAll) <= 1);
    check_spoiled(*c, *backend);
    check_scaled(*c, *backend);
    c->release();
  }
}

}  // namespace

TEST_CASE("the CPU backend's operations are right, and wrong ones would be found") {
  check_all([] { return make_cpu_backend(2); }, false);
}

#if defined(TOKENFAB_HAS_EMULATOR)
TEST_CASE("the CUDA kernels, run thread by thread on the CPU, are right") {
  check_all(make_emulated_cuda_backend, true);
}
#endif
