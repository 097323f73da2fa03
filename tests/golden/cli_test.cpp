// The tool from outside: contract, exit codes, and the text of every shipped scenario.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const fs::path kRoot = TOKENFAB_SOURCE_DIR;

std::vector<fs::path> shipped() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kRoot / "scenarios"))
    if (entry.path().extension() == ".json") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  REQUIRE(out.size() >= 5);
  return out;
}

/// The command that runs it; long studies on fewer requests.
std::string run_of(const fs::path& path) {
  std::string shorter;
  if (path.stem() == "silicon-shootout") shorter = " --no-bands --set /workload/max_requests=40";
  if (path.stem() == "deepseek-day") shorter = " --set /workload/generate/duration_s=120";
  return "run " + path.string() + shorter;
}

const std::string kMain = (kRoot / "scenarios/azure-conv-h100-70b.json").string();

/// A scenario that runs in a blink.
const char* kTiny = R"({"name": "tiny", "workload": {"generate": {"arrivals": {"rate": 4}, "input_tokens": 300,
  "output_tokens": {"geometric": 40}, "max_requests": 400}},
  "pools": [{"llm": "llama-3.1-8b", "chip": "l4", "supply": {"rent": {"usd_per_chip_hour": 1.0}}}]})";

}  // namespace

TEST_CASE("run --json keeps the contract's fields") {
  const Shell tokenfab;
  const json out = tokenfab.parsed("run " + kMain + " --json");
  for (const char* key : {"requests", "tokens", "makespan_s", "throughput_tok_s", "ttft_s", "tpot_s", "e2e_s",
                          "goodput", "saturated", "cost", "energy_j", "carbon_g", "provenance", "assumptions"})
    CHECK(out.contains(key));
  for (const char* key : {"served", "rejected", "in_flight"}) CHECK(out["requests"][key].is_number());
  for (const char* key : {"input", "output", "cached"}) CHECK(out["tokens"][key].is_number());
  for (const char* metric : {"ttft_s", "tpot_s", "e2e_s"})
    for (const char* key : {"mean", "p50", "p90", "p99"}) CHECK(out[metric][key].is_number());
  for (const char* key : {"usd_total", "usd_per_mtok", "usd_per_mtok_in", "usd_per_mtok_out"})
    CHECK(out["cost"][key].get<double>() > 0);
  const double in = out["tokens"]["input"], generated = out["tokens"]["output"];
  CHECK(out["cost"]["usd_per_mtok_in"].get<double>() * in / 1e6 +
            out["cost"]["usd_per_mtok_out"].get<double>() * generated / 1e6 ==
        Approx(out["cost"]["usd_total"].get<double>()).epsilon(1e-9));
  CHECK(out["runs"].size() == 2);
  CHECK(out["saturated"] == false);
}

TEST_CASE("the recorded conversation trace is accounted for to the token") {
  const char* data = std::getenv("TOKENFAB_DATA");
  if (!data) {
    WARN("skipped: TOKENFAB_DATA is not set");
    return;
  }
  const Shell tokenfab;
  const json out =
      tokenfab.parsed("run " + kMain + " --json --trace " + data + "/traces/AzureLLMInferenceTrace_conv.csv");
  for (const auto& run : out["runs"]) {
    CHECK(run["requests"]["served"] == 19366);
    CHECK(run["tokens"]["input"] == 22361870);
    CHECK(run["tokens"]["output"] == 4088665);
  }
}

TEST_CASE("a prefix cache reports its hits by tier, and cached input is billed as such") {
  const Shell tokenfab;
  const json out = tokenfab.parsed("run " + (kRoot / "scenarios/prefix-cache-mooncake.json").string() + " --json");
  CHECK_FALSE(out["pools"][0].contains("prefix_cache"));
  double before = 0;
  for (const auto& run : out["runs"]) {
    if (!run["pools"][0].contains("prefix_cache")) continue;
    const json& cache = run["pools"][0]["prefix_cache"];
    std::int64_t tiers = 0;
    for (const json& tier : cache["by_tier"]) tiers += tier["hit_tokens"].get<std::int64_t>();
    CHECK(cache["hit_tokens"] == tiers);
    CHECK(cache["looked_up_tokens"] == run["tokens"]["input"]);
    CHECK(run["tokens"]["cached"] == tiers);
    CHECK(cache["hit_rate"].get<double>() == Approx(static_cast<double>(tiers) / run["tokens"]["input"].get<double>()));
    CHECK(cache["hit_rate"].get<double>() > before);  // each alternative keeps more
    before = cache["hit_rate"];
  }
  CHECK(before > 0.2);
}

