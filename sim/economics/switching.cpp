#include "sim/economics/switching.h"

#include <cmath>
#include <limits>

#include "sim/economics/capital.h"

namespace tokenfab {
namespace {

double flow(const Switch& s, int month) {
  const double share = month <= s.ramp_months ? static_cast<double>(month) / (s.ramp_months + 1) : 1;
  return s.saving_usd_per_month * share - (month <= s.dual_run_months ? s.dual_run_usd_per_month : 0);
}

/// Months after which every month saves the same.
int settled(const Switch& s) { return std::max(s.ramp_months, s.dual_run_months); }

double break_even_months(const Switch& s) {
  double left = s.one_off_usd;
  for (int m = 1; m <= settled(s); ++m) {
    const double saved = flow(s, m);
    if (saved > 0 && saved >= left) return m - 1 + left / saved;
    left -= saved;
  }
  return s.saving_usd_per_month > 0 ? settled(s) + left / s.saving_usd_per_month
                                    : std::numeric_limits<double>::infinity();
}

}  // namespace

SwitchVerdict judge_switch(const Switch& s) {
  SwitchVerdict v;
  v.flows.push_back(-s.one_off_usd);
  for (int m = 1; m <= s.horizon_months; ++m) v.flows.push_back(flow(s, m));
  v.npv_usd = net_present_value(std::expm1(std::log1p(s.discount_per_year) / 12), v.flows);
  v.npv_saving_usd = v.npv_usd + s.one_off_usd;
  v.worth_it = v.npv_saving_usd > s.one_off_usd;
  v.break_even_months = break_even_months(s);
  return v;
}

Switch read_switch(const JsonObject& o) {
  Switch s;
  s.one_off_usd = o.number_in("one_off_usd", 0, 1e12);
  s.ramp_months = static_cast<int>(o.integer("ramp_months", 0, 1200, 0));
  s.dual_run_usd_per_month = o.number_in("dual_run_usd_per_month", 0, 1e12, 0);
  s.dual_run_months = static_cast<int>(o.integer("dual_run_months", 0, 1200, 0));
  s.discount_per_year = o.number_in("discount_per_year", 0, 10, 0.1);
  s.horizon_months = static_cast<int>(o.integer("horizon_months", 1, 1200, 36));
  return s;
}

}  // namespace tokenfab
