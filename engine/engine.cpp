#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab::engine {
namespace {

using kernels::DType;

DType named(const std::string& name, const std::vector<std::pair<std::string, DType>>& allowed, const char* what) {
  std::vector<std::string> names;
  for (const auto& [known, type] : allowed) {
    if (known == name) return type;
    names.push_back(known);
  }
  throw UserError(std::string(what) + " \"" + name + "\" is not known; allowed: " + join_names(names) +
                  nearest_hint(name, names));
}

const std::vector<std::string> kDraftKinds = {"none", "ngram", "layers", "noisy", "model"};

}  // namespace

DType weight_type(const std::string& name) {
  return named(name, {{"bf16", DType::bf16}, {"int8", DType::i8}, {"int4", DType::i4}, {"fp8", DType::e4m3}},
               "weight type");
}

DType kv_type(const std::string& name) {
  return named(name, {{"bf16", DType::bf16}, {"int8", DType::i8}, {"fp8", DType::e4m3}, {"f32", DType::f32}},
               "KV cache type");
}

ModelConfig load_config(const std::string& model) {
  const std::filesystem::path file = std::filesystem::path(model) / "config.json";
  return std::filesystem::exists(file) ? ModelConfig::from_file(file.string()) : ModelConfig::preset(model);
}

std::unique_ptr<WeightSource> open_weights(const std::string& model, const ModelConfig& config, std::uint64_t seed) {
  if (std::filesystem::is_directory(model)) return std::make_unique<StoredWeights>(model);
  return std::make_unique<RandomWeights>(config, seed);
}

Engine::Engine(kernels::Backend& backend, const EngineSpec& spec)
    : backend_(backend), spec_(spec), config_(load_config(spec.model)) {
  fill_defaults();
  check_memory();
  source_ = open_weights(spec_.model, config_, spec_.seed);
  model_ = std::make_unique<Model>(backend_, config_, *source_, WeightFormat{spec_.weights, {}}, capacity());
  model_->use_graphs(true);
}

void Engine::fill_defaults() {
  BatcherSpec& b = spec_.batcher;
  const DraftSpec& d = spec_.draft;
  if (std::find(kDraftKinds.begin(), kDraftKinds.end(), d.kind) == kDraftKinds.end())
    throw UserError("draft \"" + d.kind + "\" is not known; allowed: " + join_names(kDraftKinds) +
                    nearest_hint(d.kind, kDraftKinds));
  if (b.policy == "static") throw UserError("the engine runs the policies chunked and prefill-first, not static");
  if (d.kind != "none" && (d.tokens < 1 || d.branches < 1 || d.tokens * d.branches > 63))
    throw UserError("a draft has 1 to 63 tokens in all; asked: " + std::to_string(d.tokens) + " x " +
                    std::to_string(d.branches));
  if (d.branches > 1 && (d.kind == "ngram" || spec_.temperature > 0))
    throw UserError("a draft tree needs a draft model and temperature 0");
  if (d.kind == "layers" && (d.layers < 0 || d.layers >= config_.layers))
    throw UserError("a draft of the first layers takes 1 to " + std::to_string(config_.layers - 1) + " of them");
  if (d.kind == "layers" && d.layers == 0) spec_.draft.layers = std::max<std::int64_t>(1, config_.layers / 2);
  b.draft_tokens = d.kind == "none" ? 0 : d.tokens * d.branches;
  b.log_kv = true;
  b.context = spec_.context;
  if (b.kv_blocks == 0) b.kv_blocks = 16 * ((spec_.context + b.kv_block_tokens - 1) / b.kv_block_tokens + 1);
}

void Engine::check_memory() const {
  const double available = backend_.available_bytes();
  const auto gb = [](double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); };
  const ModelConfig& c = config_;
  const std::int64_t kept = (c.tied_embeddings ? 1 : 2) * c.vocab * c.hidden;  // embedding and head stay bf16
  const double bits = static_cast<double>(kernels::bits_per_value(spec_.weights));
  const double weights = static_cast<double>(kept) * 2 + static_cast<double>(c.parameters() - kept) * bits / 8;
  const double values =
      static_cast<double>(c.cache_heads() * (c.cache_key_dim() + (c.latent() ? 0 : c.cache_value_dim())));
  const double cache = static_cast<double>(spec_.batcher.kv_blocks * spec_.batcher.kv_block_tokens * c.layers) *
                       values * static_cast<double>(kernels::bits_per_value(spec_.kv)) / 8;
  const bool twice = spec_.draft.kind == "noisy";
  const double needed = (weights + cache) * (twice ? 2 : 1);
  if (available > 0 && needed > available)
    throw Infeasible(spec_.model + " needs " + gb(weights) + " of weights + " + gb(cache) + " of KV pages" +
                     (twice ? ", twice (its draft is as large)" : "") + " = " + gb(needed) + "; " +
                     backend_.description() + " has " + gb(available) + " available");
}

Capacity Engine::capacity() const {
  const BatcherSpec& b = spec_.batcher;
  Capacity c;
  // Whole prompts run in one step without chunking.
  const std::int64_t prompts = b.policy == "chunked" ? b.token_budget : std::max(b.token_budget, spec_.context);
  c.rows = prompts + b.max_sequences * (1 + b.draft_tokens);
  c.sequences = b.max_sequences;
  c.outputs = b.max_sequences * (1 + b.draft_tokens);
  c.pages = b.kv_blocks;
  c.page_tokens = b.kv_block_tokens;
  c.context = spec_.context + b.draft_tokens + 1;
  c.kv = spec_.kv;
  return c;
}

std::unique_ptr<Drafter> Engine::make_drafter() {
  const DraftSpec& d = spec_.draft;
  if (d.kind == "none") return nullptr;
  if (d.kind == "ngram") return make_ngram_drafter();
  const ModelDraftOptions options{d.tokens, spec_.temperature, spec_.seed, d.branches};
  const WeightFormat format{spec_.weights, {}};
  if (d.kind == "layers")
    return make_model_drafter(std::make_unique<Model>(backend_, config_, *source_, format, capacity(), d.layers),
                              options);
  if (d.kind == "noisy") {
    const NoisyWeights noisy(*source_, d.sigma, spec_.seed + 1);
    return make_model_drafter(std::make_unique<Model>(backend_, config_, noisy, format, capacity()), options);
  }
  const ModelConfig config = load_config(d.model);
  if (config.vocab != config_.vocab)
    throw UserError("draft model " + d.model + " has a vocabulary of " + std::to_string(config.vocab) +
                    ", the target " + std::to_string(config_.vocab));
  const auto source = open_weights(d.model, config, spec_.seed);
  return make_model_drafter(std::make_unique<Model>(backend_, config, *source, format, capacity()), options);
}

std::unique_ptr<Executor> Engine::executor(PromptSource prompts, EngineRecord& record) {
  EngineOptions options;
  options.temperature = spec_.temperature;
  options.seed = spec_.seed;
  options.max_draft = spec_.draft.kind == "none" ? 0 : spec_.draft.tokens;
  options.real_time = spec_.real_time;
  return std::make_unique<EngineExecutor>(*model_, make_drafter(), std::move(prompts), options, record);
}

}  // namespace tokenfab::engine
