#include "calibration/write_calibration.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"

namespace tokenfab::calibration {
namespace {

using json = nlohmann::ordered_json;

double finite(double x) {
  if (!std::isfinite(x))
    throw UserError("the measurements do not determine a calibration: they are too few, or contradict each other");
  return x;
}

double rounded(double x, int digits = 4) {
  if (finite(x) == 0) return 0;
  const double scale = std::pow(10.0, digits - 1 - std::floor(std::log10(std::fabs(x))));
  return std::round(x * scale) / scale;
}

double per_unit(const std::string& unit) {
  if (unit == "us") return 1e6;
  if (unit == "ms") return 1e3;
  if (unit == "GB/s" || unit == "GB") return 1e-9;
  if (unit == "TFLOP/s") return 1e-12;
  return 1;
}

json quantity(const Sourced& s) {
  json out = {
      {"value", rounded(s.value * per_unit(s.unit))}, {"unit", s.unit}, {"source", s.source}, {"as_of", s.as_of}};
  if (s.error > 0) out["error"] = rounded(s.error, 2);
  return out;
}

json numbers(const std::vector<double>& v, int digits) {
  json out = json::array();
  for (const double x : v) out.push_back(rounded(x, digits));
  return out;
}

/// Residuals to a thousandth.
json ratios(const std::vector<double>& v) {
  json out = json::array();
  for (const double x : v) out.push_back(std::round(finite(x) * 1000) / 1000);
  return out;
}

json chip_json(const Chip& c) {
  json peaks = json::object();
  for (const auto& [dtype, peak] : c.peak) peaks[dtype] = quantity(peak);
  return {{"id", c.id},
          {"name", c.name},
          {"vendor", c.vendor},
          {"family", c.family},
          {"topology", c.topology},
          {"peak_dense", peaks},
          {"memory", quantity(c.memory)},
          {"bandwidth", quantity(c.bandwidth)},
          {"link", quantity(c.link)},
          {"link_latency", quantity(c.link_latency)},
          {"scale_up_domain", c.scale_up_domain},
          {"network", quantity(c.network)},
          {"network_latency", quantity(c.network_latency)},
          {"tdp", quantity(c.tdp)},
          {"idle_power", quantity(c.idle_power)},
          {"host_power", quantity(c.host_power)}};
}

json residuals_json(const Calibration& c) {
  json out = json::object();
  for (const auto& [dtype, g] : c.gemm) {
    json shapes = json::array();
    for (const auto& s : g.shapes) shapes.push_back({{"n", s.n}, {"k", s.k}, {"log_ratio", ratios(s.log_ratio)}});
    out["gemm"][dtype] = {{"rows", numbers(g.rows, 6)}, {"shapes", shapes}};
  }
  const auto grid = [](const GridResidual& g) {
    return json{{"x", numbers(g.x, 6)}, {"y", numbers(g.y, 6)}, {"log_ratio", ratios(g.log_ratio)}};
  };
  const auto grids = [&](const char* name, const std::map<std::string, GridResidual>& all) {
    for (const auto& [dtype, g] : all) out[name][dtype] = grid(g);
  };
  grids("decode_attention", c.decode);
  grids("prefill_attention", c.prefill);
  grids("expert_gemm", c.experts);
  grids("steps", c.steps);
  if (c.all_reduce) out["all_reduce"] = grid(*c.all_reduce);
  return out;
}

json errors_json(const Calibration& c) {
  json out = json::array();
  for (const FitError& e : c.errors)
    out.push_back({{"what", e.what},
                   {"split", e.split},
                   {"median", rounded(e.median, 3)},
                   {"mean", rounded(e.mean, 3)},
                   {"p90", rounded(e.p90, 3)},
                   {"bias", rounded(e.bias, 3)},
                   {"n", e.n}});
  return out;
}

const char* grade_word(Grade g) {
  return g == Grade::measured ? "measured" : g == Grade::fitted ? "fitted" : "datasheet";
}

/// Indents objects; keeps on one line what has no object inside.
void write(const json& value, int indent, std::string& out) {
  const bool flat = !value.is_structured() ||
                    std::none_of(value.begin(), value.end(), [](const json& v) { return v.is_structured(); });
  if (flat) {
    out += value.dump();
    return;
  }
  const std::string pad(static_cast<std::size_t>(indent + 2), ' ');
  out += value.is_array() ? "[\n" : "{\n";
  std::size_t left = value.size();
  for (const auto& [key, item] : value.items()) {
    out += pad;
    if (value.is_object()) out += json(key).dump() + ": ";
    write(item, indent + 2, out);
    out += --left > 0 ? ",\n" : "\n";
  }
  out += std::string(static_cast<std::size_t>(indent), ' ') + (value.is_array() ? "]" : "}");
}

}  // namespace

std::string calibration_text(const Calibration& c) {
  json out = {{"$schema", "../schema/calibration.schema.json"},
              {"id", c.id},
              {"engine", c.engine},
              {"chip", c.chip},
              {"version", c.version},
              {"as_of", c.as_of},
              {"grade", grade_word(c.grade)},
              {"sources", c.sources}};
  if (c.own_chip) out["own_chip"] = chip_json(*c.own_chip);
  json ops = json::object();
  for (const auto& [name, e] : c.ops)
    ops[name] = {{"bandwidth", quantity(e.bandwidth)}, {"compute", quantity(e.compute)}, {"floor", quantity(e.floor)}};
  out["ops"] = ops;
  if (!c.copies_all_rows.empty()) out["copies_all_rows"] = c.copies_all_rows;
  out["residuals"] = residuals_json(c);
  const auto optional = [&](const char* name, const std::optional<Sourced>& s) {
    if (s) out[name] = quantity(*s);
  };
  if (c.in_step)
    out["in_step"] = {{"floor", quantity(c.in_step->floor)},
                      {"bandwidth", quantity(c.in_step->bandwidth)},
                      {"compute", quantity(c.in_step->compute)},
                      {"attention", quantity(c.in_step->attention)},
                      {"network", quantity(c.in_step->network)}};
  optional("step_gap", c.step_gap);
  optional("sequence_gap", c.sequence_gap);
  optional("request_gap", c.request_gap);
  optional("dynamic_compute", c.dynamic_compute);
  optional("dynamic_bandwidth", c.dynamic_bandwidth);
  optional("dynamic_network", c.dynamic_network);
  optional("dynamic_host", c.dynamic_host);
  out["errors"] = errors_json(c);
  json range = json::object();
  const auto most = [&](const char* name, double value) {
    if (value > 0) range[name] = value;
  };
  most("most_tokens", c.range.most_tokens);
  most("most_sequences", c.range.most_sequences);
  most("most_context", c.range.most_context);
  if (!c.range.tensor_parallel.empty()) range["tensor_parallel"] = c.range.tensor_parallel;
  out["range"] = range;
  std::string text;
  write(out, 0, text);
  return text + "\n";
}

void write_calibration(const Calibration& calibration, const std::string& path,
                       const std::vector<std::string>& inputs) {
  const auto is_calibration = [](std::string_view head) {
    return head.find("calibration.schema.json") != std::string_view::npos;
  };
  write_file(path, calibration_text(calibration), {"a calibration of tokenfab", is_calibration}, inputs);
}

}  // namespace tokenfab::calibration
