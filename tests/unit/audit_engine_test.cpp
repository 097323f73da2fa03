// Judges, formulas and conditions against closed forms.
#include <cmath>

#include "audit/expression.h"
#include "audit/judge.h"
#include "tests/unit/audit_support.h"

using namespace tokenfab;
using namespace tokenfab::test;
using audit::Judge;
using audit::position;
using audit::Verdict;
using Kind = Judge::Kind;

namespace {

double value_of(const std::string& formula) {
  return audit::evaluate(
      formula, [](const std::string&) { return 0.0; }, "here");
}

json over_claim(double low, double high, const json& said, const std::string& formula, const json& judge,
                bool whole = false) {
  json text = one_claim(0);
  json& claim = text["claims"][0];
  claim["said"] = said;
  claim["formula"] = formula;
  claim["judge"] = judge;
  claim["inputs"] = json::object();
  claim["over"] = {{"x", {{"low", low}, {"high", high}, {"unit", "1"}, {"source", "test"}, {"whole", whole}}}};
  return text;
}

}  // namespace

TEST_CASE("each judge holds up to its tolerance and says on which side it fails") {
  const auto at = [](Kind kind, double tolerance, std::vector<double> said, std::vector<double> recomputed,
                     bool points = false) {
    return position({kind, tolerance, points}, said, recomputed);
  };
  CHECK(at(Kind::equals, 0.05, {100}, {104.9}) == 0);
  CHECK(at(Kind::equals, 0.05, {100}, {105.1}) == 1);
  CHECK(at(Kind::equals, 0.05, {100}, {94.9}) == -1);
  CHECK(at(Kind::equals, 0.02, {0.65}, {0.631}, true) == 0);
  CHECK(at(Kind::equals, 0.02, {0.65}, {0.629}, true) == -1);
  // 3 times faster leaves a third; 75 % off leaves a quarter.
  CHECK(at(Kind::reduction, 0.05, {0.75}, {1 - 1 / 3.0}) == -1);
  CHECK(at(Kind::reduction, 0.05, {0.67}, {1 - 1 / 3.0}) == 0);
  CHECK(at(Kind::within, 0, {2, 3}, {2, 3}) == 0);
  CHECK(at(Kind::within, 0, {2, 3}, {2.5, 3.1}) == 1);
  CHECK(at(Kind::between, 0, {3}, {2.1, 4.1}) == 0);
  CHECK(at(Kind::between, 0, {5}, {2.1, 4.1}) == -1);
  CHECK(at(Kind::between, 0, {1}, {2.1, 4.1}) == 1);
  CHECK(at(Kind::at_least, 0, {10}, {1e9}) == 0);
  CHECK(at(Kind::at_least, 0, {10}, {9.99}) == -1);
  CHECK(at(Kind::at_most, 0, {10}, {-1e9}) == 0);
  CHECK(at(Kind::at_most, 0, {10}, {10.01}) == 1);
  CHECK(at(Kind::fits, 0, {40}, {614, 307, 40}) == 0);
  CHECK(at(Kind::fits, 0, {40}, {614, 307, 154}) == 1);
  for (const Kind kind : {Kind::equals, Kind::within, Kind::between, Kind::at_least, Kind::at_most})
    CHECK(at(kind, 0.05, {1}, {NAN}) != 0);
}

TEST_CASE("a slip of units is a common factor that is a power of a thousand, or one that is declared") {
  const auto slip = [](std::vector<double> said, std::vector<double> recomputed,
                       const std::map<std::string, double>& factors = {}) {
    return audit::unit_slip({Kind::equals, 0.05, false}, said, recomputed, factors).has_value();
  };
  CHECK(slip({42e-6}, {41.8e-3}));
  CHECK(slip({30e6}, {30e3}));
  CHECK(slip({1, 2}, {1e6, 2e6}));
  CHECK_FALSE(slip({1, 2}, {1e6, 2e3}));
  CHECK_FALSE(slip({1}, {100}));
  CHECK_FALSE(slip({1}, {900}));
  CHECK_FALSE(slip({1}, {4}));
  CHECK(slip({1}, {4}, {{"characters", 4}}));
  CHECK(slip({4}, {1}, {{"characters", 4}}));
  CHECK_FALSE(audit::unit_slip({Kind::at_least, 0.05, false}, {1}, {1e-3}, {}));
}