TEST_CASE("every shipped scenario gives the same bytes by spans, single steps and any number of threads") {
  const Shell tokenfab;
  for (const auto& path : shipped()) {
    CAPTURE(path);
    const std::string spans = tokenfab(run_of(path) + " --json --jobs 1").out;
    CHECK_FALSE(spans.empty());
    CHECK(spans == tokenfab(run_of(path) + " --json --stepwise --jobs 2").out);
    CHECK(spans == tokenfab(run_of(path) + " --json --jobs 3").out);
  }
}

TEST_CASE("every shipped scenario prints its approved text") {
  const Shell tokenfab;
  for (const auto& path : shipped()) {
    CAPTURE(path);
    const fs::path golden = kRoot / "tests/golden/approved" / (path.stem().string() + ".txt");
    const std::string text = tokenfab(run_of(path)).out;
    if (std::getenv("TOKENFAB_APPROVE")) std::ofstream(golden) << text;
    CHECK(text == read_file(golden));
  }
}

TEST_CASE("results files are the same content whatever the number of threads") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  for (const char* jobs : {"1", "4"})
    REQUIRE(tokenfab("run tiny.json --set /replications=6 --jobs " + std::string(jobs) + " -o j" + jobs + ".db").code ==
            0);
  CHECK(tokenfab("report j1.db --format json -o 1.json").code == 0);
  CHECK(tokenfab("report j4.db --format json -o 4.json").code == 0);
  CHECK(read_file(tokenfab.folder / "1.json") == read_file(tokenfab.folder / "4.json"));
  CHECK(read_file(tokenfab.folder / "j1.db") == read_file(tokenfab.folder / "j4.db"));
}

TEST_CASE("a seed changes the workload, alternatives share it, replications differ") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const json a = tokenfab.parsed("run tiny.json --json"), b = tokenfab.parsed("run tiny.json --json --seed 2");
  CHECK(a["tokens"] != b["tokens"]);
  CHECK(a == tokenfab.parsed("run tiny.json --json --seed 1"));
  const json two = tokenfab.parsed("run tiny.json --json --set /replications=2");
  CHECK(two["runs"][0]["tokens"] == a["tokens"]);
  CHECK(two["runs"][1]["tokens"] != a["tokens"]);
  const json both = tokenfab.parsed("run " + kMain + " --json");
  CHECK(both["runs"][0]["tokens"] == both["runs"][1]["tokens"]);
}

TEST_CASE("price re-prices stored usage as a fresh run would") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const std::string own_plan = " --set /plan/pay_per_token/input=3 --set /plan/pay_per_token/output=4";
  REQUIRE(tokenfab("run tiny.json -o r.db" + own_plan).code == 0);
  const json same = tokenfab.parsed("price r.db --json"), run = tokenfab.parsed("run tiny.json --json" + own_plan);
  CHECK(same["cost"] == run["cost"]);
  CHECK(same["ttft_s"] == run["ttft_s"]);
  const std::string rent =
      " --set /supply/rent/usd_per_chip_hour=3 --set /plan/pay_per_token/input=1"
      " --set /plan/pay_per_token/output=2";
  const json dear = tokenfab.parsed("price r.db --json" + rent);
  CHECK(dear["cost"]["usd_total"].get<double>() == Approx(3 * run["cost"]["usd_total"].get<double>()));
  const json fresh = tokenfab.parsed(
      "run tiny.json --json --set /pools/0/supply/rent/usd_per_chip_hour=3 "
      "--set /plan/pay_per_token/input=1 --set /plan/pay_per_token/output=2");
  CHECK(dear["cost"] == fresh["cost"]);
  const double revenue = (dear["tokens"]["input"].get<double>() + 2 * dear["tokens"]["output"].get<double>()) / 1e6;
  CHECK(dear["cost"]["plan"]["revenue_usd"].get<double>() == Approx(revenue));
}

