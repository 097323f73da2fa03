// Auctions and flows on random instances, against laws and exhaustive search.
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/market/exchange.h"
#include "sim/market/flow.h"
#include "sim/market/service_curve.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

namespace {

std::vector<Order> any_orders() {
  std::vector<Order> out;
  for (int n = *rc::gen::inRange(0, 12); n > 0; --n)
    out.push_back({*rc::gen::inRange(0, 4), *rc::gen::arbitrary<bool>() ? Side::buy : Side::sell,
                   *rc::gen::inRange<MicroUsd>(1, 20), *rc::gen::inRange<std::int64_t>(1, 6)});
  return out;
}

/// Single lots' prices of one side, best first.
std::vector<MicroUsd> lots_of(const std::vector<Order>& orders, Side side) {
  std::vector<MicroUsd> out;
  for (const Order& o : orders)
    if (o.side == side) out.insert(out.end(), static_cast<std::size_t>(o.lots), o.price);
  std::sort(out.begin(), out.end());
  if (side == Side::buy) std::reverse(out.begin(), out.end());
  return out;
}

/// The most lots that any single price lets trade, found by trying every price.
std::int64_t most_volume(const std::vector<MicroUsd>& bids, const std::vector<MicroUsd>& asks) {
  std::int64_t most = 0;
  for (MicroUsd p = 0; p <= 21; ++p)
    most =
        std::max(most, std::min<std::int64_t>(std::count_if(bids.begin(), bids.end(), [&](auto b) { return b >= p; }),
                                              std::count_if(asks.begin(), asks.end(), [&](auto a) { return a <= p; })));
  return most;
}

}  // namespace

TEST_CASE("a call auction trades the most lots at one price, with the most surplus, and balances") {
  CHECK(rc::check([] {
    const auto orders = any_orders();
    const auto bids = lots_of(orders, Side::buy), asks = lots_of(orders, Side::sell);
    const Clearing c = call_auction(orders);
    RC_ASSERT(c.volume == most_volume(bids, asks));
    RC_ASSERT(c.price.has_value() == (c.volume > 0));
    RC_ASSERT((c.price.has_value() == (!bids.empty() && !asks.empty() && bids[0] >= asks[0])));
    if (!c.price) return;
    std::int64_t bought = 0, sold = 0;
    std::map<std::size_t, std::int64_t> filled;
    for (const Fill& f : c.fills) {
      const Order& o = orders[f.order];
      (o.side == Side::buy ? bought : sold) += f.lots;
      filled[f.order] += f.lots;
      RC_ASSERT((f.lots > 0 && f.lots <= o.lots));
      RC_ASSERT((o.side == Side::buy ? o.price >= *c.price : o.price <= *c.price));
    }
    RC_ASSERT(bought == c.volume);
    RC_ASSERT(sold == c.volume);
    // No order that is not filled would rather trade at this price.
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (filled[i] < orders[i].lots)
        RC_ASSERT((orders[i].side == Side::buy ? orders[i].price <= *c.price : orders[i].price >= *c.price));
    MicroUsd best = 0;  // pairing the highest values with the lowest costs
    for (std::size_t i = 0; i < std::min(bids.size(), asks.size()); ++i)
      best += std::max<MicroUsd>(0, bids[i] - asks[i]);
    RC_ASSERT(c.buyer_surplus + c.seller_surplus == best);
  }));
}

TEST_CASE("a continuous auction conserves lots and cash, never trades through, and leaves no crossed book") {
  CHECK(rc::check([] {
    const auto orders = any_orders();
    OrderBook book;
    std::vector<std::int64_t> traded(orders.size(), 0);
    std::map<int, MicroUsd> cash;
    for (const Order& o : orders) {
      const auto before_ask = book.best_ask(), before_bid = book.best_bid();
      const auto trades = book.submit(o);
      if (!trades.empty()) RC_ASSERT((trades[0].price == (o.side == Side::buy ? *before_ask : *before_bid)));
      for (std::size_t i = 0; i < trades.size(); ++i) {
        const Trade& t = trades[i];
        RC_ASSERT((orders[t.buy].side == Side::buy && orders[t.sell].side == Side::sell));
        RC_ASSERT((orders[t.sell].price <= t.price && t.price <= orders[t.buy].price));
        if (i > 0) RC_ASSERT((o.side == Side::buy ? t.price >= trades[i - 1].price : t.price <= trades[i - 1].price));
        traded[t.buy] += t.lots;
        traded[t.sell] += t.lots;
        cash[orders[t.buy].participant] -= t.price * t.lots;
        cash[orders[t.sell].participant] += t.price * t.lots;
      }
      if (book.best_bid() && book.best_ask()) RC_ASSERT(*book.best_bid() < *book.best_ask());
    }
    for (std::size_t i = 0; i < orders.size(); ++i) RC_ASSERT(traded[i] + book.resting(i) == orders[i].lots);
    MicroUsd sum = 0;
    for (const auto& [who, usd] : cash) sum += usd;
    RC_ASSERT(sum == 0);
  }));
}

