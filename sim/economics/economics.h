#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/core/records.h"

// Pure functions over recorded usage and prices: no simulation, no I/O.
namespace tokenfab {

struct Price {
  double value = 0;
  std::string unit, source, as_of;
};

/// Chips rented by the hour: everything (power, hosting) is in the price.
struct Rent {
  std::string kind;  // "on-demand", "reserved-1y", ...
  Price usd_per_chip_hour;
};

/// Chips owned: capital by the capital recovery factor net of residual, plus power and hosting.
struct Owned {
  Price capex_usd_per_chip;        // chip and its share of server and network
  Price life_years;
  Price residual_share;            // of capex at the end of life
  Price interest;                  // per year
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
  std::optional<Rent> rent;    // exactly one of rent and owned
  std::optional<Owned> owned;
  Site site;
};

/// Pay-per-token list prices, USD per million tokens. input applies to input tokens that are not cached.
struct TokenPlan {
  Price input, cached_input, output;
};

struct Slo {
  double ttft_s = 0, tpot_s = 0, e2e_s = 0;  // 0 = no bound
};

/// r(1+r)^n / ((1+r)^n - 1); 1/n at r = 0.
double capital_recovery_factor(double rate, double years);
/// r / ((1+r)^n - 1); 1/n at r = 0.
double sinking_fund_factor(double rate, double years);

/// Fills record.cost, record.ledger and record.prices from record.pools and the supplies (one per pool).
/// Identities checked (InternalError): ledger sums to usd_total; C_in*N_in + C_out*N_out = usd_total to 1e-9.
void price_run(RunRecord& record, const std::vector<Supply>& supplies, const std::optional<TokenPlan>& plan);

/// What a request costs under the run's input and output unit costs. The sum over served requests is usd_total.
double request_cost(const CostSummary& cost, const RequestRow& row);

}  // namespace tokenfab
