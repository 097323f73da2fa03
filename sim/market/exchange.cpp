#include "sim/market/exchange.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab::market {
namespace {

/// Orders of a side, best price first, then by arrival.
std::vector<std::size_t> ranked(const std::vector<Order>& orders, Side side) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < orders.size(); ++i)
    if (orders[i].side == side && orders[i].lots > 0) out.push_back(i);
  std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
    return side == Side::buy ? orders[a].price > orders[b].price : orders[a].price < orders[b].price;
  });
  return out;
}

/// A walk down one side, lot by lot.
struct Walk {
  const std::vector<Order>& orders;
  std::vector<std::size_t> rank;
  std::size_t at = 0;
  std::int64_t used = 0;  // of rank[at]

  bool done() const { return at == rank.size(); }
  const Order& order() const { return orders[rank[at]]; }
  std::int64_t left() const { return order().lots - used; }
  void take(std::int64_t lots) {
    used += lots;
    if (left() == 0) ++at, used = 0;
  }
};

MicroUsd middle(MicroUsd low, MicroUsd high) { return low + (high - low) / 2; }

void fill_side(const std::vector<Order>& orders, const std::vector<std::size_t>& rank, Clearing& out) {
  std::int64_t left = out.volume;
  for (const std::size_t i : rank) {
    const std::int64_t lots = std::min(left, orders[i].lots);
    if (lots == 0) return;
    left -= lots;
    out.fills.push_back({i, lots});
    if (orders[i].side == Side::buy) out.buyer_surplus += (orders[i].price - *out.price) * lots;
    else out.seller_surplus += (*out.price - orders[i].price) * lots;
  }
}

}  // namespace

Clearing call_auction(const std::vector<Order>& orders) {
  Clearing out;
  Walk bids{orders, ranked(orders, Side::buy)}, asks{orders, ranked(orders, Side::sell)};
  MicroUsd last_bid = 0, last_ask = 0;
  while (!bids.done() && !asks.done() && bids.order().price >= asks.order().price) {
    last_bid = bids.order().price, last_ask = asks.order().price;
    const std::int64_t lots = std::min(bids.left(), asks.left());
    out.volume += lots;
    bids.take(lots);
    asks.take(lots);
  }
  if (out.volume == 0) return out;
  // Neither may a bid that is left over be above the price, nor an ask below it.
  const MicroUsd low = bids.done() ? last_ask : std::max(last_ask, bids.order().price);
  const MicroUsd high = asks.done() ? last_bid : std::min(last_bid, asks.order().price);
  require(low <= high, "a call auction has a price");
  out.price = middle(low, high);
  fill_side(orders, bids.rank, out);
  fill_side(orders, asks.rank, out);
  return out;
}

std::pair<MicroUsd, std::size_t> OrderBook::key(std::size_t order) const {
  const Order& o = orders_[order];
  return {o.side == Side::buy ? -o.price : o.price, order};
}

std::vector<Trade> OrderBook::submit(const Order& order) {
  require(order.lots > 0, "an order has lots");
  const std::size_t mine = orders_.size();
  orders_.push_back(order);
  left_.push_back(order.lots);
  Queue& others = queue(order.side == Side::buy ? Side::sell : Side::buy);
  std::vector<Trade> trades;
  while (left_[mine] > 0 && !others.empty()) {
    const std::size_t best = others.begin()->second;
    const MicroUsd price = orders_[best].price;
    if (order.side == Side::buy ? price > order.price : price < order.price) break;
    const std::int64_t lots = std::min(left_[mine], left_[best]);
    left_[mine] -= lots;
    left_[best] -= lots;
    if (left_[best] == 0) others.erase(others.begin());
    trades.push_back(order.side == Side::buy ? Trade{mine, best, price, lots} : Trade{best, mine, price, lots});
  }
  if (left_[mine] > 0) queue(order.side).insert(key(mine));
  return trades;
}

bool OrderBook::cancel(std::size_t order) {
  if (order >= orders_.size() || left_[order] == 0) return false;
  queue(orders_[order].side).erase(key(order));
  left_[order] = 0;
  return true;
}

std::optional<MicroUsd> OrderBook::best_bid() const {
  if (bids_.empty()) return std::nullopt;
  return orders_[bids_.begin()->second].price;
}

std::optional<MicroUsd> OrderBook::best_ask() const {
  if (asks_.empty()) return std::nullopt;
  return orders_[asks_.begin()->second].price;
}

}  // namespace tokenfab::market
