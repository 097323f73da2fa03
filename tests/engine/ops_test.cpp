// Every operation against its double-precision reference, on odd shapes, with outputs poisoned first.
#include "kernels/cases/op_case.h"
#include "tests/catch.h"
#if defined(TOKENFAB_HAS_EMULATOR)
#include "kernels/emulator/emulated_backend.h"
#endif

using namespace tokenfab::kernels;

namespace {

/// One output becomes 2^100 (a float) or another id.
void spoil(Backend& backend, const Tensor& y) {
  const float big = 0x1p100f;
  const bf16 narrow(big);
  const std::int32_t id = -1;
  const void* from = y.type == DType::f32    ? static_cast<const void*>(&big)
                     : y.type == DType::bf16 ? static_cast<const void*>(&narrow)
                                             : &id;
  backend.upload(y.data, from, static_cast<std::size_t>(bits_per_value(y.type) / 8));
}

void check_all(const std::function<std::unique_ptr<Backend>()>& make) {
  const DType act = make()->activation();
  for (const auto& c : test_cases(act)) {
    INFO(c->name);
    const auto backend = make();
    c->prepare(*backend, 1);
    CHECK(c->check(*backend, 1 << 20) > 1);  // the poison shows
    c->run(*backend, 0);
    CHECK(c->check(*backend, 1 << 20) <= 1);
    spoil(*backend, c->output());
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
