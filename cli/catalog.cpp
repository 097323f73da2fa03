#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/shown.h"
#include "hwmodels/calibration.h"
#include "hwmodels/step_model.h"
#include "sim/economics/money_catalog.h"
#include "sim/workload/builtin.h"
#include "sim/workload/fit.h"
#include "sim/workload/generator.h"
#include "sim/workload/trace.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json sourced(const Sourced& s) {
  return {{"value", s.value}, {"written_unit", s.unit}, {"source", s.source}, {"as_of", s.as_of}};
}

json chips() {
  const Catalog catalog = Catalog::standard();
  json out = json::array();
  for (const auto& id : catalog.ids("chips")) {
    const Chip c = catalog.chip(id);
    json peaks;
    for (const auto& [dtype, peak] : c.peak) peaks[dtype] = sourced(peak);
    out.push_back({{"id", c.id},
                   {"name", c.name},
                   {"vendor", c.vendor},
                   {"family", c.family},
                   {"peak", peaks},
                   {"memory", sourced(c.memory)},
                   {"bandwidth", sourced(c.bandwidth)},
                   {"link", sourced(c.link)},
                   {"tdp", sourced(c.tdp)}});
  }
  return out;
}

json llms() {
  const Catalog catalog = Catalog::standard();
  json out = json::array();
  for (const auto& id : catalog.ids("llms")) {
    const Llm m = catalog.llm(id);
    const ParameterCount count = count_parameters(m);
    out.push_back({{"id", m.id},
                   {"name", m.name},
                   {"parameters", count.total},
                   {"active_parameters", count.active},
                   {"published_parameters", m.published_parameters.value},
                   {"context", m.context},
                   {"kv_bytes_per_token_bf16", 2 * kv_elements_per_token_layer(m) * m.layers},
                   {"source", m.source}});
  }
  return out;
}

json engines() {
  const Catalog catalog = Catalog::standard();
  json out = json::array();
  for (const auto& id : catalog.ids("engines")) {
    const EngineProfile e = catalog.engine(id);
    json calibrated = json::array();
    for (const auto& other : catalog.ids("calibrations"))
      if (const auto c = catalog.calibration(other); c->engine == e.id) calibrated.push_back(c->chip);
    out.push_back({{"id", e.id},
                   {"name", e.name},
                   {"version", e.version},
                   {"grade", kGradeNames[static_cast<std::size_t>(e.grade)]},
                   {"batching", e.batching},
                   {"known_error", e.known_error ? json(e.known_error->value) : json(nullptr)},
                   {"step_gap_s", e.step_gap.value},
                   {"calibrated_chips", calibrated}});
  }
  return out;
}

json calibrations() {
  const Catalog catalog = Catalog::standard();
  json out = json::array();
  for (const auto& id : catalog.ids("calibrations")) {
    const auto c = catalog.calibration(id);
    json errors = json::array();
    for (const FitError& e : c->errors)
      errors.push_back({{"what", e.what},
                        {"split", e.split},
                        {"median", e.median},
                        {"mean", e.mean},
                        {"p90", e.p90},
                        {"bias", e.bias},
                        {"n", e.n}});
    out.push_back({{"id", id},
                   {"engine", c->engine},
                   {"chip", c->chip},
                   {"version", c->version},
                   {"as_of", c->as_of},
                   {"grade", kGradeNames[static_cast<std::size_t>(c->grade)]},
                   {"sources", c->sources},
                   {"errors", errors}});
  }
  return out;
}

json prices() {
  json out = json::array();
  for (const auto& row : MoneyCatalog::standard().rows())
    out.push_back({{"item", row.item},
                   {"kind", row.kind},
                   {"provider", row.provider},
                   {"value", row.price.value},
                   {"unit", row.price.unit},
                   {"as_of", row.price.as_of},
                   {"source", row.price.source},
                   {"default", row.is_default}});
  return out;
}

json workloads() {
  json out = json::array();
  for (const auto& name : builtin_names()) {
    const GeneratorSpec spec = builtin_workload(name, 1, 0);
    out.push_back({{"id", name},
                   {"requests", expected_requests(spec)},
                   {"requests_per_s", mean_rate(spec.arrivals)},
                   {"mean_input_tokens", mean_tokens(spec).first},
                   {"mean_output_tokens", mean_tokens(spec).second},
                   {"source", builtin_source(name)}});
  }
  return out;
}