TEST_CASE("formulas know the functions of the field") {
  CHECK(value_of("cagr(28, 121, 3)") == Approx(0.628830075146313).epsilon(1e-12));
  CHECK(value_of("crf(0.1, 5)") == Approx(0.26379748079474524).epsilon(1e-12));
  CHECK(value_of("crf(0.1, 5) - sinking(0.1, 5)") == Approx(0.1).epsilon(1e-12));
  CHECK(value_of("expected_tokens(0.8, 4)") == Approx(3.3616).epsilon(1e-12));
  CHECK(value_of("expected_tokens(0.8, 2)") == Approx(2.44).epsilon(1e-12));
  CHECK(value_of("rank(5, 7, 3, 5)") == 2);
  CHECK(value_of("count_at_least(2, 1, 2, 3)") == 2);
  CHECK(value_of("ceil(2.1) + floor(2.9)") == 5);
  CHECK(value_of("best_depth(0.5, 1)") == 0);  // a draft as dear as a step never pays
  // The chosen depth beats its neighbours.
  const auto speed = [](int d) { return (1 - std::pow(0.8, d + 1)) / 0.2 / (1 + 0.05 * d); };
  const int best = static_cast<int>(value_of("best_depth(0.8, 0.05)"));
  CHECK(speed(best) >= speed(best - 1));
  CHECK(speed(best) >= speed(best + 1));
  CHECK_THROWS_AS(value_of("1 +"), UserError);
  CHECK_THROWS_AS(value_of("nothing(3)"), UserError);
}

TEST_CASE("a condition is where the formula crosses what is said") {
  SECTION("a falling curve and a range") {
    const auto f = judged(over_claim(0.1, 1, {3, 5}, "1 / x", {{"within", 0}}));
    REQUIRE(f.verdict == Verdict::holds_only_if);
    CHECK(f.condition->low == Approx(0.2).epsilon(1e-6));
    CHECK(f.condition->high == Approx(1 / 3.0).epsilon(1e-6));
    CHECK_FALSE(f.condition->at_least);
    CHECK_FALSE(f.condition->at_most);
    REQUIRE(f.recomputed.size() == 2);
    CHECK(f.recomputed[0] == Approx(10));
    CHECK(f.recomputed[1] == Approx(1));
  }
  SECTION("a window far narrower than the grid") {
    const auto f = judged(over_claim(0, 1000, 500.123, "x", {{"equals", 1e-5}}));
    REQUIRE(f.verdict == Verdict::holds_only_if);
    CHECK(f.condition->low == Approx(500.123 * (1 - 1e-5)).epsilon(1e-8));
    CHECK(f.condition->high == Approx(500.123 * (1 + 1e-5)).epsilon(1e-8));
  }
  SECTION("whole numbers") {
    const auto f = judged(over_claim(1, 1000, 10, "1000 / x", {{"at_least", 0}}, true));
    REQUIRE(f.verdict == Verdict::holds_only_if);
    CHECK(f.condition->at_most);
    CHECK(f.condition->high == 100);
    CHECK(f.why == "x is at most 100");
  }
  SECTION("everywhere and nowhere") {
    CHECK(judged(over_claim(1, 2, 0.5, "x", {{"at_least", 0}})).verdict == Verdict::holds);
    CHECK(judged(over_claim(1, 2, 5, "x", {{"at_least", 0}})).verdict != Verdict::holds_only_if);
  }
  SECTION("outside what is plausible") {
    json text = over_claim(0, 1, 0.9, "x", {{"at_least", 0}});
    text["claims"][0]["over"]["x"]["plausible"] = {0.2, 0.5};
    CHECK_FALSE(judged(text).condition->plausible);
    text["claims"][0]["over"]["x"]["plausible"] = {0.2, 0.95};
    CHECK(judged(text).condition->plausible);
  }
}

TEST_CASE("what fails is named after what went into it") {
  CHECK(judged(one_claim(20)).verdict == Verdict::holds);
  CHECK(judged(one_claim(20000)).verdict == Verdict::unit_error);
  CHECK(judged(one_claim(30)).verdict == Verdict::not_derivable);
  json own = one_claim(30);
  own["claims"][0]["inputs"]["price"] = {{"said", 2}, {"unit", "USD/apple"}};
  CHECK(judged(own).verdict == Verdict::inconsistent);
  json need = one_claim(15);
  need["claims"][0]["judge"] = {{"fits", 0}};
  CHECK(judged(need).verdict == Verdict::infeasible);
  json opinion = one_claim(20);
  for (const char* key : {"formula", "judge", "inputs"}) opinion["claims"][0].erase(key);
  opinion["claims"][0]["class"] = "opinion";
  opinion["claims"][0]["reason"] = "taste";
  CHECK(judged(opinion).verdict == Verdict::opinion);
  CHECK(judged(opinion).basis.empty());
  json other = one_claim(200);
  other["claims"][0]["looks_like"] = {{"the price of a hundred", "100 * price"}};
  CHECK(judged(other).why == "200 is the price of a hundred");
}

TEST_CASE("a claim on hardware that cannot hold the model is infeasible, whatever it says") {
  json text = one_claim(1);
  text["claims"][0]["inputs"] = {
      {"speed", {{"step", {{"llm", "llama-3.1-70b"}, {"chip", "h100-sxm"}}}, {"read", "output_tok_s"}}}};
  text["claims"][0]["formula"] = "speed";
  const auto f = judged(text);
  CHECK(f.verdict == Verdict::infeasible);
  CHECK(f.why.find("does not fit 1 h100-sxm") != std::string::npos);
  text["claims"][0]["inputs"]["speed"]["step"]["tensor_parallel"] = 8;
  CHECK(judged(text).verdict != Verdict::infeasible);
}
