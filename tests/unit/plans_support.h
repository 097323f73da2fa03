#pragma once
#include <string>
#include <vector>

#include "base/rng.h"
#include "tests/unit/economics_support.h"

namespace tokenfab::test {

inline Price per_million(double usd) { return price(usd, kPerMillionTokens); }

inline TokenPlan with_cache_write(TokenPlan p, double usd) {
  p.cache_write = per_million(usd);
  return p;
}

/// A run of `hours` from the clock's start that used these cells.
inline RunRecord metered_run(std::vector<MeterCell> cells, double hours) {
  RunRecord r = record({pool("p", hours)}, 0, 0);
  for (const MeterCell& c : cells) {
    r.served += c.served;
    r.rejected += c.rejected;
    r.good_requests += c.good;
    r.input_served += c.input_tokens;
    r.cached_tokens += c.cached_tokens;
    r.output_served += c.output_tokens;
  }
  r.meter = std::move(cells);
  r.makespan_s = hours * 3600;
  return r;
}

inline MeterCell cell(std::int64_t bin, std::int64_t input, std::int64_t cached, std::int64_t output, int priority = 0,
                      int bracket = 0) {
  return {bin, priority, bracket, 1, 0, 1, input, cached, output};
}

/// Random cells over `bins` quarters of an hour, of three classes and every bracket.
inline std::vector<MeterCell> random_cells(RandomStream& random, std::uint64_t bins, std::uint64_t count) {
  std::vector<MeterCell> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto input = static_cast<std::int64_t>(1 + random.below(2'000'000));
    const auto cached = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(input) + 1));
    out.push_back(cell(static_cast<std::int64_t>(random.below(bins)), input, cached,
                       static_cast<std::int64_t>(1 + random.below(500'000)), static_cast<int>(random.below(3)),
                       static_cast<int>(random.below(kMeterBrackets.size() + 1))));
  }
  return out;
}

inline double figure_of(const Bill& bill, const std::string& name) {
  for (const Figure& f : bill.figures)
    if (f.name == name) return f.value;
  throw InternalError("no figure " + name);
}

inline const BillLine& line_of(const Bill& bill, const std::string& account) {
  for (const BillLine& l : bill.lines)
    if (l.account == account) return l;
  throw InternalError("no line " + account);
}

}  // namespace tokenfab::test
