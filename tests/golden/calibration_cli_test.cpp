// Calibration and its errors, from outside.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const fs::path kRoot = TOKENFAB_SOURCE_DIR;

/// What stands between two lines of a text; "" where either is missing.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from), end = text.find(to);
  if (begin == std::string::npos || end == std::string::npos) return "";
  return text.substr(begin + from.size(), end - begin - from.size());
}

/// A closed loop's result as a script keeps it.
std::string loop(double load, double median, double ttft) {
  const json steps = {{"median", median}, {"mean", 0.04}, {"p90", 0.09}, {"bias", -0.01}, {"n", 1000}};
  const auto metric = [](const char* what, double error) {
    return json{{"what", what}, {"measured", 1.0}, {"simulated", 1 + error}, {"error", error}};
  };
  json all = {{"weights", "bf16"}, {"load", load}, {"iterations", steps}, {"schedule_differences", 0}};
  all["metrics"] = {metric("throughput, output tokens/s", 0.01), metric("mean TPOT, s", -0.06),
                    metric("mean TTFT, s", ttft), metric("throughput, all at once", -0.03)};
  return all.dump();
}

}  // namespace

TEST_CASE("the error tables of docs/calibration.md are what validate prints now") {
  const Shell tokenfab;
  const Result now = tokenfab("validate --markdown");
  REQUIRE(now.code == 0);
  const std::string page = read_file(kRoot / "docs/calibration.md");
  INFO("rewrite them with tools/calibration_tables.sh");
  CHECK(between(page, "<!-- tables: begin -->\n", "<!-- tables: end -->\n") == now.out);
  CHECK_THAT(now.out, Catch::Contains("### Whole steps") && Catch::Contains("### Kernels"));
}

TEST_CASE("validate --table holds closed loops and calibrations against the goals") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "loop-bf16-0.6.json") << loop(0.6, 0.02, 0.2);
  std::ofstream(tokenfab.folder / "loop-bf16-0.95.json") << loop(0.95, 0.035, 0.2);
  std::ofstream(tokenfab.folder / "header.json") << R"({"date": "today"})";
  const json results = tokenfab.parsed("validate --table . --json")["results"];
  REQUIRE(results.size() == 2);
  const auto goal = [&](int result, const std::string& what) {
    for (const json& g : results[static_cast<std::size_t>(result)]["goals"])
      if (g["what"] == what) return g;
    return json();
  };
  CHECK(goal(0, "steps, median")["met"] == true);
  CHECK(goal(1, "steps, median")["met"] == false);
  CHECK(goal(0, "throughput")["error"] == -0.03);
  CHECK(goal(0, "TPOT")["met"] == false);
  CHECK(goal(0, "TTFT")["met"] == false);
  CHECK(!goal(1, "TTFT").contains("met"));  // no goal at 80 % load and above
  CHECK_THAT(tokenfab("validate --table .").out, Catch::Contains("9 of 13 goals met"));
  const Result empty = tokenfab("validate --table nowhere");
  CHECK(empty.code == 2);
  CHECK_THAT(one_line(empty), Catch::Contains("nowhere"));
}

TEST_CASE("the calibration script runs from measurements to the table of errors, and continues") {
  if (std::system("command -v bash timeout tee >/dev/null 2>&1") != 0) {
    WARN("skipped: bash, timeout or tee is missing");
    return;
  }
  const Shell tokenfab;
  const std::string out = (tokenfab.folder / "out").string();
  const std::string script =
      "BACKEND=cpu MODEL=tiny WEIGHTS=bf16 LOADS=0.6 MEASURE_SECONDS=60 LOOP_SECONDS=60 ROUNDS=1 REQUESTS=6 "
      "MOST_BATCH=4 MOST_CONTEXT=128 MOST_PREFILL=16 TOKENFAB='" TOKENFAB_BINARY "' bash '" +
      (kRoot / "kernels/bench/calibrate.sh").string() + "' 300 '" + out + "' >'" + out + ".txt' 2>&1 </dev/null";
  REQUIRE(std::system(script.c_str()) == 0);
  INFO(read_file(out + ".txt"));
  CHECK(json::parse(read_file(out + "/header.json"))["model"] == "tiny");
  const json results = json::parse(read_file(out + "/table.json"))["results"];
  REQUIRE(results.size() == 2);
  CHECK(results[0]["file"] == "errors-bf16");
  CHECK(results[1]["file"] == "loop-bf16-0.6");
  CHECK(results[1]["goals"].size() == 7);
  CHECK_THAT(read_file(out + "/errors.txt"), Catch::Contains("goals met"));
  const std::string points = read_file(out + "/measured-bf16.jsonl"), run = read_file(out + "/loop-bf16-0.6.json");
  REQUIRE(std::system(script.c_str()) == 0);
  CHECK(read_file(out + "/measured-bf16.jsonl").rfind(points, 0) == 0);  // added to, at most
  CHECK(read_file(out + "/loop-bf16-0.6.json") == run);
}
