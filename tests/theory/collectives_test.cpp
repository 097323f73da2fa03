// Collectives against closed forms and bounds.
#include "hwmodels/collectives.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "hwmodels/topology.h"
#include "tests/catch.h"
#include "tests/support/fabrics.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr double kLink = 400e9, kNetwork = 50e9, kHop = 1e-6;

std::vector<AllReduceOption> options(const Topology& t) { return all_reduce_options(t, t.group()); }

CollectiveCost option(const Topology& t, AllReduce algorithm) {
  for (const AllReduceOption& o : options(t))
    if (o.algorithm == algorithm) return o.cost;
  FAIL("no such option: " << kAllReduceNames[static_cast<std::size_t>(algorithm)]);
  return {};
}

bool offers(const Topology& t, AllReduce algorithm) {
  const auto all = options(t);
  return std::any_of(all.begin(), all.end(), [&](const auto& o) { return o.algorithm == algorithm; });
}

void check(const CollectiveCost& cost, double latency, double seconds_per_byte) {
  CHECK(cost.latency == Approx(latency));
  CHECK(cost.seconds_per_byte == Approx(seconds_per_byte));
}

}  // namespace

TEST_CASE("groups inside one server cost what the calibrations were fitted with, on every shipped chip") {
  const Catalog catalog = Catalog::standard();
  int chips = 0;
  for (const std::string& id : catalog.ids("chips")) {
    const Chip chip = catalog.chip(id);
    const bool mesh = chip.topology == "mesh";
    if (!mesh && chip.topology != "switched" && chip.topology != "pcie") continue;
    ++chips;
    for (int n = 2; n <= std::min(16, chip.scale_up_domain); ++n) {
      CAPTURE(id, n);
      // Seconds per byte of every chip sending one message to every other.
      const double pairs = mesh ? 1 / (chip.link.value / (chip.scale_up_domain - 1)) : (n - 1) / chip.link.value;
      CHECK(all_reduce_cost(chip, n).latency == 2 * chip.link_latency.value);
      CHECK(all_reduce_cost(chip, n).seconds_per_byte == 2 * pairs / n);
      CHECK(all_to_all_cost(chip, n).latency == chip.link_latency.value);
      CHECK(all_to_all_cost(chip, n).seconds_per_byte == pairs / n);
      if (2 * n > chip.scale_up_domain) continue;
      CHECK(send_cost(chip, n).latency == chip.link_latency.value);
      CHECK(send_cost(chip, n).seconds_per_byte == (mesh ? pairs : 1 / chip.link.value));
    }
  }
  CHECK(chips >= 8);
}

TEST_CASE("algorithms on a switch have their closed forms") {
  for (const int n : {2, 5, 8}) {
    CAPTURE(n);
    const Topology t(fabric_chip("switched", 8), n);
    const double ring = 2.0 * (n - 1) / n / kLink;
    check(option(t, AllReduce::direct), 2 * kHop, ring);
    check(option(t, AllReduce::one_shot), kHop, (n - 1) / kLink);
    check(option(t, AllReduce::ring), 2 * (n - 1) * kHop, ring);
    check(all_gather(t, t.group()), kHop, ring / 2);
    check(reduce_scatter(t, t.group()), kHop, ring / 2);
    check(all_to_all(t, t.group()), kHop, ring / 2);
  }
  const Topology eight(fabric_chip("switched", 8), 8);
  check(option(eight, AllReduce::tree), 2 * 3 * kHop, 2 / kLink);  // up half, down to two halves, and half as a leaf
  CHECK(cheapest(options(eight), 1e3).algorithm == AllReduce::one_shot);
  CHECK(cheapest(options(eight), 1e9).algorithm == AllReduce::direct);
}

TEST_CASE("a ring of chips reduces at its full rate; an open line at half of it") {
  const Topology whole(fabric_chip("ring", 12), 12);
  check(option(whole, AllReduce::ring), 2 * 11 * kHop, 2 * 11.0 / 12 / kLink);
  // All-to-all: distances 1 to 5 either way and 6 half each; 36 chip-hops over two links.
  check(all_to_all(whole, whole.group()), 6 * kHop, 36.0 / 12 / kLink);
  const Topology part(fabric_chip("ring", 12), 4);
  CHECK(option(part, AllReduce::ring).seconds_per_byte == Approx(2 * 2 * 3.0 / 4 / kLink));
}

