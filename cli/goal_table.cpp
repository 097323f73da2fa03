#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "cli/calibration.h"
#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Goal {
  const char* what;
  double limit;  // on the size of the error
};
constexpr Goal kGoals[] = {{"steps, median", 0.03}, {"steps, mean", 0.05}, {"steps, p90", 0.10}, {"steps, bias", 0.02},
                           {"throughput", 0.05},    {"TPOT", 0.05},        {"TTFT", 0.10}};
constexpr std::size_t kStepGoals = 4, kBias = 3, kTtft = 6;
constexpr double kTtftLoad = 0.8;  // the goal for TTFT holds below

/// The errors of one result file, in the order of the goals; none where it says nothing.
struct Result {
  std::string file, weights;
  std::optional<double> load;  // of a closed loop
  std::vector<std::optional<double>> errors;
  std::int64_t points = 0;
  std::optional<std::int64_t> schedule_differences;

  bool has_goal(std::size_t i) const { return errors[i] && (i != kTtft || !load || *load < kTtftLoad); }
  bool meets(std::size_t i) const { return std::fabs(*errors[i]) <= kGoals[i].limit; }
};

void read_steps(const JsonObject& e, Result& out) {
  const char* keys[kStepGoals] = {"median", "mean", "p90", "bias"};
  for (std::size_t i = 0; i < kStepGoals; ++i) out.errors[i] = e.number(keys[i]);
  out.points = e.integer("n", 0, 1'000'000'000'000);
}

/// Throughput is there twice: of requests as they came, and of all at once.
void keep_worse(std::optional<double>& kept, double error) {
  if (!kept || std::fabs(error) > std::fabs(*kept)) kept = error;
}

void read_loop(const JsonObject& loop, Result& out) {
  read_steps(loop.object("iterations"), out);
  out.schedule_differences = loop.integer("schedule_differences", 0, 1'000'000'000'000);
  for (const JsonObject& m : loop.objects("metrics"))
    for (std::size_t i = kStepGoals; i < std::size(kGoals); ++i)
      if (m.string("what").find(kGoals[i].what) != std::string::npos) keep_worse(out.errors[i], m.number("error"));
}

/// A closed loop or the errors of a calibration; nothing for other files.
std::optional<Result> read_result(const fs::path& path) {
  const json text = parse_json_file(path.string());
  if (!text.is_object()) return {};
  const JsonObject file(text, path.string());
  Result out;
  out.errors.resize(std::size(kGoals));
  out.file = path.stem().string();
  out.weights = file.string("weights", "");
  if (file.has("load")) out.load = file.number("load");
  if (file.has("iterations")) return read_loop(file, out), out;
  if (!file.has("errors") || !file.has("measurements")) return {};
  for (const JsonObject& e : file.objects("errors"))
    if (e.string("what") == "any step") return read_steps(e, out), out;
  return {};
}

std::vector<Result> read_results(const std::string& folder) {
  if (!fs::is_directory(folder)) throw UserError(folder + ": is not a folder");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Result> out;
  for (const fs::path& path : files)
    if (auto r = read_result(path)) out.push_back(std::move(*r));
  if (out.empty())
    throw UserError(folder + ": holds no results of calibrate --json or validate --set closed-loop --json");
  return out;
}

std::string cell(const Result& r, std::size_t i) {
  if (!r.errors[i]) return "-";
  const char* mark = !r.has_goal(i) ? " .." : r.meets(i) ? " ok" : "  !";
  const double percent = 100 * *r.errors[i];
  return (i < kBias ? shown("{:.1f} %", percent) : shown("{:+.1f} %", percent)) + mark;
}

void print_text(const std::vector<Result>& results) {
  std::vector<std::vector<std::string>> rows = {{"result"}, {"goal"}};
  for (const Goal& g : kGoals) {
    rows[0].push_back(g.what);
    rows[1].push_back(shown("{:.0f} %   ", 100 * g.limit));
  }
  rows[0].insert(rows[0].end(), {"steps", "differences"});
  int goals = 0, met = 0;
  for (const Result& r : results) {
    auto& row = rows.emplace_back(std::vector<std::string>{r.file});
    for (std::size_t i = 0; i < std::size(kGoals); ++i) {
      row.push_back(cell(r, i));
      goals += r.has_goal(i), met += r.has_goal(i) && r.meets(i);
    }
    row.push_back(grouped(r.points));
    row.push_back(r.schedule_differences ? grouped(*r.schedule_differences) : "-");
  }
  std::cout << text_table(rows)
            << shown("\n{} of {} goals met (!: missed; ..: no goal for TTFT at {:.0f} % load and above)\n", met, goals,
                     100 * kTtftLoad);
}

json json_of(const Result& r) {
  json row = {{"file", r.file}, {"steps", r.points}, {"goals", json::array()}};
  if (!r.weights.empty()) row["weights"] = r.weights;
  if (r.load) row["load"] = *r.load;
  if (r.schedule_differences) row["schedule_differences"] = *r.schedule_differences;
  for (std::size_t i = 0; i < std::size(kGoals); ++i) {
    if (!r.errors[i]) continue;
    json goal = {{"what", kGoals[i].what}, {"error", *r.errors[i]}};
    if (r.has_goal(i)) goal["limit"] = kGoals[i].limit, goal["met"] = r.meets(i);
    row["goals"].push_back(std::move(goal));
  }
  return row;
}

}  // namespace

void print_goals(const std::string& folder, bool as_json) {
  const std::vector<Result> results = read_results(folder);
  if (!as_json) return print_text(results);
  json rows = json::array();
  for (const Result& r : results) rows.push_back(json_of(r));
  std::cout << json{{"results", rows}}.dump(2) << "\n";
}

}  // namespace tokenfab::cli
