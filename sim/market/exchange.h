#pragma once
#include <optional>
#include <set>
#include <vector>

#include "sim/core/market_record.h"

// Auctions of one standard contract: lots of a million tokens of a model class, in a region and an hour.
namespace tokenfab::market {

enum class Side { buy, sell };

struct Order {
  int participant = 0;
  Side side = Side::buy;
  MicroUsd price = 0;     // per lot: at most (buy), at least (sell)
  std::int64_t lots = 0;  // > 0
};

struct Fill {
  std::size_t order = 0;  // index
  std::int64_t lots = 0;
};

struct Clearing {
  std::int64_t volume = 0;
  std::optional<MicroUsd> price;  // one for all; empty: no trade
  std::vector<Fill> fills;        // of both sides
  MicroUsd buyer_surplus = 0, seller_surplus = 0;
};

/// Call auction: the largest volume that bids and asks agree on, at one price for all: the middle (rounded down) of the
/// range in which no order that stays unfilled would trade. Best prices first; among equal prices who came first. No
/// trade where the best bid is below the best ask. Buyers pay what sellers receive, to the micro-USD.
Clearing call_auction(const std::vector<Order>& orders);

struct Trade {
  std::size_t buy = 0, sell = 0;  // indices of orders
  MicroUsd price = 0;             // the resting order's
  std::int64_t lots = 0;
};

/// Continuous double auction: an order trades with the best resting ones at their prices, then rests. Price-time
/// priority, partial fills.
class OrderBook {
 public:
  /// Trades that the order causes at once, best first. Its index is the number of orders submitted before.
  std::vector<Trade> submit(const Order& order);
  /// Takes a resting order out; false where nothing of it rests.
  bool cancel(std::size_t order);
  std::optional<MicroUsd> best_bid() const, best_ask() const;
  const std::vector<Order>& orders() const { return orders_; }
  std::int64_t resting(std::size_t order) const { return left_[order]; }

 private:
  /// Resting orders of a side, best first: (price, negated for bids; index).
  using Queue = std::set<std::pair<MicroUsd, std::size_t>>;
  Queue& queue(Side side) { return side == Side::buy ? bids_ : asks_; }
  std::pair<MicroUsd, std::size_t> key(std::size_t order) const;

  std::vector<Order> orders_;
  std::vector<std::int64_t> left_;
  Queue bids_, asks_;
};

}  // namespace tokenfab::market