TEST_CASE("rings along the axes of a torus use all links; without wraparound they take twice as long") {
  for (const int axes : {2, 3}) {
    const int chips = axes == 2 ? 16 : 64;
    const std::string kind = axes == 2 ? "torus-2d" : "torus-3d";
    const Topology closed(fabric_chip(kind, chips, 4), chips), open(fabric_chip(kind, chips, 0), chips);
    const double bound = 2.0 * (chips - 1) / chips / kLink;
    check(option(closed, AllReduce::axes), axes * 2 * 3 * kHop, bound);
    check(option(open, AllReduce::axes), axes * 2 * 3 * 2 * kHop, 2 * bound);
    // Diameter: half an axis where it closes, else nearly the whole.
    CHECK(all_to_all(closed, closed.group()).latency == Approx(axes * 2 * kHop));
    CHECK(all_to_all(open, open.group()).latency == Approx(axes * 3 * kHop));
  }
  // A slice whose axes are no multiple of 16 does not close.
  const Chip v5e = fabric_chip("torus-2d", 256, 16);
  CHECK(all_to_all_cost(v5e, 64).latency == Approx(14 * kHop));
  CHECK(all_to_all_cost(v5e, 256).latency == Approx(16 * kHop));
  CHECK_FALSE(offers(Topology(v5e, 7), AllReduce::axes));
}

TEST_CASE("an all-to-all on a torus is bound by its bisection") {
  // Half of the chips send half of their messages across; 2 k links of a k x k torus cross, each way (open: k).
  for (const int k : {4, 8}) {
    CAPTURE(k);
    const double n = k * k, crossing = n / 2 * 0.5, link = kLink / 4;
    const auto rate = [&](int wrap) {
      return all_to_all_cost(fabric_chip("torus-2d", k * k, wrap), k * k).seconds_per_byte;
    };
    CHECK(rate(k) == Approx(crossing / (2 * k * link)));  // an even torus meets its bound
    CHECK(rate(0) >= crossing / (k * link) * (1 - 1e-9));
  }
}

TEST_CASE("across servers the network links decide, and the hierarchical algorithm spares them") {
  for (const char* kind : {"switched", "mesh"}) {
    CAPTURE(kind);
    const Topology t(fabric_chip(kind, 8), 32);
    const double inside = option(Topology(t.chip(), 8), AllReduce::direct).seconds_per_byte;
    // Each chip keeps an eighth and exchanges quarters of that with three other servers, twice.
    check(option(t, AllReduce::hierarchical), 2 * kHop + 2 * 5e-6, inside + 2 * 3.0 / 4 / 8 / kNetwork);
    CHECK(option(t, AllReduce::direct).seconds_per_byte == Approx(2 * 24.0 / 32 / kNetwork));
    CHECK(all_reduce_cost(t.chip(), 32).seconds_per_byte ==
          Approx(option(t, AllReduce::hierarchical).seconds_per_byte));
    check(all_to_all(t, t.group()), 5e-6, 24.0 / 32 / kNetwork);
  }
}

TEST_CASE("leaving a server is never free") {
  const Chip chip = fabric_chip("switched", 8);
  CHECK(all_reduce_cost(chip, 16).seconds(1e6) > 1.5 * all_reduce_cost(chip, 8).seconds(1e6));
  CHECK(all_to_all_cost(chip, 16).seconds(1e6) > 4 * all_to_all_cost(chip, 8).seconds(1e6));
  CHECK(send_cost(chip, 8).seconds_per_byte == Approx(1 / kNetwork));
  CHECK(send_cost(chip, 4).seconds_per_byte == Approx(1 / kLink));
  CHECK(send_cost(chip, 6).seconds_per_byte == Approx(1 / kNetwork));  // four of the six next ones are elsewhere
}

TEST_CASE("no algorithm beats the bound of a chip's own links") {
  for (const Fabric& f : fabrics()) {
    CAPTURE(described(f));
    const Topology t(f.chip, f.chips);
    const double n = f.chips;
    // A chip alone in its server has the network only.
    const double out = f.chip.scale_up_domain > 1 ? kLink : 0;
    const double rate = out + (t.servers() > 1 ? kNetwork : 0);
    for (const AllReduceOption& o : options(t)) {
      CAPTURE(kAllReduceNames[static_cast<std::size_t>(o.algorithm)]);
      CHECK(o.cost.seconds_per_byte >=
            2 * (n - 1) / n / rate * (o.algorithm == AllReduce::one_shot ? 0.5 : 1) * (1 - 1e-9));
      CHECK(o.cost.latency > 0);
    }
    CHECK(all_gather(t, t.group()).seconds_per_byte >= (n - 1) / n / rate * (1 - 1e-9));
    CHECK(all_to_all(t, t.group()).seconds_per_byte >= (n - 1) / n / rate * (1 - 1e-9));
  }
}

