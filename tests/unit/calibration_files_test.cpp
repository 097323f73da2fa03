// Calibrations written and read back; what a user reads where one is wrong.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "calibration/write_calibration.h"
#include "tests/catch.h"
#include "tests/unit/calibration_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("tokenfab-calibration-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

void same(const Sourced& a, const Sourced& b) {
  CHECK(a.value == Approx(b.value).epsilon(5.1e-4));
  CHECK(a.unit == b.unit);
  CHECK(a.source == b.source);
  CHECK(a.as_of == b.as_of);
  CHECK(a.error == Approx(b.error).epsilon(0.051));
}

void same(const std::optional<Sourced>& a, const std::optional<Sourced>& b) {
  REQUIRE(a.has_value() == b.has_value());
  if (a) same(*a, *b);
}

void same(const std::vector<double>& a, const std::vector<double>& b, double margin) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-6).margin(margin));
}

void same(const std::map<std::string, GridResidual>& a, const std::map<std::string, GridResidual>& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [dtype, grid] : a) {
    same(grid.x, b.at(dtype).x, 0);
    same(grid.y, b.at(dtype).y, 0);
    same(grid.log_ratio, b.at(dtype).log_ratio, 5.001e-4);
  }
}

/// What the loader says about the full calibration after `damage`, without the folder; "" where it accepts it.
std::string refusal(const std::function<void(json&)>& damage) {
  json text = json::parse(calibration::calibration_text(full_calibration()));
  damage(text);
  const Folder folder;
  const std::string path = (folder.path / "mine.json").string();
  std::ofstream(path) << text.dump();
  try {
    load_calibration(path);
  } catch (const UserError& e) {
    const std::string error = e.what();
    CHECK(error.find('\n') == std::string::npos);
    REQUIRE(error.rfind(folder.path.string() + "/", 0) == 0);
    return error.substr(folder.path.string().size() + 1);
  }
  return "";
}

}  // namespace

TEST_CASE("a calibration that is written and read back has the same figures") {
  const Calibration c = full_calibration();
  const Folder folder;
  const std::string path = (folder.path / "mine.json").string();
  calibration::write_calibration(c, path);
  const Calibration again = load_calibration(path);
  CHECK(again.id == c.id);
  CHECK(again.engine == c.engine);
  CHECK(again.chip == c.chip);
  CHECK(again.version == c.version);
  CHECK(again.as_of == c.as_of);
  CHECK(again.grade == c.grade);
  CHECK(again.sources == c.sources);
  REQUIRE(again.own_chip.has_value());
  CHECK(again.own_chip->id == "round-chip");
  CHECK(again.own_chip->scale_up_domain == 8);
  CHECK(again.own_chip->topology == "switched");
  REQUIRE(again.own_chip->peak.size() == 2);
  for (const auto& [dtype, peak] : c.own_chip->peak) same(again.own_chip->peak.at(dtype), peak);
  for (Sourced Chip::*figure : {&Chip::memory, &Chip::bandwidth, &Chip::link, &Chip::link_latency, &Chip::network,
                                &Chip::network_latency, &Chip::tdp, &Chip::idle_power, &Chip::host_power})
    same(*again.own_chip.*figure, *c.own_chip.*figure);
  REQUIRE(again.ops.size() == c.ops.size());
  for (const auto& [name, e] : c.ops) {
    CAPTURE(name);
    same(again.ops.at(name).bandwidth, e.bandwidth);
    same(again.ops.at(name).compute, e.compute);
    same(again.ops.at(name).floor, e.floor);
  }
  CHECK(again.copies_all_rows == c.copies_all_rows);
  REQUIRE(again.gemm.size() == c.gemm.size());
  for (const auto& [dtype, gemm] : c.gemm) {
    const GemmResidual& read = again.gemm.at(dtype);
    same(read.rows, gemm.rows, 0);
    REQUIRE(read.shapes.size() == gemm.shapes.size());
    for (std::size_t i = 0; i < gemm.shapes.size(); ++i) {
      CHECK(read.shapes[i].n == gemm.shapes[i].n);
      CHECK(read.shapes[i].k == gemm.shapes[i].k);
      same(read.shapes[i].log_ratio, gemm.shapes[i].log_ratio, 5.001e-4);
    }
  }
  same(again.decode, c.decode);
  same(again.prefill, c.prefill);
  for (std::optional<Sourced> Calibration::*figure :
       {&Calibration::step_gap, &Calibration::sequence_gap, &Calibration::dynamic_compute,
        &Calibration::dynamic_bandwidth, &Calibration::dynamic_network, &Calibration::dynamic_host})
    same(again.*figure, c.*figure);
  REQUIRE(again.errors.size() == c.errors.size());
  for (std::size_t i = 0; i < c.errors.size(); ++i) {
    CHECK(again.errors[i].what == c.errors[i].what);
    CHECK(again.errors[i].split == c.errors[i].split);
    CHECK(again.errors[i].median == Approx(c.errors[i].median).epsilon(5.1e-3));
    CHECK(again.errors[i].mean == Approx(c.errors[i].mean).epsilon(5.1e-3));
    CHECK(again.errors[i].p90 == Approx(c.errors[i].p90).epsilon(5.1e-3));
    CHECK(again.errors[i].bias == Approx(c.errors[i].bias).epsilon(5.1e-3));
    CHECK(again.errors[i].n == c.errors[i].n);
  }
  CHECK(again.range.most_tokens == c.range.most_tokens);
  CHECK(again.range.most_sequences == c.range.most_sequences);
  CHECK(again.range.most_context == c.range.most_context);
  CHECK(again.range.tensor_parallel == c.range.tensor_parallel);
  // Reading loses nothing more.
  CHECK(calibration::calibration_text(again) == calibration::calibration_text(c));
}

