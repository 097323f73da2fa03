#pragma once
#include <vector>

#include "sim/market/competition.h"

namespace tokenfab::market {

/// A provider in play: its price, fleet, books and demand.
class Firm {
 public:
  Firm(const ProviderSpec& spec, double step_h);

  bool alive() const { return total_.exit_h < 0; }
  bool took_part() const { return took_part_; }  // in the present round
  MicroUsd price() const { return price_; }
  MicroUsd marginal_cost() const { return total_.marginal_cost; }
  Offer offer(double at_h) const;
  PriceView price_view() const;

  void set_price(MicroUsd price) { price_ = price; }
  void begin_round();
  /// Demand is known up to step `from`, exclusive; expect() appends a step's tokens.
  void forget_from(std::size_t from);
  void expect(double tokens);
  /// The share of step k's demand that is served.
  double serve(std::size_t k);
  /// Books what serve(k) cost and what was `sold` for it; the firm leaves if cash is gone.
  void book(std::size_t k, std::int64_t sold, MicroUsd revenue);
  /// `hours`: length of the round.
  ProviderRound end_round(int round, double hours);
  ProviderTotal total() const;

 private:
  struct Served {
    double share = 1, attainment = 1, supply_usd = 0, ttft_s = 0;
  };
  bool down(double at_h) const;
  Served serve_resold(double tokens) const;
  Served serve_with_replicas(std::size_t k);

  ProviderSpec spec_;
  double step_h_;
  MicroUsd price_;
  double latency_s_ = 0;                // TTFT p99, mean of the last round by tokens; at first that of half load
  std::vector<double> demand_;          // tokens, by step
  std::vector<double> replicas_worth_;  // the same over what a replica serves in a step
  Served now_;                          // of the present step
  Fleet fleet_;
  bool fleet_started_ = false, took_part_ = false;
  double fixed_owed_usd_ = 0;  // fixed cost not yet booked: parts of a micro-USD
  ProviderTotal total_;
  ProviderRound round_;
  double good_tokens_ = 0, round_good_tokens_ = 0, round_latency_tokens_ = 0;
  double last_unit_cost_usd_ = 0;
};

}  // namespace tokenfab::market
