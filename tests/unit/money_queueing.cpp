// M/M/c in closed form, against printed values and against each other.
#include <cmath>

#include "sim/economics/queueing_formulas.h"
#include "tests/catch.h"

using namespace tokenfab;

TEST_CASE("Erlang C: one server waits as its load, two at one half, 110 at 100") {
  for (const double rho : {0.0, 0.1, 0.5, 0.8, 0.99}) CHECK(erlang_c(1, rho) == Approx(rho).epsilon(1e-12));
  CHECK(erlang_c(2, 1) == Approx(1.0 / 3).epsilon(1e-12));
  CHECK(erlang_c(110, 100) == Approx(0.23700750028505266).epsilon(1e-9));
  CHECK(erlang_c(4, 4) == 1);
  CHECK(erlang_c_wait(1, 0.5) == Approx(1));  // M/M/1: rho / (1 - rho) services
  CHECK(std::isinf(erlang_c_wait(2, 2)));
}

TEST_CASE("Erlang B against its sum") {
  for (const int c : {1, 3, 10})
    for (const double load : {0.3, 2.0, 12.0}) {
      double term = 1, all = 1;
      for (int k = 1; k <= c; ++k) all += term *= load / k;
      CHECK(erlang_b(c, load) == Approx(term / all).epsilon(1e-12));
    }
}

TEST_CASE("Halfin and Whitt: the printed value, and the limit of Erlang C") {
  CHECK(halfin_whitt(1) == Approx(0.22336127479826076).epsilon(1e-9));
  CHECK(halfin_whitt(0) == 1);
  CHECK(square_root_staffing(100, 1) == 110);
  double last = 1;
  for (const double load : {100.0, 10'000.0, 1'000'000.0}) {
    const double error = std::fabs(erlang_c(static_cast<int>(square_root_staffing(load, 1)), load) - halfin_whitt(1));
    CHECK(error < last / 5);
    last = error;
  }
}

TEST_CASE("the fewest servers for a share of waiting arrivals") {
  CHECK(servers_for_wait_share(100, 0.24) == 110);
  CHECK(servers_for_wait_share(100, 0.23) == 111);
  CHECK(servers_for_wait_share(0.8, 0.8) == 1);
  CHECK(servers_for_wait_share(1, 1) == 2);
}