std::string cell(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object()) return value.contains("value") ? metric(value["value"].get<double>()) : value.dump();
  if (value.is_number_integer()) return grouped(value.get<long long>());
  if (value.is_number())
    return value.get<double>() >= 1e5 ? metric(value.get<double>()) : shortest(value.get<double>());
  return value.dump();
}

void print(const json& list, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> rows = {columns};
  for (const auto& item : list) {
    rows.emplace_back();
    for (const auto& c : columns) rows.back().push_back(cell(item[c]));
  }
  std::cout << text_table(rows);
}

/// Each statistic of the built-in workload, averaged over replications: one hour's dispersion is noisy.
std::vector<FitRow> mean_comparison(const WorkloadStats& real, const std::string& name, std::uint32_t replications) {
  std::vector<FitRow> mean;
  for (std::uint32_t r = 0; r < replications; ++r) {
    const auto rows = compare(real, measure(*make_generator(builtin_workload(name, 1, r))));
    if (mean.empty()) mean = rows;
    else
      for (std::size_t i = 0; i < rows.size(); ++i) mean[i].generated += rows[i].generated;
  }
  for (auto& row : mean) {
    row.generated /= replications;
    row.ratio = row.generated / row.real;
  }
  return mean;
}

void fit(const CatalogArgs& args) {
  TraceOptions options;
  options.path = args.fit;
  const auto trace = open_trace(options);
  const WorkloadStats real = measure(*trace);
  json out;
  for (const auto& name : builtin_names()) {
    if (!builtin_workload(name, 1, 0).clients.empty()) continue;  // fitted to tables of clients, not to one trace
    constexpr std::uint32_t kSeeds = 8;
    const auto rows = mean_comparison(real, name, kSeeds);
    if (!args.json) std::cout << name << ", mean of " << kSeeds << " replications, against " << args.fit << "\n";
    std::vector<std::vector<std::string>> table = {{"statistic", "trace", "generated", "ratio"}};
    for (const auto& row : rows) {
      out[name].push_back(
          {{"statistic", row.statistic}, {"trace", row.real}, {"generated", row.generated}, {"ratio", row.ratio}});
      table.push_back(
          {row.statistic, shown("{:.4g}", row.real), shown("{:.4g}", row.generated), shown("{:.3f}", row.ratio)});
    }
    if (!args.json) std::cout << text_table(table) << "\n";
  }
  if (args.json) std::cout << out.dump(2) << "\n";
}

}  // namespace

void catalog(const CatalogArgs& args) {
  struct Kind {
    const char* name;
    json (*list)();
    std::vector<std::string> columns;
  };
  static const std::vector<Kind> kinds = {
      {"chips", chips, {"id", "vendor", "memory", "bandwidth", "link", "tdp"}},
      {"llms", llms, {"id", "parameters", "active_parameters", "context", "kv_bytes_per_token_bf16"}},
      {"engines", engines, {"id", "version", "grade", "batching", "step_gap_s", "known_error"}},
      {"calibrations", calibrations, {"id", "engine", "chip", "version", "as_of", "grade"}},
      {"prices", prices, {"item", "kind", "provider", "value", "unit", "as_of", "default"}},
      {"workloads", workloads, {"id", "requests", "requests_per_s", "mean_input_tokens", "mean_output_tokens"}}};
  if (!args.fit.empty()) {
    if (args.kind != "workloads") throw UserError("--fit goes with: tokenfab catalog workloads");
    return fit(args);
  }
  if (!args.prefix_cache.empty()) {
    if (args.kind != "workloads") throw UserError("--prefix-cache goes with: tokenfab catalog workloads");
    return prefix_cache(args);
  }
  std::vector<std::string> names;
  for (const auto& kind : kinds) {
    names.emplace_back(kind.name);
    if (args.kind != kind.name) continue;
    const json list = kind.list();
    if (args.json) std::cout << list.dump(2) << "\n";
    else print(list, kind.columns);
    return;
  }
  throw UserError("catalog " + args.kind + ": not a catalogue; allowed: " + join_names(names) +
                  nearest_hint(args.kind, names));
}

}  // namespace tokenfab::cli
