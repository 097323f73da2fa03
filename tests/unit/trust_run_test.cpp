// Bands and extrapolations of whole runs, with calibrations of the test's own.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "scenarios/runner.h"
#include "sim/core/bands.h"
#include "tests/catch.h"

using namespace tokenfab;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "tokenfab-trust-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
};

json calibration(const json& range, const json& errors) {
  return {{"id", "mine"},       {"engine", "vllm"},    {"chip", "l4"},          {"version", "1"},
          {"as_of", "2026-11"}, {"grade", "measured"}, {"sources", {"a test"}}, {"ops", json::object()},
          {"range", range},     {"errors", errors}};
}

json step_error(double p90) {
  return {{{"what", "decode step"},
           {"split", "every third"},
           {"median", p90 / 2},
           {"mean", p90 / 2},
           {"p90", p90},
           {"bias", 0.01},
           {"n", 40}}};
}

RunRecord run(const Folder& folder, const json& calibration, bool bands = true, double rate = 4) {
  std::ofstream(folder.path / "mine.json") << calibration.dump();
  const json scenario = {{"workload",
                          {{"generate",
                            {{"arrivals", {{"rate", rate}}},
                             {"input_tokens", 300},
                             {"output_tokens", {{"geometric", 40}}},
                             {"max_requests", 300}}}}},
                         {"plan", {{"pay_per_token", {{"input", 1.0}, {"output", 2.0}}}}},
                         {"pools",
                          {{{"llm", "llama-3.1-8b"},
                            {"chip", "l4"},
                            {"engine", "vllm"},
                            {"calibration", (folder.path / "mine.json").string()},
                            {"supply", {{"rent", {{"usd_per_chip_hour", 1.0}}}}}}}}};
  const Scenario s = parse_scenario(scenario.dump(), "s.json", {});
  RunOptions options;
  options.bands = bands;
  return run_once(s, s.alternatives[0], 0, options);
}

std::vector<std::string> extrapolations(const RunRecord& r) {
  std::vector<std::string> out;
  for (const auto& a : r.assumptions)
    if (a.what == kExtrapolation) out.push_back(a.value);
  return out;
}

}  // namespace

TEST_CASE("bands hold the run's own numbers and are wider where the error is") {
  const Folder folder;
  const RunRecord narrow = run(folder, calibration(json::object(), step_error(0.05)));
  const RunRecord wide = run(folder, calibration(json::object(), step_error(0.3)));
  REQUIRE(wide.bands.of.size() == band_metrics().size());
  for (const BandMetric& metric : band_metrics()) {
    CAPTURE(metric.name);
    const Band &n = *narrow.bands.find(metric.name), &w = *wide.bands.find(metric.name);
    CHECK(metric.value(narrow) == metric.value(wide));  // the error moves the band, not the answer
    CHECK((n.low <= metric.value(narrow) && metric.value(narrow) <= n.high));
    CHECK((w.low <= n.low && n.high <= w.high));
  }
  const Band& tpot = *wide.bands.find("tpot_s.p50");
  const double middle = wide.latency.tpot.quantile(0.5) * 1e-9;
  CHECK(tpot.low < 0.75 * middle);  // 0.7 of it and less: shorter steps also hold fewer requests
  CHECK(tpot.high > 1.25 * middle);
  CHECK(wide.pools[0].trust.calibration == "mine");
  CHECK(wide.pools[0].trust.band == 0.3);
}

TEST_CASE("a verdict of saturation that hangs on the error is a band of both") {
  const Folder folder;
  const double rate = 9;
  const Band* saturated = nullptr;
  RunRecord r;
  for (const double p90 : {0.1, 0.9}) {
    r = run(folder, calibration(json::object(), step_error(p90)), true, rate);
    saturated = r.bands.find("saturated");
    REQUIRE(saturated);
    CHECK(saturated->low <= (r.saturated ? 1 : 0));
    CHECK(saturated->high >= (r.saturated ? 1 : 0));
  }
  CHECK(saturated->low < saturated->high);
}

TEST_CASE("without a known error, or unasked, there are no bands and the reason is given") {
  const Folder folder;
  json unknown = calibration(json::object(), step_error(0.1));
  CHECK(run(folder, unknown, false).bands.of.empty());
  CHECK(run(folder, unknown, false).bands.basis == "not asked for");
  unknown["errors"][0]["median"] = unknown["errors"][0]["p90"] = 0;
  const RunRecord r = run(folder, unknown);
  CHECK(r.bands.of.empty());
  CHECK_THAT(r.bands.basis, Catch::StartsWith("not measured"));
}

TEST_CASE("a run is flagged exactly where it leaves the calibrated shapes") {
  const Folder folder;
  const json unmeasured = json::array();
  const PoolUsage met = run(folder, calibration(json::object(), unmeasured), false).pools[0];
  REQUIRE(met.most_sequences > 1);
  const json range = {{"most_sequences", met.most_sequences},
                      {"most_context", met.most_context},
                      {"most_tokens", met.most_tokens},
                      {"tensor_parallel", {1}}};
  CHECK(extrapolations(run(folder, calibration(range, unmeasured), false)).empty());
  for (const char* key : {"most_sequences", "most_context", "most_tokens"}) {
    CAPTURE(key);
    json less = range;
    less[key] = range[key].get<std::int64_t>() - 1;
    const auto flags = extrapolations(run(folder, calibration(less, unmeasured), false));
    REQUIRE(flags.size() == 1);
    CHECK_THAT(flags[0], Catch::Contains("calibrated to " + std::to_string(less[key].get<std::int64_t>())));
  }
}
