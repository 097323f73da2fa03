// Every operation against its double-precision reference, on odd shapes, with outputs poisoned first.
#include "kernels/cases/op_case.h"
#include "tests/catch.h"
#if defined(TOKENFAB_HAS_EMULATOR)
#include "kernels/emulator/emulated_backend.h"
#endif

using namespace tokenfab::kernels;

namespace {

void check_all(const std::function<std::unique_ptr<Backend>()>& make) {
  const DType act = make()->activation();
  for (const auto& c : test_cases(act)) {
    INFO(c->name);
    const auto backend = make();
    c->prepare(*backend, 1);
    CHECK(c->check(*backend, 1 << 20) > 1);  // the poison shows
    c->run(*backend, 0);
    CHECK(c->check(*backend, 1 << 20) <= 1);
    const Tensor y = c->output();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(y.rows * y.stride * bits_per_value(y.type) / 8));
    backend->download(bytes.data(), y.data, bytes.size());
    bytes[1] = static_cast<std::uint8_t>(bytes[1] ^ 0x7f);  // high bits of the first value
    bytes[bits_per_value(y.type) / 8 - 1] ^= 0x55;
    backend->upload(y.data, bytes.data(), bytes.size());
    CHECK(c->check(*backend, 1 << 20) > 1);
    c->release();
  }
}

}  // namespace

TEST_CASE("the CPU backend's operations are right, and wrong ones would be found") {
  check_all([] { return make_cpu_backend(2); });
}

#if defined(TOKENFAB_HAS_EMULATOR)
TEST_CASE("the CUDA kernels, run thread by thread on the CPU, are right") { check_all(make_emulated_cuda_backend); }
#endif
