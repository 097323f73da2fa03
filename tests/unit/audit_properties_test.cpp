// Verdicts are computed: change what is said, or what it rests on, and they change.
#include <algorithm>
#include <cmath>

#include "tests/unit/audit_support.h"

using namespace tokenfab;
using namespace tokenfab::test;
using audit::Claim;
using audit::Finding;
using audit::Judge;
using audit::Verdict;
using Kind = Judge::Kind;
using Values = std::vector<double>;

namespace {

Finding judge(const Claim& claim) { return audit::check(claim, shipped_claims().library, tools()); }

bool holds(Verdict v) { return v == Verdict::holds || v == Verdict::holds_only_if; }

double largest(const Values& v) {
  double out = 0;
  for (const double x : v) out = std::max(out, std::fabs(x));
  return out;
}

/// What cannot be true, given what was recomputed anywhere in the range.
std::vector<Values> absurd(const Claim& claim, const Finding& f) {
  const double top = largest(f.recomputed) + 1e-12;
  // Of a cut, more than all of it; the recomputed part may be far below zero.
  const double high = claim.judge.kind == Kind::reduction ? 1 + 10 * (1 + top) : 100 * top;
  const Values too_high(claim.said.size(), high), too_low(claim.said.size(), -high);
  switch (claim.judge.kind) {
    case Kind::at_least:
      return {too_high};
    case Kind::at_most:
    case Kind::fits:
      return {too_low};
    default:
      return {too_high, too_low};
  }
}

Claim with_said(const Claim& claim, const Values& said) {
  Claim out = claim;
  out.said = said;
  return out;
}

Values scaled(Values values, double factor) {
  for (double& v : values) v *= factor;
  return values;
}

}  // namespace

TEST_CASE("no claim holds whatever it says") {
  int tried = 0;
  for (const auto& [id, f] : shipped_claims().findings) {
    if (f.basis.empty() || !holds(f.verdict)) continue;
    const Claim& claim = shipped_claims().library.find(id);
    for (const Values& said : absurd(claim, f)) {
      INFO(id << " saying " << said.front());
      CHECK_FALSE(holds(judge(with_said(claim, said)).verdict));
      ++tried;
    }
  }
  CHECK(tried > 150);
}

TEST_CASE("three times more or less than what was confirmed is not confirmed") {
  int tried = 0;
  for (const auto& [id, f] : shipped_claims().findings) {
    const Claim& claim = shipped_claims().library.find(id);
    const bool both = claim.judge.kind == Kind::equals || claim.judge.kind == Kind::reduction;
    if (f.verdict != Verdict::holds || !both || claim.over || largest(claim.said) == 0) continue;
    for (const double factor : {3.0, 1 / 3.0}) {
      INFO(id << " times " << factor);
      CHECK_FALSE(holds(judge(with_said(claim, scaled(claim.said, factor))).verdict));
      ++tried;
    }
  }
  CHECK(tried > 80);
}

TEST_CASE("had an article said what is recomputed, its claim would hold") {
  int tried = 0;
  for (const auto& [id, f] : shipped_claims().findings) {
    if (f.basis.empty() || holds(f.verdict) || f.recomputed.empty()) continue;
    const Claim& claim = shipped_claims().library.find(id);
    Values recomputed = f.recomputed;
    if (claim.over) recomputed.resize(claim.formulas.size());  // at the low end of the range
    const Claim corrected = with_said(claim, audit::said_that_holds(claim.judge, claim.said, recomputed));
    INFO(id);
    CHECK(holds(judge(corrected).verdict));
    ++tried;
  }
  CHECK(tried > 40);
}

TEST_CASE("a wrong input flips the verdict") {
  int tried = 0;
  for (const auto& [id, f] : shipped_claims().findings) {
    const Claim& claim = shipped_claims().library.find(id);
    if (f.verdict != Verdict::holds || claim.over) continue;
    if (id == "S0-15") continue;  // a theorem: true for all probabilities
    bool flips = false, has_inputs = false;
    for (const auto& used : f.inputs) {
      if (used.origin == "formula") continue;
      has_inputs = true;
      for (const double factor : {20.0, 0.05, 1e3, 1e-3}) {
        Claim wrong = claim;
        audit::InputSpec& input = wrong.inputs.at(used.name);
        input.origin = audit::Origin::literal;
        input.value = used.value * factor;
        flips = flips || !holds(judge(wrong).verdict);
      }
    }
    if (!has_inputs) continue;
    INFO(id);
    CHECK(flips);
    ++tried;
  }
  CHECK(tried > 60);
}

TEST_CASE("errors of a thousand are errors of a thousand at any size") {
  for (const char* id : {"S4-03", "S4-56", "S4-58"}) {
    const Claim& claim = shipped_claims().library.find(id);
    const Values truth = shipped_claims().findings.at(id).recomputed;
    CHECK(judge(with_said(claim, scaled(truth, 1e-3))).verdict == Verdict::unit_error);
    CHECK(judge(with_said(claim, scaled(truth, 1e6))).verdict == Verdict::unit_error);
    CHECK(judge(with_said(claim, scaled(truth, 10))).verdict != Verdict::unit_error);
    CHECK(judge(with_said(claim, truth)).verdict == Verdict::holds);
  }
}
