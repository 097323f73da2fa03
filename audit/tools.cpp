#include "audit/tools.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "hwmodels/decode_sums.h"
#include "scenarios/runner.h"

namespace tokenfab::audit {
namespace fs = std::filesystem;
using nlohmann::json;

/// Results by the text of what was asked; a refusal is remembered too.
struct Tools::Memory {
  std::map<std::string, std::shared_ptr<const StepModel>> models;
  std::map<std::string, json> runs;
  std::map<std::string, std::string> infeasible;
};

namespace {

double bandwidth_share(const StepSeconds& s) {
  double bound = 0;
  for (std::size_t c = 0; c < kOpClasses; ++c)
    if (s.bound[c] == Bound::bandwidth) bound += s.work[c];
  return bound / s.total();
}

double share_of(const StepSeconds& s, OpClass c) {
  const auto i = static_cast<std::size_t>(c);
  return (s.work[i] + s.floor[i]) / s.total();
}

struct Load {
  std::int64_t sequences = 1, context = 1024, prompt = 1024;
  /// Sequences that the model is built for: a power of two, so that neighbours share one.
  std::int64_t places() const {
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(sequences)));
  }
};

const std::vector<std::string>& readings() {
  static const std::vector<std::string> names = {"decode_s",  "output_tok_s",    "tok_s_per_user", "bandwidth_share",
                                                 "prefill_s", "attention_share", "input_tok_s",    "weight_bytes",
                                                 "chips",     "most_sequences"};
  return names;
}

double read_step(const StepModel& model, const Load& load, const std::string& what) {
  const Deployment& d = model.deployment();
  const MemoryPlan& m = model.memory();
  if (what == "weight_bytes") return m.weight_bytes;
  if (what == "chips") return d.chips();
  if (what == "most_sequences") {
    const std::int64_t tokens = m.kv_blocks * d.kv_block_tokens / (m.full_pages + m.window_pages);
    const std::int64_t sequences = tokens / load.context;
    return static_cast<double>(sequences);
  }
  StepSums sums;
  const bool prefill = what == "prefill_s" || what == "attention_share" || what == "input_tok_s";
  if (prefill) sums.add_chunk(0, load.prompt, true, d.llm.window ? d.llm.window->tokens : 0);
  else sums = decode_sums(d, load.sequences, load.context);
  const StepSeconds seconds = model.evaluate(sums);
  const double tokens = static_cast<double>(model.pace(load.sequences)) / d.kv_quanta();
  if (what == "attention_share") return share_of(seconds, OpClass::prefill_attention);
  if (what == "input_tok_s") return static_cast<double>(load.prompt) / seconds.total();
  if (what == "bandwidth_share") return bandwidth_share(seconds);
  if (what == "tok_s_per_user") return tokens / seconds.total();
  if (what == "output_tok_s") return static_cast<double>(load.sequences) * tokens / seconds.total();
  return seconds.total();
}

std::shared_ptr<const StepModel> model_of(json pool, const Load& load, const Tools::Place& place) {
  if (!pool.contains("supply")) pool["supply"] = {{"rent", {{"usd_per_chip_hour", 1}, {"source", "not used"}}}};
  json& batcher = pool["batcher"];
  if (batcher.is_null()) batcher = json::object();
  if (batcher.is_object() && !batcher.contains("max_sequences")) batcher["max_sequences"] = load.places();
  if (batcher.is_object() && !batcher.contains("token_budget"))
    batcher["token_budget"] = std::max<std::int64_t>({8192, load.prompt, 2 * load.places()});
  std::vector<Assumption> assumed;
  const JsonObject object(pool, place.file, place.pointer + "/step");
  return load_pool(object, Catalog::standard(), MoneyCatalog::standard(), assumed).spec.model;
}

std::string as_set(const std::string& pointer, const json& value) { return pointer + "=" + value.dump(); }

}  // namespace

Tools::Tools(RunToJson to_json) : to_json_(std::move(to_json)), memory_(std::make_unique<Memory>()) {}
Tools::~Tools() = default;

double Tools::step(const json& tool, const Place& place) {
  const JsonObject object(tool, place.file, place.pointer);
  Load load;
  load.sequences = object.integer("sequences", 1, 65536, load.sequences);
  load.context = object.integer("context", 1, 10'000'000, load.context);
  load.prompt = object.integer("prompt", 1, 10'000'000, load.prompt);
  const std::string what = object.one_of("read", readings());
  (void)object.object("step");
  const std::string key = tool.at("step").dump() + std::to_string(load.places()) + "," +
                          std::to_string(std::max<std::int64_t>(8192, load.prompt));
  auto& model = memory_->models[key];
  if (!model) model = model_of(tool.at("step"), load, place);
  if (const auto most = model->deployment().max_sequences; load.sequences > most)
    object.fail("sequences",
                std::to_string(load.sequences) + " is more than the pool's max_sequences, " + std::to_string(most));
  return read_step(*model, load, what);
}

namespace {

/// The JSON of the first replication of an alternative, by its name or position.
json simulate(const JsonObject& tool, const std::string& path, const ScenarioOptions& options,
              const Tools::RunToJson& to_json) {
  Scenario scenario = load_scenario(path, options);
  scenario.replications = 1;
  auto& all = scenario.alternatives;
  std::vector<std::string> names;
  for (const auto& alternative : all) names.push_back(alternative.name);
  const std::string name = tool.has("alternative") ? tool.one_of("alternative", names) : names.front();
  std::erase_if(all, [&](const Alternative& alternative) { return alternative.name != name; });
  RunOptions how;
  how.rows = false;
  size_scenario(scenario, how);
  json result;
  run_scenario(scenario, how, [&](RunRecord&& record) { result = to_json(record); });
  return result;
}

double number_at(const JsonObject& tool, const json& result) {
  const std::string pointer = tool.string("read");
  try {
    return result.at(json::json_pointer(pointer)).get<double>();
  } catch (const json::exception&) {
    tool.fail("read", "\"" + pointer + "\" is not a number in the results of " + tool.string("run"));
  }
}

}  // namespace

double Tools::run(const json& tool, const Place& place) {
  const JsonObject object(tool, place.file, place.pointer);
  const std::string path = (fs::path(place.file).parent_path() / object.string("run")).lexically_normal().string();
  ScenarioOptions options;
  if (object.has("set"))
    for (const auto& [pointer, value] : object.raw("set").items()) options.set.push_back(as_set(pointer, value));
  std::string key = path + "\n" + object.string("alternative", "");
  for (const auto& set : options.set) key += "\n" + set;
  if (const auto known = memory_->infeasible.find(key); known != memory_->infeasible.end())
    throw Infeasible(known->second);
  auto& result = memory_->runs[key];
  if (result.is_null()) try {
      result = simulate(object, path, options, to_json_);
    } catch (const Infeasible& e) {
      std::string why = e.what();
      if (why.starts_with(path)) why = fs::path(path).filename().string() + why.substr(path.size());
      memory_->infeasible[key] = why;
      throw Infeasible(why);
    }
  return number_at(object, result);
}

}  // namespace tokenfab::audit
