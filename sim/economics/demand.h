#pragma once
#include <vector>

// Closed forms of demand, market shares and of a business that sells below cost. Factors are new over old.
namespace tokenfab {

/// Constant elasticity: Q = Q0 (P / P0)^elasticity.
double quantity_factor(double price_factor, double elasticity);
/// Price times quantity: (P / P0)^(1 + elasticity).
double revenue_factor(double price_factor, double elasticity);
/// ln(quantity factor) / ln(price factor); NaN at an unchanged price.
double implied_elasticity(double price_factor, double quantity_factor);
/// A monopolist's best price over marginal cost: e / (1 + e). UserError unless elasticity < -1: no price is best then.
/// An elasticity measured between sellers is not that of the market.
double lerner_price_over_cost(double elasticity);

/// Shares proportional to price^exponent (a router that prefers cheap sellers; -2: by inverse square). prices > 0.
std::vector<double> price_power_shares(const std::vector<double>& prices, double exponent = -2);
/// Herfindahl-Hirschman index of shares (of any sum > 0): 10,000 for one seller, 10,000 / n for n equal ones.
double herfindahl_index(const std::vector<double>& shares);

/// Wright's law: cost times (1 - learning_rate) with each doubling of cumulative volume. volume_factor > 0.
double learning_curve_factor(double volume_factor, double learning_rate);
/// Growth a year that leads from first to last: (last / first)^(1 / years) - 1.
double compound_growth(double first, double last, double years);

/// Capacity saved by serving demands together: 1 - peak(sum) / sum(peaks), in [0, 1). Series of one length; UserError
/// otherwise, or without demand.
double pooling_gain(const std::vector<std::vector<double>>& demands);

/// USD lost per day: volume (tokens a day) at cost - price (USD per million tokens), plus fixed costs. Below zero:
/// earned.
double burn_per_day(double tokens_per_day, double usd_per_mtok_cost, double usd_per_mtok_price,
                    double fixed_usd_per_day);
/// Days until `cash` is gone: the smallest n with v ((1+g)^n - 1) / g + F n = cash, where v, what the volume loses on
/// the first day, grows by g a day and the fixed costs F >= 0 do not. Infinity where it never is (or after 10 million
/// days).
double runway_days(double cash, double variable_burn_per_day, double fixed_per_day, double growth_per_day);

}  // namespace tokenfab
