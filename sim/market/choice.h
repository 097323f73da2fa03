#pragma once
#include <array>
#include <limits>
#include <span>
#include <vector>

#include "sim/core/market_record.h"

// How buyers, or a load balancer of prices in their place, spread over providers.
namespace tokenfab::market {

struct Offer {
  MicroUsd price = 0;    // per million tokens, > 0 (cheapest: >= 0)
  double latency_s = 0;  // TTFT, 99th percentile
  double quality = 0;    // any scale
  bool available = true;
};

enum class ChoiceRule {
  logit,           // exp(quality_weight x quality - price_weight x ln(price in USD) - latency_weight x latency)
  cheapest,        // all to the lowest price; equal prices share equally
  inverse_square,  // in proportion to price^-2
  latency_aware    // inverse_square among those within latency_s; where none is, all to the fastest
};
inline constexpr std::array kChoiceRules = {"logit", "cheapest", "inverse-square", "latency-aware"};

struct Choice {
  ChoiceRule rule = ChoiceRule::logit;
  double price_weight = 2, latency_weight = 0, quality_weight = 1;
  double latency_s = std::numeric_limits<double>::infinity();
};

/// Shares of demand, summing to 1; all zero where nothing is available.
std::vector<double> shares(const Choice& choice, std::span<const Offer> offers);

/// Spreads requests by price, leaving out for `exclusion_s` a provider that has failed. Those left out are used last.
class PriceBalancer {
 public:
  PriceBalancer(Choice choice, double exclusion_s, std::vector<Offer> offers);
  void set(std::size_t provider, const Offer& offer);
  void failed(std::size_t provider, double at_s);
  /// Shares of requests at this time.
  std::vector<double> shares_at(double at_s) const;
  /// Providers in the order in which one request tries them; `u` in [0, 1) picks the first by its share, the others
  /// follow by ascending price, those left out at the end. Unavailable ones are not in it.
  std::vector<std::size_t> order(double at_s, double u) const;

 private:
  bool excluded(std::size_t provider, double at_s) const;

  Choice choice_;
  double exclusion_s_;
  std::vector<Offer> offers_;
  std::vector<double> last_failure_s_;
};

}  // namespace tokenfab::market
