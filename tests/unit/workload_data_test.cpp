#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/workload/builtin.h"
#include "sim/workload/fit.h"
#include "tests/unit/workload_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

WorkloadStats measure_file(const std::string& path, double dejitter_s = 0) {
  TraceOptions o;
  o.path = path;
  o.transform.dejitter_s = dejitter_s;
  return measure(*open_trace(o));
}

void check_lengths(const nlohmann::json& golden, const LengthStats& s) {
  const auto near = [](double x) { return Approx(x).epsilon(0).margin(0.051); };
  CHECK(s.mean == near(golden["mean"]));
  CHECK(s.sd == near(golden["sd"]));
  CHECK(s.p10 == near(golden["p10"]));
  CHECK(s.p50 == near(golden["p50"]));
  CHECK(s.p90 == near(golden["p90"]));
  CHECK(s.p95 == near(golden["p95"]));
  CHECK(s.p99 == near(golden["p99"]));
  CHECK(s.max == near(golden["max"]));
}

struct Trace {
  std::string golden, file, builtin;
};
const Trace kAzure[] = {{"azure23_conv", "AzureLLMInferenceTrace_conv.csv", "azure-conv-2023"},
                        {"azure23_code", "AzureLLMInferenceTrace_code.csv", "azure-code-2023"}};

}  // namespace

TEST_CASE("The statistics of both Azure traces match values computed independently") {
  const std::string data = data_folder();
  if (data.empty()) return;
  std::ifstream in(data + "/traces/golden/stats1.json");
  REQUIRE(in);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  for (std::size_t at; (at = text.find("Infinity")) != std::string::npos;) text.replace(at, 8, "null");
  const auto golden = nlohmann::json::parse(text);
  for (const auto& t : kAzure) {
    const auto& g = golden.at(t.golden);
    const auto& a = g.at("arrivals");
    const auto s = measure_file(data + "/traces/" + t.file);
    const auto rounded = [](const nlohmann::json& x, double half) { return Approx(double(x)).epsilon(0).margin(half); };
    CHECK(s.requests == a["n"]);
    CHECK(s.input.total == g["tot_in"]);
    CHECK(s.output.total == g["tot_out"]);
    CHECK(s.span_s == rounded(a["span_s"], 0.051));
    CHECK(s.rate == rounded(a["rate"], 6e-5));
    CHECK(s.gap_cv == rounded(a["iat_cv"], 6e-5));
    CHECK(s.gap_max_s == rounded(a["iat_max"], 6e-4));
    CHECK(s.dispersion_1s == rounded(a["idc_1s"], 6e-4));
    CHECK(s.dispersion_10s == rounded(a["idc_10s"], 6e-4));
    CHECK(s.dispersion_60s == rounded(a["idc_60s"], 6e-4));
    CHECK(s.peak_to_mean_1s == rounded(a["peak_mean_1s"], 6e-4));
    CHECK(s.peak_to_mean_60s == rounded(a["peak_mean_60s"], 6e-4));
    CHECK(s.minute_autocorrelation == rounded(a["acf1_60s"], 6e-4));
    CHECK(s.in_out_correlation == rounded(g["corr"], 6e-5));
    check_lengths(g["inp"], s.input);
    check_lengths(g["out"], s.output);
  }
}

TEST_CASE("The Mooncake trace: every row and block; de-jitter removes the grid's burstiness") {
  const std::string data = data_folder();
  if (data.empty()) return;
  TraceOptions o;
  o.path = data + "/traces/mooncake_conversation_trace.jsonl.gz";
  o.block_size = 512;
  const auto batch = drain(*open_trace(o));
  CHECK(batch.requests.size() == 12031);
  CHECK(batch.hash_ids.size() == 288500);
  const auto raw = measure_file(o.path), spread = measure_file(o.path, 3);
  CHECK(raw.gap_cv > 3);
  CHECK(spread.gap_cv < 1.1);
  CHECK(spread.dispersion_1s < 1.3);
  CHECK(spread.input.total == raw.input.total);
}

TEST_CASE("The built-in workloads resemble the real traces, averaged over eight seeds") {
  const std::string data = data_folder();
  if (data.empty()) return;
  for (const auto& t : kAzure) {
    const auto real = measure_file(data + "/traces/" + t.file);
    std::map<std::string, double> ratio;
    for (std::uint64_t seed = 1; seed <= 8; ++seed)
      for (const auto& row : compare(real, measure(*make_generator(builtin_workload(t.builtin, seed, 0)))))
        ratio[row.statistic] += row.ratio / 8;
    const std::map<std::string, double> allowed = {
        {"rate, requests/s", 0.03},          {"inter-arrival CV", 0.10},          {"index of dispersion, 1 s", 0.25},
        {"index of dispersion, 10 s", 0.25}, {"index of dispersion, 60 s", 0.25}, {"peak to mean, 60 s", 0.10},
        {"input tokens mean", 0.01},         {"output tokens mean", 0.02},        {"input tokens p50", 0.03},
        {"input tokens p90", 0.03},          {"input tokens p99", 0.03},          {"output tokens p50", 0.03},
        {"output tokens p90", 0.03},         {"output tokens p99", 0.10},         {"span, s", 0.01}};
    for (const auto& [statistic, off] : allowed) {
      INFO(t.builtin << ": " << statistic);
      REQUIRE(ratio.count(statistic) == 1);
      CHECK(std::abs(ratio[statistic] - 1) <= off);
    }
  }
}
