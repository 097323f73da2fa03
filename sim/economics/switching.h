#pragma once
#include <vector>

#include "base/json_object.h"

namespace tokenfab {

/// Leaving one supplier, engine or chip for another: a one-off cost now, a saving every month after. USD, months.
struct Switch {
  double one_off_usd = 0;             // porting, retraining, migration
  double saving_usd_per_month = 0;    // once all is moved; below zero: it costs more
  int ramp_months = 0;                // in month m of these, m / (ramp_months + 1) of the saving
  double dual_run_usd_per_month = 0;  // for the old one beside the new
  int dual_run_months = 0;
  double discount_per_year = 0;
  int horizon_months = 36;  // savings beyond do not count
};

struct SwitchVerdict {
  std::vector<double> flows;     // by month, 0 first: what it costs, then savings less dual running
  double npv_saving_usd = 0;     // of the flows after month 0
  double npv_usd = 0;            // less the one-off cost
  double break_even_months = 0;  // undiscounted, linear within a month, whatever the horizon; infinity: never
  bool worth_it = false;         // npv_saving_usd > one-off cost
};

/// Discounts by (1 + discount_per_year)^(1/12) a month.
SwitchVerdict judge_switch(const Switch& s);

/// Reads "switching": {"one_off_usd": …, "ramp_months": …, "dual_run_usd_per_month": …, "dual_run_months": …,
/// "discount_per_year": …, "horizon_months": …}; the saving is left 0. Does not finish the object.
Switch read_switch(const JsonObject& o);

}  // namespace tokenfab
