#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/core/records.h"
#include "sim/economics/plans/plan.h"
#include "sim/economics/price.h"

// Pure functions over recorded usage and prices: no simulation, no I/O.
namespace tokenfab {

/// Chips rented by the hour: everything (power, hosting) is in the price.
struct Rent {
  std::string kind;  // "on-demand", "reserved-1y", ...
  Price usd_per_chip_hour;
  std::string provider;  // who is paid; may be empty
};

/// Chips owned: capital by the capital recovery factor net of residual, plus power and hosting.
struct Owned {
  Price capex_usd_per_chip;  // chip and its share of server and network
  Price life_years;
  Price residual_share;  // of capex at the end of life
  Price interest;        // per year
  Price electricity_usd_per_kwh;
  Price hosting_usd_per_kw_month;  // of provisioned IT power
  Price provisioned_kw_per_chip;
};

struct Site {
  Price pue;
  Price grid_gco2e_per_kwh;
  Price embodied_kgco2e_per_chip;
  Price embodied_life_years;
};

struct Supply {
  std::optional<Rent> rent;  // exactly one of rent and owned
  std::optional<Owned> owned;
  Site site;
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

/// What a request costs under the run's input and output unit costs, in USD; 0 unless it was served. The sum over all
/// requests is usd_total.
double request_cost(const CostSummary& cost, const RequestRow& row);

}  // namespace tokenfab