TEST_CASE("bands stand beside the metrics, in text, JSON and the results file") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  std::ofstream(tokenfab.folder / "mine.json") << R"({"id": "mine", "engine": "vllm", "chip": "l4", "version": "1",
    "as_of": "2026-11", "grade": "measured", "sources": ["a test"], "ops": {}, "range": {"most_sequences": 1},
    "errors": [{"what": "decode step", "split": "every third", "median": 0.06, "mean": 0.07, "p90": 0.1, "bias": 0.01,
                "n": 40}]})";
  const std::string calibrated = "run tiny.json --set /pools/0/calibration=" + (tokenfab.folder / "mine.json").string();
  const json run = tokenfab.parsed(calibrated + " --json -o r.db");
  for (const char* metric : {"ttft_s", "tpot_s"})
    for (const char* key : {"mean", "p50", "p99"}) {
      const json& band = run["bands"][metric][key];
      CHECK(band[0] < run[metric][key]);
      CHECK(band[1] > run[metric][key]);
    }
  CHECK(run["bands"]["cost"]["usd_per_mtok"][0] <= run["cost"]["usd_per_mtok"]);
  CHECK(run["bands"]["saturated"] == json{false, false});
  CHECK(run["pools"][0]["trust"]["band"] == 0.1);
  REQUIRE(run["extrapolations"].size() == 1);
  const std::string flag = run["extrapolations"][0]["what"];
  CHECK_THAT(flag, Catch::Contains("calibrated to 1"));
  CHECK_THAT(tokenfab(calibrated).out, Catch::Contains("measured by our engine (mine)") && Catch::Contains(flag));

  json without = tokenfab.parsed(calibrated + " --json --no-bands");
  CHECK(without["bands"] == json{{"basis", "not asked for"}});
  without["bands"] = run["bands"];
  CHECK(without == run);
  const json priced = tokenfab.parsed("price r.db --json");
  CHECK(priced["bands"]["ttft_s"] == run["bands"]["ttft_s"]);
  CHECK_FALSE(priced["bands"].contains("cost"));
  CHECK_THAT(priced["bands"]["basis"].get<std::string>(), Catch::Contains("none for costs"));
}

TEST_CASE("explain splits a step into classes and bounds that add up") {
  const Shell tokenfab;
  const json out = tokenfab.parsed("explain " + kMain + " --json");
  for (const auto& pool : out["pools"]) {
    CHECK(pool["memory"]["kv_blocks"].get<long long>() > 0);
    for (const auto& step : pool["steps"]) {
      double classes = 0, bounds = 0;
      for (const auto& c : step["classes"]) classes += c["seconds"].get<double>();
      for (const auto& [name, seconds] : step["seconds_by_bound"].items()) bounds += seconds.get<double>();
      CHECK(classes == Approx(step["seconds"].get<double>()));
      CHECK(bounds == Approx(step["seconds"].get<double>()));
      CHECK(step["mfu"].get<double>() < 1);
      CHECK(step["mbu"].get<double>() < 1);
    }
  }
  CHECK_THAT(tokenfab("explain " + kMain).out, Catch::Contains("decode_attention"));
}

TEST_CASE("bad input is one line with place, value and nearest name, and exit 2") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const auto fails = [&](const std::string& arguments, const std::vector<std::string>& parts) {
    const Result r = tokenfab(arguments);
    CAPTURE(arguments);
    CHECK(r.code == 2);
    const std::string line = one_line(r);
    for (const auto& part : parts) CHECK_THAT(line, Catch::Contains(part));
    CHECK(r.out.empty());
  };
  fails("run tiny.json --set /pools/0/chip=h10-sxm",
        {"tiny.json: /pools/0/chip", "\"h10-sxm\"", "nearest: \"h100-sxm\""});
  fails("run tiny.json --set /pools/0/tensor_paralel=2", {"/pools/0/tensor_paralel", "unknown key", "tensor_parallel"});
  fails("run tiny.json --set /pools/0/tensor_parallel=3", {"tensor_parallel 3"});
  fails("run tiny.json --set /pools/7/chip=l4", {"/pools/7/chip", "no \"7\""});
  fails("run tiny.json --set /seed=-1", {"/seed", "-1", "out of range"});
  fails("run tiny.json --set /pools/0/batcher/policy=chunkd", {"/pools/0/batcher/policy", "nearest: \"chunked\""});
  fails("run tiny.json --set /router=robin", {"/router", "round-robin"});
  fails("run tiny.json --seed -4", {"--seed", "-4"});
  fails("run tiny.json --set nonsense", {"--set nonsense"});
  fails("run tiny.json --set /workload/use=azure-conv-2023", {"/workload", "exactly one"});
  fails("run none.json", {"none.json", "cannot be opened"});
  fails("run tiny.json --trace none.csv", {"none.csv", "no such trace"});
  fails("run tiny.json -o no/such/folder/r.db", {"no/such/folder/r.db", "no such folder"});
  fails("run tiny.json --nonsense", {"--nonsense"});
  fails("report none.db", {"none.db", "no such file"});
  fails("catalog chip", {"chips"});
  for (const char* command : {"sweep", "compare"})
    fails(std::string(command) + " x", {"not supported by this version"});
  std::ofstream(tokenfab.folder / "bad.csv") << "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                                "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47.0,x,44\n";
  fails("run tiny.json --trace bad.csv", {"bad.csv", "3"});
}

