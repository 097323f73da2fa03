#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "hwmodels/catalog_files.h"
#include "hwmodels/quantity.h"

namespace tokenfab {
namespace {

constexpr double kLeastEfficiency = 1e-3;

OpEfficiency read_efficiency(const JsonObject& ops, const std::string& key) {
  const JsonObject op = ops.object(key);
  OpEfficiency out{read_quantity(op, "bandwidth", Quantity::share, kLeastEfficiency, 1),
                   read_quantity(op, "compute", Quantity::share, kLeastEfficiency, 1),
                   read_quantity(op, "floor", Quantity::seconds, 0, 0.1)};
  op.finish();
  return out;
}

/// "<class>:<dtype>" for the classes that a dtype may change.
std::vector<std::string> dtype_classes() {
  std::vector<std::string> out;
  for (int c = 0; c < kOpClasses; ++c) {
    const std::string name = kOpClassNames[static_cast<std::size_t>(c)];
    if (c <= static_cast<int>(OpClass::expert_gemm))
      for (const char* dtype : {"fp8", "int8", "w-fp8", "w-int8", "w-int4"}) out.push_back(name + ":" + dtype);
    if (name.ends_with("_attention"))
      for (const char* dtype : {"fp8", "int8"}) out.push_back(name + ":" + dtype);
  }
  return out;
}

/// The host class has no figures of its own: step_gap and sequence_gap hold them.
void read_ops(const JsonObject& file, EngineProfile& e) {
  const JsonObject ops = file.object("ops");
  for (int c = 0; c < kOpClasses; ++c) {
    if (static_cast<OpClass>(c) == OpClass::host) continue;
    e.ops[static_cast<std::size_t>(c)] = read_efficiency(ops, kOpClassNames[static_cast<std::size_t>(c)]);
  }
  for (const std::string& name : dtype_classes())
    if (ops.has(name)) e.by_dtype[name] = read_efficiency(ops, name);
  ops.finish();
  const Sourced none{0, "us", e.step_gap.source, e.step_gap.as_of};
  const Sourced one{1, "1", e.step_gap.source, e.step_gap.as_of};
  e.ops[static_cast<std::size_t>(OpClass::host)] = {one, one, none};
}

}  // namespace

std::map<std::string, OpEfficiency> read_op_overrides(const JsonObject& ops) {
  std::map<std::string, OpEfficiency> out;
  std::vector<std::string> names(kOpClassNames.begin(), kOpClassNames.end());
  names.pop_back();  // host
  for (const std::string& name : dtype_classes()) names.push_back(name);
  for (const std::string& name : names)
    if (ops.has(name)) out[name] = read_efficiency(ops, name);
  ops.finish();
  return out;
}

Grade read_grade(const JsonObject& file) {
  const std::vector<std::string> names = {"datasheet", "fitted", "measured"};
  const std::string name = file.one_of("grade", names);
  return name == names[0] ? Grade::datasheet : name == names[1] ? Grade::fitted : Grade::measured;
}

namespace {

/// The file's text; with "like", laid over the profile of that id in the same folder.
nlohmann::json profile_text(const std::string& path, int depth = 0) {
  nlohmann::json text = parse_json_file(path);
  if (!text.is_object() || !text.contains("like")) return text;
  const JsonObject file(text, path);
  const std::string like = file.string("like");
  if (depth > 3) file.fail("like", "\"" + like + "\" is the fifth profile in a chain; allowed: four");
  const auto other = std::filesystem::path(path).parent_path() / (like + ".json");
  if (!std::filesystem::exists(other)) file.fail("like", "\"" + like + "\" is no profile in the same folder");
  nlohmann::json merged = profile_text(other.string(), depth + 1);
  merged.erase("comment");
  merged.erase("known_error");
  merged.merge_patch(text);
  merged.erase("like");
  return merged;
}

}  // namespace

EngineProfile load_engine(const std::string& path) {
  const nlohmann::json text = profile_text(path);
  const JsonObject file(text, path);
  const auto share = [&](const char* key, double low) { return read_quantity(file, key, Quantity::share, low, 1); };
  EngineProfile e;
  e.id = read_id(file);
  e.name = read_text(file, "name");
  e.version = read_text(file, "version");
  e.grade = read_grade(file);
  e.batching = file.one_of("batching", {"chunked", "prefill-first", "static"});
  e.step_gap = read_quantity(file, "step_gap", Quantity::seconds, 0, 1);
  e.sequence_gap = read_quantity(file, "sequence_gap", Quantity::seconds, 0, 0.1);
  read_ops(file, e);
  e.memory_share = share("memory_share", 0.05);
  e.reserved_memory = read_quantity(file, "reserved_memory", Quantity::bytes, 0, 1e12);
  e.kv_block_tokens = read_quantity(file, "kv_block_tokens", Quantity::count, 1, 65536);
  e.watermark = share("watermark", 0);
  e.dynamic_compute = share("dynamic_compute", 0);
  e.dynamic_bandwidth = share("dynamic_bandwidth", 0);
  e.dynamic_network = share("dynamic_network", 0);
  e.dynamic_host = share("dynamic_host", 0);
  if (file.has("known_error")) e.known_error = read_quantity(file, "known_error", Quantity::share, 0, 10);
  file.finish();
  return e;
}

}  // namespace tokenfab