TEST_CASE("a calibration without residuals, gaps and errors is written and read back too") {
  Calibration c = full_calibration();
  c.own_chip.reset(), c.step_gap.reset(), c.sequence_gap.reset(), c.dynamic_compute.reset();
  c.gemm.clear(), c.decode.clear(), c.prefill.clear(), c.errors.clear(), c.range = {};
  const Folder folder;
  const std::string path = (folder.path / "mine.json").string();
  calibration::write_calibration(c, path);
  const Calibration again = load_calibration(path);
  CHECK(!again.own_chip);
  CHECK(!again.step_gap);
  CHECK((again.gemm.empty() && again.decode.empty() && again.prefill.empty() && again.errors.empty()));
  CHECK(again.ops.size() == 4);
  CHECK_THROWS_AS(calibration::write_calibration(c, (folder.path / "no" / "folder.json").string()), UserError);
}

TEST_CASE("each mistake in a calibration is refused in one line with its place") {
  CHECK(refusal([](json&) {}) == "");
  CHECK(refusal([](json& j) { j.erase("engine"); }) == "mine.json: /engine: is missing");
  CHECK(refusal([](json& j) { j["version"] = " "; }) == "mine.json: /version: is empty");
  CHECK_THAT(refusal([](json& j) { j["grade"] = "fited"; }),
             Catch::StartsWith("mine.json: /grade: ") && Catch::Contains("nearest: \"fitted\""));
  CHECK_THAT(refusal([](json& j) { j["ops"]["qkv_gemm:fp3"] = j["ops"]["qkv_gemm"]; }),
             Catch::StartsWith("mine.json: /ops/qkv_gemm:fp3: unknown key"));
  CHECK_THAT(refusal([](json& j) { j["ops"]["host"] = j["ops"]["qkv_gemm"]; }),
             Catch::StartsWith("mine.json: /ops/host: unknown key"));
  CHECK_THAT(refusal([](json& j) { j["ops"]["qkv_gemm"]["bandwidth"]["value"] = 1.01; }),
             Catch::StartsWith("mine.json: /ops/qkv_gemm/bandwidth/value: 1.01 is not plausible"));
  CHECK(refusal([](json& j) { j["ops"]["qkv_gemm"].erase("floor"); }) == "mine.json: /ops/qkv_gemm/floor: is missing");
  CHECK(refusal([](json& j) { j["copies_all_rows"][0] = "expert_gemm:int8"; }) ==
        "mine.json: /copies_all_rows: holds \"expert_gemm:int8\", which is no expert_gemm of \"ops\"");
  CHECK(refusal([](json& j) {
          j["residuals"]["gemm"]["bf16"]["rows"] = {16, 1, 4097};
        }) == "mine.json: /residuals/gemm/bf16/rows: must be positive numbers, each above the one before");
  CHECK(refusal([](json& j) {
          j["residuals"]["gemm"]["bf16"]["rows"] = {1, 16, 16};
        }) == "mine.json: /residuals/gemm/bf16/rows: must be positive numbers, each above the one before");
  CHECK(refusal([](json& j) {
          j["residuals"]["gemm"]["bf16"]["shapes"][1]["log_ratio"] = {0.1, 0.2};
        }) == "mine.json: /residuals/gemm/bf16/shapes/1/log_ratio: has 2 numbers; allowed: 3");
  CHECK(refusal([](json& j) { j["residuals"]["decode_attention"]["bf16"]["log_ratio"].push_back(0); }) ==
        "mine.json: /residuals/decode_attention/bf16/log_ratio: has 7 numbers; allowed: 6");
  CHECK(refusal([](json& j) { j["residuals"]["decode_attention"]["bf16"]["log_ratio"][0] = 3.5; }) ==
        "mine.json: /residuals/decode_attention/bf16/log_ratio: 3.5 is not plausible; allowed: -3 to 3");
  CHECK(refusal([](json& j) { j["residuals"]["prefill_attention"]["fp8"]["x"] = {0}; }) ==
        "mine.json: /residuals/prefill_attention/fp8/x: must be positive numbers, each above the one before");
  CHECK(refusal([](json& j) {
          json& grid = j["residuals"]["decode_attention"]["bf16"];
          grid["x"] = {1}, grid["y"] = json::array(), grid["log_ratio"] = json::array();
          for (int i = 1; i <= 12; ++i) grid["y"].push_back(i), grid["log_ratio"].push_back(0);
        }) == "mine.json: /residuals/decode_attention/bf16/y: has more than 11 contexts");
  CHECK_THAT(refusal([](json& j) { j["residuals"]["gemn"] = json::object(); }),
             Catch::StartsWith("mine.json: /residuals/gemn: unknown key") && Catch::Contains("nearest: \"gemm\""));
  CHECK_THAT(refusal([](json& j) { j["residuals"]["gemm"]["bf16"]["shapes"][0]["m"] = 3; }),
             Catch::StartsWith("mine.json: /residuals/gemm/bf16/shapes/0/m: unknown key"));
  CHECK_THAT(refusal([](json& j) { j["step_gap"]["value"] = 2000; }),
             Catch::StartsWith("mine.json: /step_gap/value: 2000 ms is not plausible"));
  CHECK_THAT(refusal([](json& j) { j["dynamic_compute"]["value"] = -0.1; }),
             Catch::StartsWith("mine.json: /dynamic_compute/value: "));
  CHECK_THAT(refusal([](json& j) { j["errors"][1]["n"] = 0; }), Catch::StartsWith("mine.json: /errors/1/n: "));
  CHECK(refusal([](json& j) { j["errors"][0].erase("split"); }) == "mine.json: /errors/0/split: is missing");
  CHECK_THAT(refusal([](json& j) { j["range"]["most_token"] = 3; }),
             Catch::StartsWith("mine.json: /range/most_token: unknown key"));
  CHECK_THAT(refusal([](json& j) { j["colour"] = "green"; }), Catch::StartsWith("mine.json: /colour: unknown key"));
  CHECK(refusal([](json& j) { j["chip"] = "h100-sxm"; }) == "mine.json: /chip: \"h100-sxm\" is not the id of own_chip");
  CHECK(refusal([](json& j) { j["own_chip"].erase("bandwidth"); }) == "mine.json: /own_chip/bandwidth: is missing");
  CHECK_THAT(refusal([](json& j) { j["id"] = "other"; }), Catch::StartsWith("mine.json: /id: \"other\" differs"));
  CHECK_THAT(refusal([](json& j) { j["sources"] = "somewhere"; }), Catch::StartsWith("mine.json: /sources"));
  CHECK_THAT(refusal([](json& j) { j["sources"] = json::array(); }), Catch::StartsWith("mine.json: /sources"));
  CHECK_THAT(refusal([](json& j) { j["sources"][0] = 3; }), Catch::StartsWith("mine.json: /sources"));
}
