// The findings that a reader of the five articles should get, by claim.
#include "audit/catalogue.h"
#include "tests/unit/audit_support.h"

using namespace tokenfab;
using namespace tokenfab::test;
using audit::Finding;
using audit::Verdict;

namespace {

const Finding& of(const std::string& id) { return shipped_claims().findings.at(id); }

struct Expected {
  std::string id;
  Verdict verdict;
  std::vector<double> recomputed;
};

void check(const std::vector<Expected>& list, double precision = 1e-9) {
  for (const auto& e : list) {
    INFO(e.id << ": " << audit::name_of(of(e.id).verdict) << ", " << of(e.id).why);
    CHECK(of(e.id).verdict == e.verdict);
    REQUIRE(of(e.id).recomputed.size() == e.recomputed.size());
    for (std::size_t i = 0; i < e.recomputed.size(); ++i)
      CHECK(of(e.id).recomputed[i] == Approx(e.recomputed[i]).epsilon(precision));
  }
}

}  // namespace

TEST_CASE("every claim of the five articles has an answer, and most are computed") {
  int computed = 0;
  std::map<std::string, int> by_article;
  for (const auto& [id, f] : shipped_claims().findings) {
    ++by_article[f.article];
    computed += !f.basis.empty();
    INFO(id);
    CHECK_FALSE(f.sources.empty());
    CHECK((f.basis.empty() ? !f.why.empty() : !f.formula.empty()));
  }
  CHECK(by_article == std::map<std::string, int>{{"S0", 53}, {"S1", 31}, {"S2", 30}, {"S3", 38}, {"S4", 78}});
  CHECK(computed >= 180);
}

TEST_CASE("slips of a thousand are found as such") {
  check({{"S4-03", Verdict::unit_error, {140e9 / 3.35e12}},
         {"S4-56", Verdict::unit_error, {30000}},
         {"S4-57", Verdict::unit_error, {10.95e6}},
         {"S4-58", Verdict::unit_error, {8.5e9 / 2.5 * 1e6 / 365}},
         {"S4-59", Verdict::unit_error, {18.2e9 / 1.2 * 1e6 / 365}},
         {"S4-60", Verdict::unit_error, {35e9 / 0.6 * 1e6 / 365}},
         {"S4-61", Verdict::unit_error, {65e9 / 0.3 * 1e6 / 365}},
         {"S1-15", Verdict::unit_error, {0.0005, 0.0015}}});
  CHECK(of("S4-58").recomputed[0] == Approx(9.315068493150686e12));
  CHECK(of("S1-15").why.find("characters") != std::string::npos);
}

TEST_CASE("articles that contradict their own figures are told so") {
  check(
      {{"S0-19", Verdict::inconsistent, {0.8 / 0.39}},
       {"S0-35", Verdict::inconsistent, {0.6200831124782673}},
       {"S0-44", Verdict::inconsistent, {0.727450366395697, 0.6200831124782673, 0.681792830507429, 0.7670594215246977}},
       {"S1-18", Verdict::inconsistent, {0.000375, 0.03, 0.075}},
       {"S3-28", Verdict::inconsistent, {0.5650845800732873}},
       {"S3-30", Verdict::inconsistent, {0.22085889570552147 / 0.0967741935483871}},
       {"S3-38", Verdict::inconsistent, {0.00075}},
       {"S4-23", Verdict::inconsistent, {1 - 1 / 3.0, 0.75}},
       {"S4-26", Verdict::inconsistent, {45, 240}},
       {"S4-27", Verdict::inconsistent, {1 - 1 / 30.0, 1 - 1 / 60.0}},
       {"S4-29", Verdict::inconsistent, {350 / 60.0, 350 / 30.0}},
       {"S4-36", Verdict::inconsistent, {3.5 / 0.88, 4 / 0.88}},
       {"S4-62", Verdict::inconsistent, {0.9701447859719119}}});
}