namespace {

FlowProblem any_problem() {
  FlowProblem p;
  const auto regions = *rc::gen::inRange<std::size_t>(1, 3), sites = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t r = 0; r < regions; ++r) p.demand.push_back(*rc::gen::inRange<std::int64_t>(0, 5));
  for (std::size_t s = 0; s < sites; ++s) p.capacity.push_back(*rc::gen::inRange<std::int64_t>(0, 8));
  for (std::size_t r = 0; r < regions; ++r) {
    auto& row = p.cost.emplace_back();
    for (std::size_t s = 0; s < sites; ++s)
      row.push_back(*rc::gen::inRange(0, 4) == 0 ? std::nullopt
                                                 : std::optional<MicroUsd>(*rc::gen::inRange<MicroUsd>(0, 10)));
  }
  return p;
}

/// Every way to place lot after lot; returns the most served and the least it costs.
void search(const FlowProblem& p, std::vector<std::int64_t>& room, std::size_t region, std::int64_t left,
            std::int64_t served, MicroUsd cost, std::pair<std::int64_t, MicroUsd>& best) {
  if (region == p.demand.size()) {
    if (served > best.first || (served == best.first && cost < best.second)) best = {served, cost};
    return;
  }
  const auto next = [&](std::int64_t more_served, MicroUsd more_cost) {
    const bool same = left > 1;
    search(p, room, same ? region : region + 1,
           same                           ? left - 1
           : region + 1 < p.demand.size() ? p.demand[region + 1]
                                          : 0,
           served + more_served, cost + more_cost, best);
  };
  next(0, 0);
  if (left == 0) return;
  for (std::size_t s = 0; s < room.size(); ++s) {
    if (room[s] == 0 || !p.cost[region][s]) continue;
    --room[s];
    next(1, *p.cost[region][s]);
    ++room[s];
  }
}

}  // namespace

TEST_CASE("least-cost flow equals exhaustive search, by both algorithms, and is never dearer than one site") {
  CHECK(rc::check([] {
    const FlowProblem p = any_problem();
    const FlowPlan plan = clear_flow(p), other = clear_flow(p, FlowMethod::cycle_cancelling);
    std::pair<std::int64_t, MicroUsd> best{0, 0};
    auto room = p.capacity;
    search(p, room, 0, p.demand[0], 0, 0, best);
    RC_ASSERT(plan.served == best.first);
    RC_ASSERT(plan.cost == best.second);
    RC_ASSERT(other.served == best.first);
    RC_ASSERT(other.cost == best.second);
    RC_ASSERT(plan.served + plan.unserved == std::accumulate(p.demand.begin(), p.demand.end(), std::int64_t{0}));
    for (std::size_t s = 0; s < p.capacity.size(); ++s) {
      std::int64_t used = 0;
      for (std::size_t r = 0; r < p.demand.size(); ++r) {
        used += plan.lots[r][s];
        if (!p.cost[r][s]) RC_ASSERT(plan.lots[r][s] == 0);
      }
      RC_ASSERT(used <= p.capacity[s]);
    }
    if (const auto single = best_single_site(p)) {
      RC_ASSERT(plan.unserved == 0);
      RC_ASSERT(plan.cost <= *single);
    }
  }));
}

TEST_CASE("interpolation meets its points, stays between neighbours and keeps their order") {
  CHECK(rc::check([] {
    std::vector<double> x = {0}, y = {1.0 * *rc::gen::inRange(-50, 50)};
    for (int n = *rc::gen::inRange(1, 8); n > 0; --n) {
      x.push_back(x.back() + *rc::gen::inRange(1, 30));
      y.push_back(1.0 * *rc::gen::inRange(-50, 50));
    }
    const MonotoneCurve curve(x, y);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      RC_ASSERT(std::fabs(curve.at(x[i]) - y[i]) < 1e-9);
      const bool rises = y[i + 1] >= y[i];
      double last = y[i];
      for (int k = 0; k <= 20; ++k) {
        const double at = curve.at(x[i] + (x[i + 1] - x[i]) * k / 20);
        RC_ASSERT((rises ? at >= last - 1e-9 : at <= last + 1e-9));
        RC_ASSERT((at >= std::min(y[i], y[i + 1]) && at <= std::max(y[i], y[i + 1])));
        last = at;
      }
    }
  }));
}

TEST_CASE("a service curve gives no answer beyond its last load") {
  std::vector<ServicePoint> points(2);
  points[1].tokens_s = 100, points[1].usd_h = 7, points[0].usd_h = 7;
  const ServiceCurve curve(points);
  CHECK(curve.at(100).has_value());
  CHECK_FALSE(curve.at(100.001).has_value());
  CHECK(curve.full_cost() == Approx(7 / 0.36));
  CHECK(curve.running_cost() == 0);
}