TEST_CASE("what cannot work is refused with the arithmetic and exit 3") {
  const Shell tokenfab;
  const Result r = tokenfab("run " + (kRoot / "scenarios/infeasible/llama70b-bf16-one-h100.json").string());
  CHECK(r.code == 3);
  const std::string line = one_line(r);
  for (const char* part : {"141.1 GB", "does not fit", "h100-sxm", "at least 2"})
    CHECK_THAT(line, Catch::Contains(part));
}

TEST_CASE("overload is said, and no steady state is claimed") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const json out = tokenfab.parsed(
      "run tiny.json --json --set /workload/generate/arrivals/rate=400 --set /workload/generate/max_requests=4000");
  CHECK(out["saturated"] == true);
  CHECK(out["steady_state"] == false);
  CHECK(out["backlog_slope_per_s"].get<double>() > 0);
  CHECK(tokenfab.parsed("run tiny.json --json")["saturated"] == false);
  CHECK_THAT(tokenfab("run tiny.json --set /workload/generate/arrivals/rate=400 "
                      "--set /workload/generate/max_requests=4000")
                 .out,
             Catch::Contains("SATURATED"));
}

TEST_CASE("requests that can never fit are rejected and said to be too long") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const std::string run =
      "run tiny.json --set /workload/generate/input_tokens=200000 --set /workload/generate/max_requests=5";
  const json out = tokenfab.parsed(run + " --json");
  CHECK(out["requests"]["rejected"] == 5);
  CHECK(out["requests"]["rejected_too_long"] == 5);
  CHECK(out["cost"]["usd_per_mtok"].is_null());
  CHECK(out["ttft_s"]["mean"].is_null());
  CHECK_THAT(tokenfab(run).out, Catch::Contains("longer than the model's context"));
}

TEST_CASE("a horizon leaves work in flight, and the account still closes") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "tiny.json") << kTiny;
  const json out = tokenfab.parsed("run tiny.json --json --set /horizon_s=20");
  const auto& r = out["requests"];
  CHECK(r["in_flight"].get<long long>() > 0);
  CHECK(r["offered"] ==
        r["served"].get<long long>() + r["rejected"].get<long long>() + r["in_flight"].get<long long>());
  CHECK(out["makespan_s"].get<double>() <= 20);
}

TEST_CASE("a full standard output is an error, not silence") {
  const Shell tokenfab;
  CHECK(tokenfab("catalog chips >/dev/full").code == 2);
}

TEST_CASE("every catalogue lists and every price has a source") {
  const Shell tokenfab;
  for (const char* kind : {"chips", "llms", "engines", "workloads"})
    CHECK(tokenfab.parsed(std::string("catalog ") + kind + " --json").size() >= 2);
  for (const auto& row : tokenfab.parsed("catalog prices --json")) {
    CAPTURE(row);
    CHECK_FALSE(row["source"].get<std::string>().empty());
    CHECK_FALSE(row["as_of"].get<std::string>().empty());
  }
}

TEST_CASE("explain --topology shows chips, links and what they cost, and refuses what is cut apart") {
  const Shell tokenfab;
  const std::string dot = tokenfab("explain " + kMain + " --topology").out;
  CHECK_THAT(dot, Catch::Contains("\"server0/chip7\" -- \"server0/switch\" [label=\"450 GB/s, 0.25 us\"]"));
  const json whole = tokenfab.parsed("explain " + kMain + " --topology --json")["pools"][0];
  CHECK(whole["nodes"].size() == 9);
  CHECK(whole["links"].size() == 8);
  const json broken = tokenfab.parsed("explain " + kMain + " --topology --json --broken server0/chip3")["pools"][0];
  CHECK(broken["nodes"].size() == 7 + 8 + 3);  // the other seven, a second server for the eighth, switches and spine
  const auto rate = [](const json& pool) { return pool["collectives"][0]["all_reduce"]["s_per_byte"].get<double>(); };
  CHECK(rate(whole) == Approx(2 * 7.0 / 8 / 450e9));
  CHECK(rate(broken) > 2 * rate(whole));
  CHECK(tokenfab("explain " + kMain + " --topology --json --broken server0/switch").code == 3);
  CHECK(tokenfab("explain " + kMain + " --topology --broken server0/chip8").code == 2);
}
