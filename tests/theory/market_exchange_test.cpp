// Auctions against instances that can be solved by hand.
#include "sim/market/exchange.h"
#include "sim/market/money.h"
#include "sim/market/spot_market.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

namespace {

Order bid(MicroUsd price, std::int64_t lots, int who = 0) { return {who, Side::buy, price, lots}; }
Order ask(MicroUsd price, std::int64_t lots, int who = 1) { return {who, Side::sell, price, lots}; }

}  // namespace

TEST_CASE("linear demand and supply clear where they cross") {
  // Demand of one lot at each price 100, 95, … 5; supply of one at 10, 15, … : D(P) = 21 - P/5, S(P) = P/5 - 1.
  std::vector<Order> orders;
  for (MicroUsd p = 5; p <= 100; p += 5) orders.push_back(bid(p, 1));
  for (MicroUsd p = 10; p <= 100; p += 5) orders.push_back(ask(p, 1));
  const Clearing c = call_auction(orders);
  CHECK(c.volume == 10);
  CHECK(*c.price == 55);
  CHECK(c.buyer_surplus == 45 + 40 + 35 + 30 + 25 + 20 + 15 + 10 + 5);
  CHECK(c.seller_surplus == c.buyer_surplus);
}

TEST_CASE("no trade where the best bid is below the best ask, nor where a side is empty") {
  CHECK_FALSE(call_auction({bid(9, 5), ask(10, 5)}).price);
  CHECK_FALSE(call_auction({bid(9, 5)}).price);
  CHECK_FALSE(call_auction({ask(9, 5)}).price);
  CHECK_FALSE(call_auction({}).price);
  CHECK(*call_auction({bid(10, 5), ask(10, 3)}).price == 10);
}

TEST_CASE("the price is in the middle of what no unfilled order would trade at") {
  CHECK(*call_auction({bid(20, 5), ask(10, 5)}).price == 15);
  CHECK(*call_auction({bid(20, 5), ask(10, 5), bid(16, 1)}).price == 18);  // the bid of 16 stays unfilled
  CHECK(*call_auction({bid(20, 5), ask(10, 5), ask(11, 1)}).price == 10);  // (10 + 11) / 2, rounded down
  CHECK(*call_auction({bid(20, 5), ask(10, 8)}).price == 10);              // the seller is left with lots
}

TEST_CASE("at the margin who came first is filled first") {
  const Clearing c = call_auction({bid(20, 4, 0), ask(10, 3, 1), ask(10, 3, 2)});
  REQUIRE(c.fills.size() == 3);
  CHECK(c.fills[1].order == 1);
  CHECK(c.fills[1].lots == 3);
  CHECK(c.fills[2].order == 2);
  CHECK(c.fills[2].lots == 1);
}

TEST_CASE("a book trades at the resting price, best first, then oldest, in parts") {
  OrderBook book;
  CHECK(book.submit(ask(12, 5)).empty());
  CHECK(book.submit(ask(10, 2)).empty());
  CHECK(book.submit(ask(10, 2)).empty());
  CHECK(book.submit(bid(8, 1)).empty());
  CHECK(*book.best_ask() == 10);
  CHECK(*book.best_bid() == 8);
  const auto trades = book.submit(bid(12, 6));
  REQUIRE(trades.size() == 3);
  CHECK(trades[0].sell == 1);
  CHECK(trades[1].sell == 2);
  CHECK(trades[2].sell == 0);
  CHECK(trades[2].price == 12);
  CHECK(trades[2].lots == 2);
  CHECK(book.resting(0) == 3);
  CHECK(book.resting(4) == 0);
  CHECK(book.cancel(0));
  CHECK_FALSE(book.cancel(0));
  CHECK_FALSE(book.best_ask());
  const auto sold = book.submit(ask(1, 1));
  REQUIRE(sold.size() == 1);
  CHECK(sold[0].price == 8);
}

TEST_CASE("an exchange of spare capacity: asks at running cost, lots that are left, cash that sums to zero") {
  std::vector<ServicePoint> points(2);
  points[1].tokens_s = 1000, points[0].usd_h = 3, points[1].usd_h = 3.36;  // running: $0.1, full: $0.933 per million
  SpotSpec spec;
  spec.hours = 48;
  spec.sellers.push_back({"s", ServiceCurve(points), 2, 10, 18e6, {}, true});
  spec.buyers.push_back({"b", 40, 0.5, 0.4, 8, {.amplitude = 0.5}});
  for (const bool continuous : {false, true}) {
    spec.continuous = continuous;
    MarketRecord r;
    run_exchange(spec, r);
    REQUIRE(r.auctions.size() == 48);
    std::int64_t volume = 0;
    for (const auto& a : r.auctions) {
      CHECK(a.ask_lots == 18);  // 36 M tokens/h of capacity less 18 M of its own customers
      CHECK(a.volume <= a.ask_lots);
      if (a.volume > 0) CHECK(a.price >= micro(0.1));
      volume += a.volume;
    }
    CHECK(volume > 0);
    CHECK(r.participants[0].cash == -r.participants[1].cash);
    CHECK(r.participants[0].traded == volume);
  }
  spec.sellers[0].asks_running_cost = false;
  MarketRecord dear;
  run_exchange(spec, dear);
  for (const auto& a : dear.auctions)
    if (a.volume > 0) CHECK(a.price >= micro(3.36 / 3.6));
}
