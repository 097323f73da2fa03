#include "audit/judge.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace tokenfab::audit {
namespace {

using Values = std::vector<double>;

double low(const Values& v) { return *std::min_element(v.begin(), v.end()); }
double high(const Values& v) { return *std::max_element(v.begin(), v.end()); }

double margin(const Judge& judge, double said) {
  return judge.points ? judge.tolerance : judge.tolerance * std::fabs(said);
}

int side(double value, double from, double to) {
  if (std::isnan(value)) return 1;
  return value < from ? -1 : value > to ? 1 : 0;
}

/// The said value that goes with the i-th recomputed one.
double partner(const Values& said, std::size_t i) { return said[said.size() == 1 ? 0 : i]; }

int each(const Judge& judge, const Values& said, const Values& recomputed) {
  for (std::size_t i = 0; i < recomputed.size(); ++i) {
    const bool residual = judge.kind == Judge::Kind::reduction;
    const double s = residual ? 1 - partner(said, i) : partner(said, i);
    const double r = residual ? 1 - recomputed[i] : recomputed[i];
    const double t = margin(judge, s);
    const double from = judge.kind == Judge::Kind::at_most ? -INFINITY : s - t;
    const double to = judge.kind == Judge::Kind::at_least ? INFINITY : s + t;
    if (const int found = side(r, from, to)) return residual ? -found : found;
  }
  return 0;
}

bool close(double value, double target, double tolerance) { return std::fabs(value / target - 1) <= tolerance; }

}  // namespace

const char* name_of(Verdict verdict) {
  static constexpr std::array<const char*, kVerdicts> names = {
      "holds",      "holds only if", "unit error", "inconsistent with its own table",
      "infeasible", "not derivable", "opinion",    "outside fact"};
  return names[static_cast<std::size_t>(verdict)];
}

const std::vector<std::string>& judge_names() {
  static const std::vector<std::string> names = {"equals",   "reduction", "within", "between",
                                                 "at_least", "at_most",   "fits"};
  return names;
}

std::string text_of(const Judge& judge) {
  std::string name = judge_names()[static_cast<std::size_t>(judge.kind)];
  std::replace(name.begin(), name.end(), '_', ' ');
  if (judge.kind == Judge::Kind::fits || judge.tolerance == 0) return name;
  return name + ", to " + shortest(judge.points ? judge.tolerance : 100 * judge.tolerance) + (judge.points ? "" : " %");
}

int position(const Judge& judge, const Values& said, const Values& recomputed) {
  using Kind = Judge::Kind;
  switch (judge.kind) {
    case Kind::within: {
      const double from = low(said) - margin(judge, low(said)), to = high(said) + margin(judge, high(said));
      for (const double r : recomputed)
        if (const int found = side(r, from, to)) return found;
      return 0;
    }
    case Kind::between: {
      for (const double s : said) {
        const double t = margin(judge, s);
        if (std::isnan(low(recomputed)) || low(recomputed) - t > s) return 1;
        if (high(recomputed) + t < s) return -1;
      }
      return 0;
    }
    case Kind::fits:
      return low(recomputed) <= low(said) ? 0 : 1;
    default:
      return each(judge, said, recomputed);
  }
}

std::optional<std::string> unit_slip(const Judge& judge, const Values& said, const Values& recomputed,
                                     const std::map<std::string, double>& factors) {
  using Kind = Judge::Kind;
  if (judge.kind != Kind::equals && judge.kind != Kind::within) return std::nullopt;
  if (said.size() != recomputed.size() && said.size() != 1) return std::nullopt;
  const double tolerance = std::max(judge.points ? 0.0 : judge.tolerance, 0.05);
  const auto all = [&](double factor) {
    for (std::size_t i = 0; i < recomputed.size(); ++i)
      if (!close(recomputed[i] / partner(said, i), factor, tolerance)) return false;
    return true;
  };
  for (const int power : {3, 6, 9, 12}) {
    const double factor = std::pow(10, power);
    if (all(factor)) return "recomputed is about " + grouped(static_cast<long long>(factor)) + " times what is said";
    if (all(1 / factor)) return "what is said is about " + grouped(static_cast<long long>(factor)) + " times the recomputed";
  }
  for (const auto& [name, factor] : factors)
    if (all(factor) || all(1 / factor)) return "off by the factor " + shortest(factor) + ": " + name;
  return std::nullopt;
}

Values said_that_holds(const Judge& judge, const Values& said, const Values& recomputed) {
  using Kind = Judge::Kind;
  switch (judge.kind) {
    case Kind::within:
      return {low(recomputed), high(recomputed)};
    case Kind::between:
    case Kind::fits:
      return Values(said.size(), low(recomputed));
    case Kind::at_least:
      return said.size() == 1 ? Values{low(recomputed)} : recomputed;
    case Kind::at_most:
      return said.size() == 1 ? Values{high(recomputed)} : recomputed;
    default:
      return recomputed.size() == said.size() ? recomputed : Values(said.size(), recomputed.front());
  }
}

}  // namespace tokenfab::audit
