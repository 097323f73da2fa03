#pragma once

// When a price is reached, and when money runs out: closed forms, defined in docs/definitions.md, section "Markets".
namespace tokenfab::market {

/// Tokens/s that an hour at `usd_h` must yield for a token to cost `usd_per_mtok`.
double required_tokens_s(double usd_h, double usd_per_mtok);

/// A cost that falls to `floor` by a factor each year: floor + (now - floor) factor^years.
struct YearlyFall {
  double now = 0, factor = 1, floor = 0;
};
double cost_after(const YearlyFall& fall, double years);
/// Years until `target`; 0 where it is reached already, infinity where it never is.
double years_until(const YearlyFall& fall, double target);

/// Wright's law: each doubling of all that was ever made takes `learning_rate` off the cost. Yearly output `per_year`
/// (at the start, in the unit of `made`) grows by the factor 1 + growth a year.
struct Wright {
  double now = 0, learning_rate = 0, made = 0, per_year = 0, growth = 0;
};
double cost_after(const Wright& wright, double years);
double years_until(const Wright& wright, double target);

/// Tokens sold below cost. `growth` of volume a year, as a factor - 1.
struct Subsidy {
  double tokens_per_day = 0, cost_usd_per_mtok = 0, price_usd_per_mtok = 0, fixed_usd_per_day = 0, growth = 0;
};
/// USD lost a day at the start; below zero: a profit.
double first_burn_per_day(const Subsidy& subsidy);
/// USD lost from the start until then.
double burnt_by(const Subsidy& subsidy, double days);
/// Days until `cash_usd` is gone, tokens and growth flowing evenly (runway_days of sim/economics/demand.h lets them
/// come once a day); infinity where it never is.
double runway_days(const Subsidy& subsidy, double cash_usd);

}  // namespace tokenfab::market
