#include <nlohmann/json.hpp>

#include "base/text.h"
#include "hwmodels/calibration.h"
#include "hwmodels/catalog_files.h"
#include "hwmodels/quantity.h"

namespace tokenfab {
namespace {

using nlohmann::json;

std::vector<double> ascending(const JsonObject& object, const char* key) {
  std::vector<double> v = object.numbers(key);
  if (v.empty() || v[0] <= 0 || std::adjacent_find(v.begin(), v.end(), std::greater_equal<>()) != v.end())
    object.fail(key, "must be positive numbers, each above the one before");
  return v;
}

std::vector<double> ratios(const JsonObject& object, const char* key, std::size_t count) {
  std::vector<double> v = object.numbers(key);
  if (v.size() != count)
    object.fail(key, "has " + std::to_string(v.size()) + " numbers; allowed: " + std::to_string(count));
  for (const double r : v)
    if (r < -3 || r > 3) object.fail(key, shortest(r) + " is not plausible; allowed: -3 to 3");
  return v;
}

GemmResidual read_gemm(const JsonObject& o) {
  GemmResidual out;
  out.rows = ascending(o, "rows");
  for (const JsonObject& s : o.objects("shapes")) {
    out.shapes.push_back({s.number_in("n", 1, 1e9), s.number_in("k", 1, 1e9), ratios(s, "log_ratio", out.rows.size())});
    s.finish();
  }
  o.finish();
  return out;
}

GridResidual read_grid(const JsonObject& o) {
  GridResidual out;
  out.x = ascending(o, "x");
  out.y = ascending(o, "y");
  if (out.y.size() > 11) o.fail("y", "has more than 11 contexts");
  out.log_ratio = ratios(o, "log_ratio", out.x.size() * out.y.size());
  o.finish();
  return out;
}

template <class T, class Read>
void read_residuals(const JsonObject& all, const char* key, std::map<std::string, T>& out, Read read) {
  const JsonObject kind = all.object_or_empty(key);
  for (const std::string& dtype : kind.keys()) out[dtype] = read(kind.object(dtype));
}

FitError read_error(const JsonObject& o) {
  FitError e;
  e.what = read_text(o, "what");
  e.split = read_text(o, "split");
  e.median = o.number_in("median", 0, 1e3);
  e.mean = o.number_in("mean", 0, 1e3);
  e.p90 = o.number_in("p90", 0, 1e3);
  e.bias = o.number_in("bias", -1, 1e3);
  e.n = o.integer("n", 1, 1'000'000'000);
  o.finish();
  return e;
}

CalibratedRange read_range(const JsonObject& o) {
  CalibratedRange r;
  r.most_tokens = o.number_in("most_tokens", 0, 1e9, 0);
  r.most_sequences = o.number_in("most_sequences", 0, 1e9, 0);
  r.most_context = o.number_in("most_context", 0, 1e9, 0);
  if (o.has("tensor_parallel"))
    for (const double t : o.numbers("tensor_parallel")) r.tensor_parallel.push_back(static_cast<int>(t));
  o.finish();
  return r;
}

StepFactors read_factors(const JsonObject& o) {
  const auto factor = [&](const char* key) { return read_quantity(o, key, Quantity::share, 0.01, 100); };
  StepFactors f{factor("floor"), factor("bandwidth"), factor("compute"), factor("attention"), factor("network")};
  o.finish();
  return f;
}

std::vector<std::string> read_sources(const JsonObject& file) {
  const json& list = file.raw("sources");
  std::vector<std::string> out;
  if (list.is_array())
    for (const json& s : list)
      if (s.is_string() && s.get_ref<const std::string&>().find_first_not_of(" \t\n") != std::string::npos)
        out.push_back(s.get<std::string>());
  if (out.empty() || out.size() != list.size()) file.fail("sources", "must be a list of texts that are not empty");
  return out;
}

std::set<std::string> read_copies(const JsonObject& file, const Calibration& c) {
  std::set<std::string> out;
  if (!file.has("copies_all_rows")) return out;
  for (const json& name : file.raw("copies_all_rows")) {
    if (!name.is_string() || !name.get_ref<const std::string&>().starts_with("expert_gemm") || !c.ops.contains(name))
      file.fail("copies_all_rows", "holds " + name.dump() + ", which is no expert_gemm of \"ops\"");
    out.insert(name);
  }
  return out;
}

void read_overrides(const JsonObject& file, Calibration& c) {
  const auto optional = [&](const char* key, Quantity kind, double high, std::optional<Sourced>& out) {
    if (file.has(key)) out = read_quantity(file, key, kind, 0, high);
  };
  optional("step_gap", Quantity::seconds, 1, c.step_gap);
  optional("sequence_gap", Quantity::seconds, 0.1, c.sequence_gap);
  optional("request_gap", Quantity::seconds, 10, c.request_gap);
  optional("dynamic_compute", Quantity::share, 1, c.dynamic_compute);
  optional("dynamic_bandwidth", Quantity::share, 1, c.dynamic_bandwidth);
  optional("dynamic_network", Quantity::share, 1, c.dynamic_network);
  optional("dynamic_host", Quantity::share, 1, c.dynamic_host);
}

}  // namespace

Calibration load_calibration(const std::string& path) {
  const json text = parse_json_file(path);
  const JsonObject file(text, path);
  Calibration c;
  c.id = read_id(file);
  c.engine = read_text(file, "engine");
  c.chip = read_text(file, "chip");
  c.version = read_text(file, "version");
  c.as_of = read_text(file, "as_of");
  c.grade = read_grade(file);
  c.sources = read_sources(file);
  if (file.has("own_chip")) {
    c.own_chip = read_chip(file.object("own_chip"));
    if (c.own_chip->id != c.chip) file.fail("chip", "\"" + c.chip + "\" is not the id of own_chip");
  }
  c.ops = read_op_overrides(file.object("ops"));
  c.copies_all_rows = read_copies(file, c);
  const JsonObject residuals = file.object_or_empty("residuals");
  read_residuals(residuals, "gemm", c.gemm, read_gemm);
  read_residuals(residuals, "decode_attention", c.decode, read_grid);
  read_residuals(residuals, "prefill_attention", c.prefill, read_grid);
  read_residuals(residuals, "expert_gemm", c.experts, read_grid);
  if (residuals.has("all_reduce")) c.all_reduce = read_grid(residuals.object("all_reduce"));
  const JsonObject steps = residuals.object_or_empty("steps");
  for (const char* kind : {"prefill", "decode"})
    if (steps.has(kind)) c.steps[kind] = read_grid(steps.object(kind));
  steps.finish();
  residuals.finish();
  if (file.has("in_step")) c.in_step = read_factors(file.object("in_step"));
  read_overrides(file, c);
  for (const JsonObject& e : file.objects("errors")) c.errors.push_back(read_error(e));
  c.range = read_range(file.object_or_empty("range"));
  file.finish();
  return c;
}

}  // namespace tokenfab
