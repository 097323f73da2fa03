#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

// tokenfab engine ...: the reference engine that really runs.
namespace tokenfab::cli {

/// Options that every engine command shares.
struct EngineArgs {
  std::string backend = "cpu", model = "tiny", weights = "bf16", kv = "bf16", policy = "chunked", draft = "none";
  std::string draft_model;
  std::uint64_t seed = 1;
  int threads = 0;
  double temperature = 0;
  std::int64_t context = 2048, max_sequences = 16, token_budget = 256, kv_blocks = 0;
  int page_tokens = 16, draft_tokens = 4, branches = 1, draft_layers = 0;
  double sigma = 0.1;
  bool prefix_cache = false, fast = false, json = false;
};
void add_engine_options(CLI::App& app, EngineArgs& args);
engine::EngineSpec engine_spec(const EngineArgs& args);
/// UserError where the backend is unknown, or CUDA is missing (with the reason).
std::unique_ptr<kernels::Backend> open_backend(const EngineArgs& args);

struct EngineRunArgs {
  EngineArgs engine;
  std::vector<std::int32_t> tokens;
  std::string tokens_file;
  std::int64_t random = 0, output_tokens = 32, samples = 1;
};
void engine_run(const EngineRunArgs& args);

struct EngineReplayArgs {
  EngineArgs engine;
  std::string trace, output, log, outputs;
  std::int64_t requests = 200, shared = 0;
  int max_input = 0, max_output = 0;
  double rate_scale = 1;
  bool real_time = false, verify = false;
};
void engine_replay(const EngineReplayArgs& args);

struct EngineMeasureArgs {
  EngineArgs engine;
  std::string output = "measurements.jsonl";
  double seconds = 60;
  std::int64_t most_batch = 16, most_context = 1024, most_prefill = 512;
  bool quiet = false;
};
void engine_measure(const EngineMeasureArgs& args);

struct EngineBenchArgs {
  std::string backend = "cpu", size, filter, output;
  double seconds = 60, gbps = 4800, tflops = 989;
  bool fast = false, dry_run = false, json = false;
};
void engine_bench(const EngineBenchArgs& args);

struct EngineQuantizeArgs {
  EngineArgs engine;
  std::string type = "int4", method = "rtn";
  std::int64_t sequences = 4, length = 128;
};
void engine_quantize(const EngineQuantizeArgs& args);

/// Adds `tokenfab engine` and its subcommands.
void add_engine(CLI::App& app);

}  // namespace tokenfab::cli
