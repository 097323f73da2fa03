// Residuals of a calibration, and what it knows about its own error.
#include "hwmodels/calibration.h"

#include <cmath>

#include "tests/catch.h"

using namespace tokenfab;

namespace {}  // namespace

TEST_CASE("a product's residual is that of its shape and row count, and linear in ln(rows) between") {
  const GemmResidual r{{1, 16, 256}, {{4096, 4096, {0.1, 0.5, -0.3}}, {4096 * 64, 4096 * 64, {1, 1, 1}}}};
  CHECK(r.at(4096, 4096, 1) == Approx(0.1));
  CHECK(r.at(4096, 4096, 16) == Approx(0.5));
  CHECK(r.at(4096, 4096, 256) == Approx(-0.3));

  const GemmResidual one{{1, 16, 256}, {{4096, 4096, {0.1, 0.5, -0.3}}}};
  CHECK(one.at(4096, 4096, 4) == Approx(0.3));
  CHECK(one.at(4096, 4096, 64) == Approx(0.1));
  CHECK(one.at(4096, 4096, 32) == Approx(0.5 - 0.8 / 4));  // a quarter of the way from 16 to 256 in logarithms
  CHECK(one.at(4096, 4096, 0.5) == one.at(4096, 4096, 1));
  CHECK(one.at(4096, 4096, 1e6) == one.at(4096, 4096, 256));
}

TEST_CASE("a product's residual is between its neighbours' and fades where none is near") {
  const GemmResidual r{{8}, {{1024, 4096, {0.2}}, {4096, 4096, {0.6}}}};
  const double middle = r.at(2048, 4096, 8);  // an octave from both
  CHECK(middle == Approx(0.4 * std::exp(-1.0 / 16)));
  CHECK(r.at(1024 * 1.2, 4096, 8) < middle);
  CHECK(r.at(4096 / 1.2, 4096, 8) > middle);
  CHECK(r.at(4096, 4096 * 16, 8) < r.at(4096, 4096 * 4, 8));
  CHECK(std::fabs(r.at(4096.0 * (1 << 14), 4096, 8)) < 1e-4);
  CHECK(GemmResidual{}.at(1024, 1024, 8) == 0);
}

TEST_CASE("a shape that was measured speaks for itself, whatever its neighbours say") {
  const GemmResidual r{{8}, {{4096, 4096, {0.5}}, {4096, 5120, {-0.5}}, {6144, 4096, {-0.5}}, {3072, 4096, {-0.5}}}};
  CHECK(r.at(4096, 4096, 8) == 0.5);
  CHECK(r.at(4096 * (1 + 1e-5), 4096, 8) == Approx(0.5).epsilon(1e-6));  // and no jump beside it
}

TEST_CASE("of many shapes only the four nearest speak") {
  GemmResidual r{{8}, {}};
  for (int i = 0; i < 4; ++i) r.shapes.push_back({4096, 4096, {0.5}});
  r.shapes.push_back({4200, 4096, {-3}});
  CHECK(r.at(4096, 4096, 8) == Approx(0.5));
}

TEST_CASE("an attention residual is exact at its nodes, bilinear in logarithms and held beyond the edges") {
  const GridResidual g{{1, 4, 64}, {16, 256}, {0.1, 0.2, 0.3, 0.6, -0.5, -0.7}};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 2; ++j) CHECK(g.at(g.x[i], g.y[j]) == Approx(g.log_ratio[2 * i + j]).epsilon(1e-12));
  CHECK(g.at(2, 64) == Approx((0.1 + 0.2 + 0.3 + 0.6) / 4));
  CHECK(g.at(16, 16) == Approx(-0.1));
  CHECK(g.at(16, 256) == Approx(-0.05));
  CHECK(g.at(4, 32) == Approx(0.3 + 0.3 / 4));
  CHECK(g.at(0.1, 1) == Approx(0.1));
  CHECK(g.at(1e6, 1e9) == Approx(-0.7));
  CHECK(g.at(0.1, 64) == Approx(0.15));
  CHECK(GridResidual{}.at(3, 3) == 0);
}
