#pragma once
#include <string>
#include <vector>

#include "sim/market/demand.h"
#include "sim/market/exchange.h"
#include "sim/market/service_curve.h"

// The exchange hour by hour: providers offer what their own customers leave idle, buyers bid what a lot is worth to
// them.
namespace tokenfab::market {

struct SpotSeller {
  std::string name;
  ServiceCurve curve;
  int chips = 1;  // of a replica
  int replicas = 1;
  double committed_tokens_h = 0;  // mean, of its own customers
  Profile profile;
  bool asks_running_cost = true;  // else the full cost: spare replicas would be given back
};

struct SpotBuyer {
  std::string name;
  double lots_h = 0;     // mean
  double value_usd = 0;  // of a lot: median of its orders
  double spread = 0;     // standard deviation of ln(value)
  int orders = 1;        // an hour, of equal size
  Profile profile;
};

struct SpotSpec {
  std::int64_t hours = 168;
  bool continuous = false;  // a continuous double auction, orders in random order; else one call auction an hour
  std::uint64_t seed = 1;
  std::vector<SpotSeller> sellers;
  std::vector<SpotBuyer> buyers;
};

/// Runs each hour's auction and fills auctions, participants and figures of the record. Errors: InternalError where the
/// participants' cash does not sum to zero.
void run_exchange(const SpotSpec& spec, MarketRecord& record);

}  // namespace tokenfab::market
