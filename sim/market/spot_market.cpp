#include "sim/market/spot_market.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

std::int64_t spare_lots(const SpotSeller& s, std::int64_t hour) {
  const double capacity = s.replicas * s.curve.capacity() * 3600;
  const double own = s.committed_tokens_h * profile_at(s.profile, static_cast<double>(hour) + 0.5);
  return static_cast<std::int64_t>(std::floor(std::max(0.0, capacity - own) / kLotTokens));
}

MicroUsd ask_price(const SpotSeller& s) {
  return micro(s.asks_running_cost ? s.curve.running_cost() : s.curve.full_cost());
}

class Exchange {
 public:
  Exchange(const SpotSpec& spec, MarketRecord& record)
      : spec_(spec), record_(record), random_(spec.seed, 0, StreamPurpose::market_bids) {
    for (const auto& s : spec.sellers) record.participants.push_back({.name = s.name, .side = "seller"});
    for (const auto& b : spec.buyers) record.participants.push_back({.name = b.name, .side = "buyer"});
  }

  void run() {
    for (std::int64_t hour = 0; hour < spec_.hours; ++hour) {
      const std::vector<Order> orders = orders_of(hour);
      AuctionRow row;
      row.hour = hour;
      for (const Order& o : orders) (o.side == Side::buy ? row.bid_lots : row.ask_lots) += o.lots;
      spec_.continuous ? continuous(orders, row) : call(orders, row);
      record_.auctions.push_back(row);
    }
    MicroUsd sum = 0;
    for (const auto& p : record_.participants) sum += p.cash;
    require(sum == 0, "what buyers pay = what sellers receive");
    add_figures();
  }

 private:
  void add(std::vector<Order>& orders, std::size_t participant, Side side, MicroUsd price, std::int64_t lots) {
    if (lots <= 0) return;
    orders.push_back({static_cast<int>(participant), side, price, lots});
    record_.participants[participant].offered += lots;
  }

  std::vector<Order> orders_of(std::int64_t hour) {
    std::vector<Order> out;
    for (std::size_t i = 0; i < spec_.sellers.size(); ++i)
      add(out, i, Side::sell, ask_price(spec_.sellers[i]), spare_lots(spec_.sellers[i], hour));
    for (std::size_t i = 0; i < spec_.buyers.size(); ++i) {
      const SpotBuyer& b = spec_.buyers[i];
      const double lots = b.lots_h * profile_at(b.profile, static_cast<double>(hour) + 0.5) / b.orders;
      for (int n = 0; n < b.orders; ++n)
        add(out, spec_.sellers.size() + i, Side::buy, micro(b.value_usd * std::exp(b.spread * random_.normal())),
            std::llround(lots));
    }
    if (spec_.continuous)
      for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[random_.below(i)]);
    return out;
  }

  void pay(int buyer, int seller, MicroUsd price, std::int64_t lots) {
    auto& b = record_.participants[static_cast<std::size_t>(buyer)];
    auto& s = record_.participants[static_cast<std::size_t>(seller)];
    b.cash -= price * lots;
    s.cash += price * lots;
    b.traded += lots;
    s.traded += lots;
  }

  void call(const std::vector<Order>& orders, AuctionRow& row) {
    const Clearing c = call_auction(orders);
    if (!c.price) return;
    for (const Fill& f : c.fills) {
      auto& p = record_.participants[static_cast<std::size_t>(orders[f.order].participant)];
      p.traded += f.lots;
      p.cash += *c.price * (orders[f.order].side == Side::buy ? -f.lots : f.lots);
    }
    row.volume = c.volume;
    row.price = *c.price;
    row.turnover = *c.price * c.volume;
    row.buyer_surplus = c.buyer_surplus;
    row.seller_surplus = c.seller_surplus;
  }

  void continuous(const std::vector<Order>& orders, AuctionRow& row) {
    OrderBook book;
    for (const Order& order : orders)
      for (const Trade& t : book.submit(order)) {
        const Order &buy = book.orders()[t.buy], &sell = book.orders()[t.sell];
        pay(buy.participant, sell.participant, t.price, t.lots);
        row.volume += t.lots;
        row.turnover += t.price * t.lots;
        row.buyer_surplus += (buy.price - t.price) * t.lots;
        row.seller_surplus += (t.price - sell.price) * t.lots;
      }
    if (row.volume > 0) row.price = row.turnover / row.volume;
  }

  void add_figures() {
    MicroUsd turnover = 0;
    std::int64_t volume = 0, traded_hours = 0;
    for (const AuctionRow& row : record_.auctions) {
      turnover += row.turnover;
      volume += row.volume;
      traded_hours += row.volume > 0;
    }
    const double price = volume > 0 ? in_usd(turnover) / static_cast<double>(volume) : std::nan("");
    const auto figure = [&](const std::string& name, double value, const char* unit, const std::string& basis) {
      record_.figures.push_back({"exchange", name, unit, basis, value});
    };
    figure("hours with trade", static_cast<double>(traded_hours), "h", "of " + std::to_string(spec_.hours));
    figure("reference price", price, "USD per M tokens", "turnover over lots, all hours");
    for (const SpotSeller& s : spec_.sellers)
      figure("chip-hour at that price, " + s.name, price * s.curve.capacity() * 3600 / kLotTokens / s.chips,
             "USD per chip-hour",
             shortest(s.curve.capacity()) + " tokens/s of a replica of " + std::to_string(s.chips));
  }

  const SpotSpec& spec_;
  MarketRecord& record_;
  RandomStream random_;
};

}  // namespace

void run_exchange(const SpotSpec& spec, MarketRecord& record) { Exchange(spec, record).run(); }

}  // namespace tokenfab::market
