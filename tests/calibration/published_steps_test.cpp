// Published figures of techniques and of chips beside GPUs, against what the shipped calibrations predict.
#include "calibration/published_steps.h"

#include <cmath>
#include <functional>

#include "base/error.h"
#include "calibration/defaults.h"
#include "calibration/validate.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::calibration;

namespace {

/// Every prediction of a suite.
void each(const std::string& id, const std::function<void(const SuiteGroup&, const PublishedPoint&)>& visit) {
  const Catalog catalog = Catalog::standard();
  for (const Suite& suite : load_suites(catalog, {id}))
    for (const SuiteGroup& g : suite.groups)
      for (const PublishedPoint& p : predict_points(suite, g, catalog, best_calibration(g, catalog))) visit(g, p);
}

/// Mean error of a metric of a suite on rows that no fit has seen.
double mean_error(const std::string& id, const std::string& metric, const std::string& engine) {
  double sum = 0;
  int n = 0;
  each(id, [&](const SuiteGroup& g, const PublishedPoint& p) {
    if (g.engine == engine && p.metric == metric && p.check) sum += std::fabs(p.predicted / p.measured - 1), ++n;
  });
  REQUIRE(n > 0);
  return sum / n;
}

}  // namespace

TEST_CASE("acceptances give back the tokens a step yields") {
  for (const double tokens : {1.0, 1.9, 2.36, 3.5}) {
    Speculation s;
    s.acceptance = acceptances(3, tokens);
    CHECK(s.expected_tokens(3) == Approx(tokens).epsilon(1e-12));
  }
  CHECK_THROWS_AS(acceptances(3, 4.1), UserError);
  CHECK_THROWS_AS(acceptances(3, 0.9), UserError);
}

TEST_CASE("speed-ups of EAGLE and EAGLE-3 are met within 0.15 at every batch and depth") {
  int seen = 0;
  each("eagle", [&](const SuiteGroup& g, const PublishedPoint& p) {
    CAPTURE(g.version, p.row, p.measured, p.predicted);
    CHECK(p.predicted == Approx(p.measured).margin(0.15));
    seen += p.check;
  });
  CHECK(seen >= 20);
}

TEST_CASE("without the host's gaps drafts would speed every published point up more") {
  const Catalog catalog = Catalog::standard();
  for (Suite& suite : load_suites(catalog, {"eagle"}))
    for (SuiteGroup& g : suite.groups) {
      const auto with = predict_points(suite, g, catalog, best_calibration(g, catalog));
      g.pass_gap = g.sequence_gap = 0;
      const auto without = predict_points(suite, g, catalog, best_calibration(g, catalog));
      for (std::size_t i = 0; i < with.size(); ++i) CHECK(without[i].predicted > with[i].predicted);
    }
}

TEST_CASE("nodes of large expert-parallel groups make the published tokens within 20 %") {
  int decode = 0, prefill = 0;
  each("large-ep", [&](const SuiteGroup& g, const PublishedPoint& p) {
    CAPTURE(g.version, p.metric, p.measured, p.predicted);
    CHECK(p.predicted == Approx(p.measured).epsilon(0.20));
    (p.metric == "decode rate" ? decode : prefill) += p.check;
  });
  CHECK(decode >= 2);
  CHECK(prefill >= 4);
}

TEST_CASE("TPUs and Inferentia2 are predicted within 20 % where no fit has looked") {
  for (const char* engine : {"sglang-jax", "vllm-tpu"})
    for (const char* metric : {"TPOT", "TTFT"}) {
      CAPTURE(engine, metric);
      CHECK(mean_error("sglang-jax-v6e", metric, engine) < 0.20);
    }
  for (const char* metric : {"TPOT", "throughput"}) CHECK(mean_error("aws-inferentia2", metric, "neuron") < 0.20);
}
