#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/core/records.h"

// Plain results of a market: what sim/market/ hands to reports and the command line.
namespace tokenfab {

/// Integer money: millionths of a US dollar. Prices are MicroUsd per million tokens, input and output together.
using MicroUsd = std::int64_t;

/// One replica of a factory (all its pools, where it has several) at one load, as the token-level simulator found it.
struct ServicePoint {
  double tokens_s = 0, requests_s = 0;  // offered; tokens: input + output
  double ttft_mean_s = 0, ttft_p99_s = 0, tpot_mean_s = 0, tpot_p99_s = 0;
  double attainment = 1;  // share of requests within the SLO
  double busy_share = 0;  // of paid chip time
  double power_w = 0;     // IT power, before PUE
  double usd_h = 0;       // paid per hour: rent, or capital, hosting and power
};

struct CurveRecord {
  std::string factory;
  int chips = 0;  // of one replica
  std::string provenance;
  double error_band = 0;             // typical relative error of step times; 0: not measured
  std::vector<ServicePoint> points;  // by load, from idle to the highest load within the SLO
};

/// What a provider did in one round of prices.
struct ProviderRound {
  int round = 0;
  std::string provider;
  MicroUsd price = 0;
  double share = 0;  // of the tokens that the market served in the round
  std::int64_t demanded = 0, served = 0;
  MicroUsd revenue = 0, supply_cost = 0, fixed_cost = 0, cash = 0;  // cash: at the round's end
  double replica_hours = 0, energy_j = 0;                           // paid replica-hours; IT energy
  double attainment = 0;                                            // share of demanded tokens served within the SLO
};

struct MarketRound {
  int round = 0;
  double start_h = 0, end_h = 0;
  double hhi = 0;  // over shares of tokens served, 0 to 10,000
  std::int64_t demanded = 0, served = 0;
  MicroUsd spend = 0;
};

struct ProviderTotal {
  std::string name;
  MicroUsd cash_start = 0, cash_end = 0, revenue = 0, supply_cost = 0, fixed_cost = 0;
  MicroUsd last_price = 0;
  MicroUsd marginal_cost = 0;  // per million tokens of a replica loaded to the SLO's limit
  std::int64_t demanded = 0, served = 0;
  double exit_h = -1;  // hour in which cash fell below zero; -1: still there
  double replica_hours = 0, energy_j = 0, attainment = 0;
  double runway_h = -1;  // hours that cash_start lasts at the losses of the first round; -1: none
};

struct SegmentTotal {
  std::string name;
  std::int64_t demanded = 0, served = 0;
  MicroUsd spend = 0;
  double consumer_surplus_usd = 0;  // NaN where the area under the demand curve has no limit
};

/// One hour's contracts on the exchange, in lots.
struct AuctionRow {
  std::int64_t hour = 0;
  std::int64_t bid_lots = 0, ask_lots = 0, volume = 0;
  MicroUsd price = -1;    // per lot; -1: no trade. Continuous: the mean, by volume, rounded down
  MicroUsd turnover = 0;  // paid by buyers = received by sellers
  MicroUsd buyer_surplus = 0, seller_surplus = 0;
};

struct ParticipantRow {
  std::string name, side;  // "buyer" or "seller"
  std::int64_t offered = 0, traded = 0;
  MicroUsd cash = 0;  // received less paid
};

struct FlowRow {
  std::string region, site;
  std::int64_t tokens_m = 0;  // millions
  MicroUsd cost = 0;
};

struct ReboundRow {
  std::string segment;
  double elasticity = 0;
  double quantity_ratio = 0, spend_ratio = 0, energy_ratio = 0;
  double consumer_surplus_gain_usd = 0;  // a year
};

/// A figure of a section, with the arithmetic behind it. NaN: does not exist.
struct MarketFigure {
  std::string section, name, unit, basis;
  double value = 0;
};

struct MarketRecord {
  std::string name, scenario_json;
  std::uint64_t seed = 0;
  double step_h = 1;
  std::int64_t steps = 0;
  std::vector<CurveRecord> curves;
  std::vector<MarketRound> rounds;
  std::vector<ProviderRound> provider_rounds;
  std::vector<ProviderTotal> providers;
  std::vector<SegmentTotal> segments;
  std::vector<AuctionRow> auctions;
  std::vector<ParticipantRow> participants;
  std::vector<FlowRow> flows;
  std::vector<ReboundRow> rebounds;
  std::vector<MarketFigure> figures;
  std::vector<Assumption> assumptions;
};

}  // namespace tokenfab
