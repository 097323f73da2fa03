#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/core/records.h"
#include "sim/economics/plans/plan.h"
#include "sim/economics/price.h"

// Pure functions over recorded usage and prices: no simulation, no I/O.
namespace tokenfab {

/// What a spot market adds to a price. All zero: the price as it stands, by the second.
struct SpotTerms {
  // The logarithm of the price reverts to its mean (Ornstein-Uhlenbeck), hour by hour; the price's mean stays.
  double volatility = 0;                 // standard deviation of the price's logarithm in the long run
  double reversion_per_hour = 1;         // > 0
  double interruptions_per_hour = 0;     // hazard, per chip
  double restart_s = 0;                  // paid without work after an interruption
  double lost_work_s = 0, notice_s = 0;  // done again after one, less the notice
};

/// Chips rented by the hour: everything (power, hosting) is in the price.
struct Rent {
  std::string kind;  // "on-demand", "reserved-1y", ...
  Price usd_per_chip_hour;
  std::string provider;        // who is paid; may be empty
  double share = 1;            // in a blend: of the chip-hours that no commitment covers
  double committed_chips = 0;  // paid for the whole run, held or not; 0: paid while held
  double block_hours = 0;      // sold in whole blocks of so many hours per chip; 0: by the second
  // Of a contract of term_years, the share paid at its start, at interest a year.
  double upfront_share = 0, interest = 0, term_years = 1;
  SpotTerms spot = {};
};

/// Chips owned: capital by the capital recovery factor net of residual, plus power, hosting, staff and software.
struct Owned {
  Price capex_usd_per_chip;  // chip and its share of server and network
  Price life_years;
  Price residual_share;  // of capex at the end of life
  Price interest;        // per year
  Price electricity_usd_per_kwh;
  Price hosting_usd_per_kw_month;  // of provisioned IT power
  Price provisioned_kw_per_chip;
  Price chip_usd = {}, server_share = {},
        network_share = {};  // what capex is made of, where it is not given as a whole
  Price staff_usd_per_chip_year = {}, software_usd_per_chip_year = {};
  Price tax_rate = {};                         // on profit; 0: capital is charged before tax
  std::string depreciation = "straight-line";  // kDepreciationNames (capital.h); moves money only where tax is charged
  double depreciation_years = 0;               // 0: the life
};

struct Site {
  Price pue;
  Price grid_gco2e_per_kwh;
  Price embodied_kgco2e_per_chip;
  Price embodied_life_years;
  Price market_gco2e_per_kwh = {};  // of the energy contract; an empty source: unknown
};

struct Supply {
  std::optional<Rent> rent;  // exactly one of rent, owned and blend
  std::optional<Owned> owned;
  Site site;
  std::vector<Rent> blend = {};  // commitments are used first; the others share the rest of the hours
};

/// What a pool cost, in USD.
struct PoolBill {
  double usd = 0;         // allocation: its ledger's sum
  double unused_usd = 0;  // of it: chip-hours that were committed to or sold in a block, and not held
};

struct Slo {
  double ttft_s = 0, tpot_s = 0, e2e_s = 0;  // 0 = no bound
  double attainment = 0.95;                  // share of requests that shall meet them where a factory is sized for it
};

/// USD that the plan takes for these tokens; `cached` of the `input` tokens are charged as cached.
double plan_revenue(const TokenPlan& plan, std::int64_t input, std::int64_t cached, std::int64_t output);
/// The plan's mean price in USD per million tokens, input and output together; NaN without tokens.
double blended_price(const TokenPlan& plan, std::int64_t input, std::int64_t cached, std::int64_t output);

/// Replaces record.cost, record.ledger and record.prices: a pure fold over record.pools, record.meter, the served token
/// counts, the supplies (one per pool) and the plan. Unit costs and ratios without a denominator are NaN (JSON: null).
/// Identities checked (InternalError): the ledger's costs sum to usd_total, its revenue to revenue_usd, and
/// C_in * N_in + C_out * N_out = usd_total, each to 1e-9. Returns the plan's bill, where there is a plan.
std::optional<Bill> price_run(RunRecord& record, const std::vector<Supply>& supplies,
                              const std::optional<PricePlan>& plan);

/// Mean rate of the offered requests, a second, from the first to the last; NaN for fewer than two.
double offered_rps(const RunRecord& record);

/// What a request costs under the run's input and output unit costs, in USD; 0 unless it was served. The sum over all
/// requests is usd_total.
double request_cost(const CostSummary& cost, const RequestRow& row);

}  // namespace tokenfab
