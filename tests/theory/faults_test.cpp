#include "base/error.h"
#include "hwmodels/collectives.h"
#include "hwmodels/topology.h"
#include "tests/catch.h"
#include "tests/support/fabrics.h"

using namespace tokenfab;
using namespace tokenfab::testing;

TEST_CASE("a broken link of a mesh is gone round, at a price") {
  const Chip chip = fabric_chip("mesh", 8);
  const CollectiveCost whole = all_to_all_cost(chip, 8);
  const CollectiveCost broken = all_to_all_cost(chip, 8, {{"server0/chip5-server0/chip2"}});
  CHECK(broken.latency == Approx(2 * whole.latency));
  CHECK(broken.seconds_per_byte == Approx(whole.seconds_per_byte * (1 + 1.0 / 6)));  // over six other chips
  CHECK(all_reduce_cost(chip, 8, {{"server0/chip2-server0/chip5"}}).seconds_per_byte ==
        Approx(2 * broken.seconds_per_byte));
}

TEST_CASE("a torus and a ring go round a broken link") {
  const CollectiveCost torus = all_to_all_cost(fabric_chip("torus-2d", 16, 4), 16);
  CHECK(all_to_all_cost(fabric_chip("torus-2d", 16, 4), 16, {{"server0/chip0-server0/chip1"}}).seconds_per_byte >
        torus.seconds_per_byte);
  const Chip ring = fabric_chip("ring", 12);
  const CollectiveCost cut = send_cost(ring, 1, {{"server0/chip0-server0/chip1"}});
  CHECK(cut.latency == Approx(11e-6));
  CHECK(cut.seconds_per_byte == Approx(1 / 200e9));
}

TEST_CASE("a broken chip is replaced by the next free one, from the next server where need be") {
  const Chip chip = fabric_chip("switched", 8);
  const Topology t(chip, 8, {{"server0/chip3"}});
  std::vector<std::string> names;
  for (const int v : t.group()) names.push_back(t.node(v).name);
  CHECK(names == std::vector<std::string>{"server0/chip0", "server0/chip1", "server0/chip2", "server0/chip4",
                                          "server0/chip5", "server0/chip6", "server0/chip7", "server1/chip0"});
  CHECK(all_reduce_cost(chip, 8, {{"server0/chip3"}}).seconds(1e6) > 2 * all_reduce_cost(chip, 8).seconds(1e6));
  // Half a server: the spare is in the same one, and nothing gets dearer.
  CHECK(all_reduce_cost(chip, 4, {{"server0/chip3"}}).seconds(1e6) == all_reduce_cost(chip, 4).seconds(1e6));
  // The lone chip's network link carries its whole message out and in.
  CHECK(all_reduce_cost(chip, 8, {{"server0/chip3"}}).seconds_per_byte == Approx(2 * 6.0 / 7 / 400e9 + 1 / 50e9));
}

TEST_CASE("a fault that the group never meets changes nothing") {
  for (const Fabric& f : fabrics()) {
    if (f.chips > 64) continue;
    CAPTURE(described(f));
    CHECK(all_reduce_cost(f.chip, f.chips, {{"server9/chip0"}}).seconds(1e6) ==
          Approx(all_reduce_cost(f.chip, f.chips).seconds(1e6)));
  }
}

TEST_CASE("a broken link never makes a collective cheaper on a mesh or a hub with spare ways") {
  const Chip mesh = fabric_chip("mesh", 8);
  for (int chips : {3, 8, 16})
    CHECK(all_to_all_cost(mesh, chips, {{"server0/chip0-server0/chip1"}}).seconds(1e6) >
          0.9999 * all_to_all_cost(mesh, chips).seconds(1e6));
  // A network link gone: its chip's traffic leaves through the other seven.
  const CollectiveCost cut = all_to_all_cost(mesh, 16, {{"server0/chip0-spine"}});
  CHECK(cut.seconds_per_byte == Approx(all_to_all_cost(mesh, 16).seconds_per_byte * 8 / 7));
}

TEST_CASE("a group that is cut apart is infeasible, and says who cannot reach whom") {
  const Chip chip = fabric_chip("switched", 8);
  for (const char* part : {"server0/switch", "server0/chip3-server0/switch"})
    CHECK_THROWS_AS(all_reduce_cost(chip, 8, {{part}}), Infeasible);
  CHECK_THROWS_AS(all_reduce_cost(chip, 16, {{"spine"}}), Infeasible);
  CHECK_THROWS_AS(all_reduce_cost(fabric_chip("mesh", 2), 2, {{"server0/chip0-server0/chip1"}}), Infeasible);
  CHECK_THROWS_WITH(all_reduce_cost(chip, 8, {{"server0/chip3-server0/switch"}}),
                    Catch::Contains("no path is left from server0/chip0 to server0/chip3") &&
                        Catch::Contains("broken: server0/chip3-server0/switch"));
}

TEST_CASE("a part that cannot exist is refused with what is allowed") {
  const Chip chip = fabric_chip("switched", 8), mesh = fabric_chip("mesh", 8), torus = fabric_chip("torus-2d", 16, 4);
  for (const char* part : {"", "chip3", "server0/chip8", "server0/chip-1", "serverX/chip0", "server0/chip1x",
                           "server0/chip0-", "server0/chip0-server0/chip1"})
    CHECK_THROWS_AS(Topology(chip, 8, {{part}}), UserError);
  CHECK_THROWS_AS(Topology(mesh, 8, {{"server0/switch"}}), UserError);
  CHECK_THROWS_AS(Topology(torus, 16, {{"server0/chip0-server0/chip5"}}), UserError);
  CHECK_THROWS_WITH(Topology(chip, 8, {{"server0/chip8"}}), Catch::Contains("server<N>/chip<M> with M below 8"));
  CHECK_THROWS_AS(Topology(chip, 0), UserError);
}
