// How benchmarks spread tokens over experts, and what the busiest chip gets.
#include "calibration/expert_routing.h"

#include "base/error.h"
#include "hwmodels/op_work.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::calibration;

TEST_CASE("balanced routing touches as many experts as there are rows, and no chip is idle") {
  const RoutedLoad all = busiest_chip("balanced", 128, 8, 16, 1);
  CHECK(all.touched == 128);
  CHECK(all.rows == 128);
  CHECK(busiest_chip("balanced", 128, 8, 4, 1).touched == 32);
  CHECK(busiest_chip("balanced", 128, 8, 64, 4).touched == 32);
  CHECK(busiest_chip("balanced", 128, 8, 64, 4).rows == 128);
  CHECK(busiest_chip("balanced", 8, 2, 1, 8).touched == 1);
  CHECK(busiest_chip("balanced", 8, 2, 1, 8).rows == 1);
}

TEST_CASE("routing at random touches 1-(1-k/E)^n") {
  CHECK(busiest_chip("", 8, 2, 2, 1).touched == Approx(8 * (1 - 0.75 * 0.75)));
  CHECK(busiest_chip("", 8, 2, 2, 4).rows == Approx(1));
}

TEST_CASE("a power law touches fewer experts and loads one chip more than its share") {
  const RoutedLoad one = busiest_chip("power_law_1.2", 128, 8, 64, 1),
                   eighth = busiest_chip("power_law_1.2", 128, 8, 64, 8);
  CHECK(one.rows == Approx(64 * 8));
  CHECK(one.touched < 0.95 * touched_experts(128, 8, 64));
  CHECK(one.touched > 8);
  CHECK(eighth.rows > 1.3 * one.rows / 8);
  CHECK(eighth.rows < one.rows);
  CHECK(eighth.touched <= 16);
  CHECK(busiest_chip("power_law_1.2", 8, 2, 1, 1).touched == Approx(2));    // at most one row per token and expert
  CHECK(busiest_chip("power_law_1.2", 128, 8, 64, 8).rows == eighth.rows);  // the same draws every time
}

TEST_CASE("a flatter power law is nearer to balance") {
  CHECK(busiest_chip("power_law_0.5", 128, 8, 64, 8).rows < busiest_chip("power_law_1.2", 128, 8, 64, 8).rows);
}

TEST_CASE("routing that is not known is refused") {
  CHECK_THROWS_AS(busiest_chip("fair", 8, 2, 1, 1), UserError);
  CHECK_THROWS_AS(busiest_chip("balanced", 8, 2, 1, 3), InternalError);
}

TEST_CASE("experts' work: weights once, products per row, copies of every row that passes") {
  const ExpertShape s{1024, 256};
  CHECK(s.weights() == 3 * 1024 * 256);
  const OpWork w = expert_work(s, 5, 40, 320, Dtype::fp8);
  CHECK(w.bytes == 5 * s.weights());
  CHECK(w.flop == 2 * 40 * s.weights());
  CHECK(w.copied == 320 * (4 * 1024 + 6 * 256) * 2);
}