TEST_CASE("what outside figures do not bear out is not derivable, and says what it resembles") {
  check({{"S0-18", Verdict::not_derivable, {0.88}},
         {"S0-23", Verdict::not_derivable, {30, 60}},
         {"S4-34", Verdict::not_derivable, {55.04, 98.32}},
         {"S4-67", Verdict::not_derivable, {0.48, 0.636}}});
  CHECK(of("S4-34").why.find("p4de.24xlarge") != std::string::npos);
  CHECK(of("S4-46").why.find("output price of Llama 3 70B") != std::string::npos);
  CHECK(of("S0-04").verdict == Verdict::not_derivable);
  CHECK(of("S0-04").recomputed[0] == Approx(3.0 * 4096 * 14336 * 32));
  CHECK(of("S0-04").why.find("all that a token meets") != std::string::npos);
}

TEST_CASE("forty LPUs do not hold a 70B model") {
  check({{"S3-18", Verdict::infeasible, {614, 307, 154}}});
  for (const char* id : {"S3-15", "S3-16"}) {
    CHECK(of(id).verdict == Verdict::infeasible);
    CHECK(of(id).why.find("40 such chips hold 9.2 GB") != std::string::npos);
  }
}

TEST_CASE("what the articles have right is confirmed") {
  check({{"S0-24", Verdict::holds, {3.5 / 0.39}},
         {"S0-28", Verdict::holds, {0.0175}},
         {"S0-29", Verdict::holds, {0.00195}},
         {"S1-16", Verdict::holds, {0.01, 0.03}},
         {"S2-22", Verdict::holds, {28e9, 121e9}},
         {"S2-23", Verdict::holds, {0.628830075146313}},
         {"S3-19", Verdict::holds, {15}},
         {"S3-20", Verdict::holds, {350 / 18.0}},
         {"S3-21", Verdict::holds, {8.5 / 0.75}},
         {"S4-08", Verdict::holds, {350 / 0.88}},
         {"S4-51", Verdict::holds, {0.30030030030030025}},
         {"S4-64", Verdict::holds, {std::cbrt(65 / 0.3 / (8.5 / 2.5))}}});
  // The three GPU rows of a table imply one node price, 36.72 to 37.80 USD an hour.
  check({{"S3-08", Verdict::holds, {(2.7 * 3800 + 1.4 * 7500) / 2 / 1200}},
         {"S3-11", Verdict::holds, {(8.5 * 1200 + 1.4 * 7500) / 2 / 3800}},
         {"S3-14", Verdict::holds, {(8.5 * 1200 + 2.7 * 3800) / 2 / 7500}}});
}

TEST_CASE("break-even claims hold only for factories that stand mostly idle") {
  for (const char* id : {"S4-41", "S4-43", "S4-47", "S4-49"}) {
    INFO(id);
    REQUIRE(of(id).verdict == Verdict::holds_only_if);
    CHECK(of(id).condition->input == "utilisation");
    CHECK(of(id).condition->high < 0.5);
    // cost = full cost / utilisation, so that the ends of the condition are as far apart as those of the claim
    const double claimed = of(id).said[1] / of(id).said[0], tolerance = 1.05 / 0.95;
    CHECK(of(id).condition->high / of(id).condition->low == Approx(claimed * tolerance).epsilon(1e-6));
  }
  CHECK(of("S4-70").condition->low == Approx(5 / 1.05).epsilon(1e-6));
  CHECK(of("S4-70").condition->high == Approx(5 / 0.95).epsilon(1e-6));
}

TEST_CASE("a catalogue figure that the audit reads is the catalogue's") {
  const auto figure = [](const std::string& path) { return audit::catalogue_figure(path, "test").value; };
  CHECK(figure("chips/h100-sxm/bandwidth") == 3.35e12);
  CHECK(figure("llms/llama-3.1-70b/weight_bytes/bf16") == 2 * figure("llms/llama-3.1-70b/parameters"));
  CHECK(figure("llms/llama-3.1-70b/kv_bytes_per_token/bf16") == 320 * 1024);
  CHECK(figure("rents/h100-sxm/on-demand/AWS p5.48xlarge") == Approx(55.04 / 8));
  CHECK(figure("prices/llama-3.1-70b/together/output") == 0.88);
  CHECK(figure("owners/h100-sxm/capex") == Approx(1.4 * 30000));
  CHECK_THROWS_AS(figure("owners/l4/capex"), UserError);  // no purchase price is known
  CHECK_THROWS_AS(figure("llms/llama-3.1-8b/quality/int4"), UserError);
  CHECK_THROWS_AS(figure("chips"), UserError);
}
