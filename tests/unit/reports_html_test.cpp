// The report's data and its escaping; tests/browser opens it.
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "reports/report_html.h"
#include "tests/unit/reports_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;

TEST_CASE("the report escapes what the records say") {
  const std::string hostile =
      "</script><img src=x onerror=alert(1)>&\"'<!--\xe2\x80\xa8/*@SCRIPT@*/ /*@DATA@*/ <!--@LIBRARIES@-->";
  const std::string page = render_html({sample_record(hostile)}, "1");
  CHECK(page.find("<img src=x") == std::string::npos);
  CHECK(page.find("\xe2\x80\xa8") == std::string::npos);
  const auto begin = page.find("id=\"data\">") + 10, end = page.find("</script>", begin);
  const auto data = nlohmann::json::parse(page.substr(begin, end - begin));
  CHECK(data["study"] == escaped(hostile));
  CHECK(page.find("http-equiv=\"Content-Security-Policy\"") != std::string::npos);
}

TEST_CASE("replications give a mean with its Student interval") {
  RunRecord a = sample_record("s", 0), b = sample_record("s", 1);
  a.cost.usd_total = 1;
  b.cost.usd_total = 3;
  const auto data = nlohmann::json::parse(report_data({a, b}, "1"));
  REQUIRE(data["alternatives"].size() == 1);
  for (std::size_t i = 0; i < data["metrics"].size(); ++i) {
    if (data["metrics"][i]["label"] != "Total cost") continue;
    const auto& e = data["alternatives"][0]["metrics"][i];
    CHECK(e["mean"] == 2.0);
    CHECK(e["half_width"].get<double>() == Approx(12.7062047364));  // t(0.975, 1) * sqrt(2) / sqrt(2)
  }
}

TEST_CASE("the report carries bands, trust and extrapolations") {
  const auto data = nlohmann::json::parse(report_data({sample_record("s")}, "1"));
  const auto& a = data["alternatives"][0];
  int with_band = 0;
  for (std::size_t i = 0; i < data["metrics"].size(); ++i) {
    if (a["metrics"][i]["band"].is_null()) continue;
    ++with_band;
    if (data["metrics"][i]["label"] == "TTFT, median") CHECK(a["metrics"][i]["band"] == nlohmann::json{0.4, 0.6});
  }
  CHECK(with_band == 2);
  CHECK(a["trust"][0]["band"] == 0.12);
  CHECK(a["extrapolations"][0]["what"] == "s too large");
  CHECK(data["assumptions"].size() == 1);
}

TEST_CASE("what does not exist is null in the report, not zero") {
  RunRecord r = sample_record("s");
  r.latency = {};
  r.served = r.input_served = r.output_served = 0;
  r.cost.has_plan = false;
  const auto data = nlohmann::json::parse(report_data({r}, "1"));
  int absent = 0;
  for (std::size_t i = 0; i < data["metrics"].size(); ++i) {
    const std::string label = data["metrics"][i]["label"];
    const bool should_be = label.find("TTFT") == 0 || label.find("TPOT") == 0 || label.find("E2E") == 0 ||
                           label.find("Energy") == 0 || label.find("Carbon") == 0 || label.find("Revenue") == 0 ||
                           label.find("Margin") == 0;
    INFO(label);
    CHECK(data["alternatives"][0]["metrics"][i]["mean"].is_null() == should_be);
    absent += should_be;
  }
  CHECK(absent == 10);
  CHECK(data["alternatives"][0]["ttft"].empty());
}

TEST_CASE("the bill's split and the overload are those of all replications") {
  RunRecord a = sample_record("s", 0), b = sample_record("s", 1), c = sample_record("s", 2);
  b.saturated = true;
  b.backlog_slope_per_s = 0.75;
  c.cost.usd_per_mtok_in = 50;
  const auto data = nlohmann::json::parse(report_data({a, b, c}, "1"))["alternatives"][0];
  CHECK(data["saturated"] == 2);
  CHECK(data["backlog_slope_per_s"] == 0.75);
  CHECK(data["input_usd"].get<double>() == Approx((20 + 20 + 50) / 3.0 * 980 / 1e6));
}

TEST_CASE("classes, sessions and cache levels of replications are merged in the report") {
  RunRecord a = sample_record("s", 0), b = sample_record("s", 1);
  b.classes.pop_back();
  b.classes[0].served = 51;
  b.sessions->finished = 40, b.cost.usd_total = 0.152;
  b.pools[0].prefix_cache[0].hit_tokens = 394;
  const auto data = nlohmann::json::parse(report_data({a, b}, "1"))["alternatives"][0];
  REQUIRE(data["classes"].size() == 2);
  CHECK(data["classes"][0]["served"] == 50.0);
  CHECK(data["classes"][1]["served"] == 24.5);
  CHECK(data["classes"][1]["ttft"]["p50"].get<double>() == Approx(a.classes[1].latency.ttft.quantile(0.5) * 1e-9));
  CHECK(data["classes"][1]["tpot"]["p50"].is_null());
  CHECK(data["sessions"]["finished"] == 30.0);
  CHECK(data["sessions"]["usd_per_session"].get<double>() == Approx((0.052 + 0.152) / 60));
  REQUIRE(data["caches"].size() == 2);
  CHECK(data["caches"][0]["hit_share"].get<double>() == Approx((200 + 394) / (2 * 990.0)));
}

TEST_CASE("a stack's waterfall and what cannot work are in the report") {
  std::vector<RunRecord> runs;
  for (const auto& [name, usd] : {std::pair{"base", 4.0}, {"alone: a", 1.0}, {"stack: a", 2.0}}) {
    runs.push_back(sample_record("s"));
    runs.back().alternative = name;
    runs.back().cost.usd_per_mtok = usd;
  }
  const auto data = nlohmann::json::parse(report_data(runs, "1", {{"s", "c", "too large"}}));
  REQUIRE(data["stack"].size() == 2);
  CHECK(data["stack"][0]["usd"] == 4.0);
  CHECK(data["stack"][1]["alone"] == 4.0);
  CHECK(data["stack"][1]["in_stack"] == 2.0);
  CHECK(data["infeasible"][0]["reason"] == "too large");
  CHECK(nlohmann::json::parse(report_data({runs[0]}, "1"))["stack"].empty());
}
