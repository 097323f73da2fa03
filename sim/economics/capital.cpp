#include "sim/economics/capital.h"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

/// sum of flows[t] x^t.
long double present(long double x, const std::vector<double>& flows) {
  long double sum = 0;
  for (std::size_t t = flows.size(); t-- > 0;) sum = sum * x + flows[t];
  return sum;
}

int sign_changes(const std::vector<double>& flows) {
  int changes = 0;
  double last = 0;
  for (const double f : flows) {
    if (f == 0) continue;
    changes += last * f < 0;
    last = f;
  }
  return changes;
}

std::vector<double> declining(int years, double residual) {
  std::vector<double> out;
  double book = 1;
  for (int left = years; left > 0; --left) {
    const double most = book - residual;
    out.push_back(std::min(most, std::max(2.0 / years * book, most / left)));
    book -= out.back();
  }
  return out;
}

int whole_life(const CapitalTerms& t) {
  if (t.life_years != std::round(t.life_years))
    throw UserError("a life of " + shortest(t.life_years) + " years: where tax is charged it must be whole years");
  return static_cast<int>(t.life_years);
}

/// Depreciation year by year over the life; what is left of the written-off part falls into the last year.
std::vector<double> written_off(const CapitalTerms& t, int years) {
  std::vector<double> out(static_cast<std::size_t>(years), 0.0);
  for (std::size_t y = 0; y < t.depreciation.size(); ++y) out[std::min(y, out.size() - 1)] += t.depreciation[y];
  return out;
}

}  // namespace

double net_present_value(double rate, const std::vector<double>& flows) {
  return static_cast<double>(present(1 / (1 + static_cast<long double>(rate)), flows));
}

double internal_rate_of_return(const std::vector<double>& flows) {
  const int changes = sign_changes(flows);
  if (changes != 1)
    throw UserError("no single internal rate of return: the flows change sign " + std::to_string(changes) +
                    " times, once is needed");
  const auto value = [&](long double x) { return present(x, flows); };
  long double low = 1, high = 1;  // discount factors: one root by Descartes' rule
  const bool starts_negative = value(0) < 0 || (value(0) == 0 && value(1e-12L) < 0);
  const auto before = [&](long double x) { return (value(x) < 0) == starts_negative; };
  while (!before(low)) low /= 2;
  while (before(high)) high *= 2;
  boost::uintmax_t steps = 200;
  const auto root =
      boost::math::tools::toms748_solve(value, low, high, boost::math::tools::eps_tolerance<long double>(60), steps);
  return static_cast<double>(2 / (root.first + root.second) - 1);
}

double payback_periods(const std::vector<double>& flows, double rate) {
  long double sum = 0, factor = 1, outlay = 0;
  for (std::size_t t = 0; t < flows.size(); ++t, factor /= 1 + static_cast<long double>(rate)) {
    const long double flow = flows[t] * factor;
    outlay += std::max(0.0L, -flow);
    if (sum + flow >= -1e-12L * outlay)
      return t == 0 ? 0 : static_cast<double>(static_cast<long double>(t) - 1 - sum / flow);
    sum += flow;
  }
  return std::numeric_limits<double>::infinity();
}

double weighted_cost_of_capital(double equity_share, double cost_of_equity, double cost_of_debt, double tax_rate) {
  return equity_share * cost_of_equity + (1 - equity_share) * cost_of_debt * (1 - tax_rate);
}

std::vector<double> depreciation_schedule(Depreciation method, int years, double residual) {
  if (method == Depreciation::straight_line)
    return std::vector<double>(static_cast<std::size_t>(years), (1 - residual) / years);
  if (method == Depreciation::double_declining) return declining(years, residual);
  if (residual != 0) throw UserError("macrs-5 writes the whole cost off: it knows no residual");
  return {0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576};
}

std::vector<double> after_tax_flows(double cost, double yearly, const CapitalTerms& t) {
  const int years = whole_life(t);
  const std::vector<double> off = written_off(t, years);
  double book = 1;
  std::vector<double> flows = {-cost};
  for (const double share : off) {
    flows.push_back(yearly - t.tax_rate * (yearly - cost * share));
    book -= share;
  }
  flows.back() += cost * (t.residual_share - t.tax_rate * (t.residual_share - book));
  return flows;
}

double capital_charge(const CapitalTerms& t) {
  const double crf = capital_recovery_factor(t.interest, t.life_years);
  if (t.tax_rate == 0) return crf - t.residual_share * sinking_fund_factor(t.interest, t.life_years);
  return -net_present_value(t.interest, after_tax_flows(1, 0, t)) * crf / (1 - t.tax_rate);
}

}  // namespace tokenfab
