// Claims about techniques and chips that a shipped scenario shows: what it must show whatever the calibration.
#include <map>
#include <string>

#include "scenarios/runner.h"
#include "sim/core/waterfall.h"
#include "sim/economics/money_catalog.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

std::map<std::string, RunRecord> run_all(const std::string& file) {
  Scenario s = load_scenario(std::string(TOKENFAB_SOURCE_DIR "/scenarios/") + file, {});
  size_scenario(s, {});
  std::map<std::string, RunRecord> out;
  run_scenario(s, {}, [&](RunRecord&& r) { out[r.alternative] = std::move(r); });
  return out;
}

/// Of the busy time of a run.
double share(const RunRecord& r, const std::vector<std::string>& classes) {
  double all = 0, of = 0;
  for (const StepTimeRow& row : r.pools[0].step_time) {
    all += row.seconds;
    for (const auto& c : classes) of += c == row.op_class ? row.seconds : 0;
  }
  return of / all;
}

double usd(const RunRecord& r) { return r.cost.usd_per_mtok; }

}  // namespace

TEST_CASE("FlashAttention, fused kernels and graphs each gain by Amdahl's law, and together less than their product") {
  auto runs = run_all("engine-terms.json");
  std::vector<RunRecord> list;
  for (const char* name : {"base", "alone: FlashAttention", "alone: fused kernels", "alone: CUDA graphs",
                           "stack: FlashAttention", "stack: fused kernels", "stack: CUDA graphs"})
    list.push_back(runs.at(name));
  const auto steps = waterfall(list);
  REQUIRE(steps.size() == 3);
  double product = 1;
  for (const WaterfallStep& s : steps) {
    CHECK(s.gain_alone > 1.05);
    product *= s.gain_alone;
  }
  CHECK(steps.back().total < product);
  // What is made faster was a share f of the time: the gain is at most 1 / (1 - f).
  const double attention = share(list[0], {"prefill_attention", "decode_attention"});
  CHECK(steps[0].gain_alone <= 1 / (1 - attention) + 1e-9);
  CHECK(steps[0].gain_alone > 1.1);
  const double fused = share(list[0], {"norm_activation", "qkv_gemm", "mlp_gemm"});
  CHECK(steps[1].gain_alone <= 1 / (1 - fused) + 1e-9);
}

TEST_CASE("an L4 is cheaper for a trickle of requests, an H100 for a stream of them") {
  auto runs = run_all("l4-or-h100.json");
  REQUIRE(runs.size() == 10);
  const auto ratio = [&](const std::string& rate) { return usd(runs.at("L4 " + rate)) / usd(runs.at("H100 " + rate)); };
  CHECK(ratio("0.25/s") < 0.5);  // one of each, both mostly idle: the ratio of the rents
  CHECK(ratio("64/s") > 1);
  CHECK(ratio("64/s") > ratio("1/s"));
}

TEST_CASE("a token costs more the longer its context, faster than in proportion where attention counts") {
  auto runs = run_all("context-cost.json");
  double before = 0, before_request = 0;
  for (const char* name : {"1,000", "2,000", "4,000", "8,000", "16,000", "32,000", "64,000", "120,000"}) {
    INFO(name);
    const RunRecord& r = runs.at(name);
    const double request = r.cost.usd_total / static_cast<double>(r.served);
    CHECK(request > 1.3 * before_request);
    CHECK(r.cost.usd_per_mtok_out > before);
    before = r.cost.usd_per_mtok_out;
    before_request = request;
  }
  CHECK(runs.at("120,000").cost.usd_per_mtok_in > 1.1 * runs.at("4,000").cost.usd_per_mtok_in);
}

TEST_CASE("a TPU v5e gives 1.8 to 3.9 times the work of a v4 for the dollar; 2.2 was claimed") {
  const Catalog catalog = Catalog::standard();
  const MoneyCatalog money = MoneyCatalog::standard();
  const Chip v4 = catalog.chip("tpu-v4"), v5e = catalog.chip("tpu-v5e");
  const double rents = money.rent("tpu-v4", "on-demand").usd_per_chip_hour.value /
                       money.rent("tpu-v5e", "on-demand").usd_per_chip_hour.value;
  const double by_memory = v5e.bandwidth.value / v4.bandwidth.value * rents;
  const double by_bf16 = v5e.peak.at("bf16").value / v4.peak.at("bf16").value * rents;
  const double by_int8 = v5e.peak.at("int8").value / v4.peak.at("bf16").value * rents;  // a v4 is no faster in int8
  CHECK(by_memory == Approx(1.8).epsilon(0.02));
  CHECK(by_bf16 == Approx(1.92).epsilon(0.01));
  CHECK(by_int8 == Approx(3.83).epsilon(0.01));
  CHECK(by_memory < 2.2);
  CHECK(by_int8 > 2.2);
}
