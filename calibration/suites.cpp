#include "calibration/suites.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "hwmodels/dtype.h"

namespace tokenfab::calibration {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

/// What each kind must say; other columns are allowed.
const std::map<std::string, std::vector<std::string>>& kinds() {
  static const std::map<std::string, std::vector<std::string>> all = {
      {"steps", {"tensor_parallel", "batch", "input", "output", "prefill_ms", "decode_ms"}},
      {"gemm", {"m", "n", "k", "us"}},
      {"decode-attention", {"batch", "context", "q_heads", "kv_heads", "head_dim", "us"}},
      {"prefill-attention", {"batch", "tokens", "prior", "q_heads", "kv_heads", "head_dim", "us"}},
      {"moe", {"tokens", "hidden", "expert_ffn", "experts", "top_k", "tensor_parallel", "expert_parallel", "us"}},
      {"all-reduce", {"chips", "bytes", "us"}},
      {"closed-loop", {"tensor_parallel", "concurrency", "input", "output", "ttft_ms", "tpot_ms"}},
      {"static", {"tensor_parallel", "batch", "input", "output"}},
      {"requests", {"arrival_s", "input", "output", "ttft_s", "e2e_s"}},
      {"max-load", {"tensor_parallel", "input", "output", "requests", "output_tok_s"}},
      {"large-ep", {"data_parallel", "context", "prefill_tokens", "decode_sequences", "node_tok_s"}},
      {"speculation", {"tensor_parallel", "batch", "context", "depth", "tokens_per_step", "speed_up"}}};
  return all;
}

Dtype read_dtype(const JsonObject& o, const char* key) {
  if (!o.has(key)) return Dtype::bf16;
  const std::string name = o.one_of(key, {"bf16", "fp8", "int8", "int4"});
  return *dtype_named(name);
}

SuiteGroup::Row read_row(const JsonObject& group, const json& row, std::size_t index, std::size_t columns) {
  const auto fail = [&](const std::string& why) { group.fail("rows", "row " + std::to_string(index) + " " + why); };
  if (!row.is_array() || row.size() != columns + 1 || !row[0].is_string())
    fail("is not a use and " + std::to_string(columns) + " values");
  SuiteGroup::Row out;
  const std::string use = row[0];
  if (use != "fit" && use != "check") fail("is used for \"" + use + "\"; allowed: fit, check");
  out.check = use == "check";
  for (std::size_t i = 1; i < row.size(); ++i) {
    const json& v = row[i];
    if (v.is_boolean()) out.values.emplace_back(v.get<bool>() ? 1 : 0);
    else if (v.is_number() && v.get<double>() >= 0) out.values.emplace_back(v.get<double>());
    else if (v.is_null()) out.values.emplace_back();
    else fail("holds " + v.dump() + ", which is no number");
  }
  return out;
}

SuiteGroup read_group(const JsonObject& o, const std::string& kind) {
  SuiteGroup g;
  g.chip = o.string("chip"), g.engine = o.string("engine"), g.version = o.string("version");
  g.llm = o.string("llm", "");
  const bool kernel = o.has("dtype");
  g.weights = g.activations = read_dtype(o, "dtype");
  if (!kernel) g.weights = read_dtype(o, "weights"), g.activations = read_dtype(o, "activations");
  g.kv = read_dtype(o, "kv");
  g.routing = o.string("routing", "");
  g.token_budget = o.integer("token_budget", 0, 1 << 24, 0);
  g.streams_beyond_slots = o.integer("streams_beyond_slots", 0, 1000, 0);
  g.streams_in_step = o.boolean("streams_in_step", false);
  g.pads_heads = static_cast<int>(o.integer("pads_heads", 0, 1024, 0));
  g.requests_per_stream = o.integer("requests_per_stream", 1, 1000, 10);
  g.copies_all_rows = o.boolean("copies_all_rows", false);
  g.products_only = o.boolean("products_only", false);
  g.pass_gap = o.number_in("pass_gap_us", 0, 1e6, 0) * 1e-6;
  g.sequence_gap = o.number_in("sequence_gap_us", 0, 1e5, 0) * 1e-6;
  g.redundant_experts = static_cast<int>(o.integer("redundant_experts", 0, 100'000, 0));
  g.zipf = o.number_in("zipf", 0, 4, 0);
  g.overlap = o.number_in("overlap", 0, 1, 0);
  for (const json& c : o.raw("columns")) g.columns.push_back(c.get<std::string>());
  if (g.columns.empty() || g.columns[0] != "use") o.fail("columns", "must begin with \"use\"");
  g.columns.erase(g.columns.begin());
  for (const std::string& c : kinds().at(kind))
    if (g.column(c) == g.columns.size()) o.fail("columns", "lacks \"" + c + "\", which " + kind + " needs");
  for (const json& row : o.raw("rows")) g.rows.push_back(read_row(o, row, g.rows.size(), g.columns.size()));
  o.finish();
  return g;
}

fs::path folder(const Catalog& catalog) { return fs::path(catalog.root()) / "measured"; }

}  // namespace

std::size_t SuiteGroup::column(const std::string& name) const {
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
}

std::optional<double> SuiteGroup::get(const Row& row, const std::string& name) const {
  const std::size_t i = column(name);
  return i < columns.size() ? row.values[i] : std::nullopt;
}

double SuiteGroup::at(const Row& row, const std::string& name) const {
  const std::optional<double> v = get(row, name);
  require(v.has_value(), "a row has the value that its kind needs");
  return *v;
}

Suite load_suite(const std::string& path) {
  const json text = parse_json_file(path);
  const JsonObject file(text, path);
  Suite s;
  s.id = file.string("suite"), s.title = file.string("title");
  if (s.id != fs::path(path).stem().string()) file.fail("suite", "differs from the file's name");
  std::vector<std::string> names;
  for (const auto& [name, columns] : kinds()) names.push_back(name);
  s.kind = file.one_of("kind", names);
  s.source = file.string("source"), s.as_of = file.string("as_of"), s.trust = file.string("trust");
  s.split = file.string("split");
  file.string("selection");
  file.has("noise");
  for (const JsonObject& g : file.objects("groups")) s.groups.push_back(read_group(g, s.kind));
  file.finish();
  return s;
}

std::vector<std::string> suite_ids(const Catalog& catalog) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder(catalog)))
    if (entry.path().extension() == ".json") out.push_back(entry.path().stem().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Suite> load_suites(const Catalog& catalog, const std::vector<std::string>& ids) {
  const std::vector<std::string> known = suite_ids(catalog);
  std::vector<Suite> out;
  for (const std::string& id : ids.empty() ? known : ids) {
    if (!std::binary_search(known.begin(), known.end(), id))
      throw UserError("\"" + id + "\" is not a suite of published measurements; allowed: " + join_names(known, 40) +
                      nearest_hint(id, known));
    out.push_back(load_suite((folder(catalog) / (id + ".json")).string()));
  }
  return out;
}

}  // namespace tokenfab::calibration