TEST_CASE("cost grows with the group behind a hub, and with distance on a line") {
  const Chip hub = fabric_chip("switched", 16), ring = fabric_chip("ring", 16);
  const auto grows = [&](int less, int more) {
    CAPTURE(less, more);
    CHECK(all_to_all_cost(hub, more).seconds(1e6) > all_to_all_cost(hub, less).seconds(1e6));
    CHECK(all_reduce_cost(hub, more).seconds(1e6) > all_reduce_cost(hub, less).seconds(1e6));
  };
  for (int n = 2; n < 16; ++n) grows(n, n + 1);
  for (int servers = 1; servers < 6; ++servers) grows(16 * servers, 16 * (servers + 1));
  for (int d = 1; d < 7; ++d)  // at half the ring, both ways are as long and share the load
    CHECK(send_cost(ring, d + 1).seconds(1e6) > send_cost(ring, d).seconds(1e6));
  CHECK(send_cost(ring, 3).seconds_per_byte == Approx(3 / (kLink / 2)));  // three messages over each link
  for (const Fabric& f : fabrics()) CHECK(all_reduce_cost(f.chip, 1).seconds(1e6) == 0);
}

TEST_CASE("a pipeline pays for the boundaries that it has") {
  const Chip chip = fabric_chip("switched", 8);
  check(pipeline_cost(chip, 4, 2), kHop, 1 / kLink);
  // Four stages of four: boundaries 0-1 and 2-3 inside a server, 1-2 and the way back across.
  check(pipeline_cost(chip, 4, 4), (2 * kHop + 2 * 5e-6) / 4, (2 / kLink + 2 / kNetwork) / 4);
  check(pipeline_cost(chip, 8, 3), 5e-6, 1 / kNetwork);
  CHECK(pipeline_cost(chip, 8, 1).seconds(1e6) == 0);
}

TEST_CASE("groups of one replica may lie anywhere in it") {
  const Topology t(fabric_chip("switched", 8), 32);
  const auto& g = t.group();
  const std::vector<int> second(g.begin() + 8, g.begin() + 16), straddling(g.begin() + 4, g.begin() + 12);
  check(all_reduce(t, second), 2 * kHop, 2 * 7.0 / 8 / kLink);
  // Four in each of two servers: quarters inside, halves of these across.
  check(all_reduce(t, straddling), 2 * kHop + 2 * 5e-6, 2 * 3.0 / 4 / kLink + 2 * 0.5 / 4 / kNetwork);
  check(all_to_all(t, straddling), 5e-6, 4.0 / 8 / kNetwork);
  CHECK(all_reduce(t, {g[3]}).seconds(1e6) == 0);
}

TEST_CASE("KV moves in parallel, at the rate of the side with the fewer links") {
  const Chip chip = fabric_chip("switched", 8);
  Chip slow = fabric_chip("pcie", 4);
  slow.network = made_up(10e9);
  slow.network_latency = made_up(9e-6);
  check(transfer_cost(chip, 4, chip, 4, false), 5e-6, 1 / (4 * kNetwork));
  check(transfer_cost(chip, 8, chip, 2, false), 5e-6, 1 / (2 * kNetwork));
  check(transfer_cost(chip, 4, slow, 2, false), 7e-6, 1 / (2 * 10e9));
  check(transfer_cost(chip, 4, chip, 4, true), kHop, 1 / (4 * kLink));
  check(transfer_cost(chip, 2, chip, 6, true), kHop, 1 / (2 * kLink));
  check(transfer_cost(chip, 8, chip, 8, true), 5e-6, 1 / (8 * kNetwork));  // two servers after all
  const Chip mesh = fabric_chip("mesh", 8);
  check(transfer_cost(mesh, 4, mesh, 4, true), kHop, 1 / (4 * kLink / 7));
  check(transfer_cost(mesh, 2, mesh, 4, true), kHop, 1 / (4 * kLink / 7));
  CHECK_THROWS_AS(transfer_cost(chip, 4, slow, 2, true), UserError);
}
