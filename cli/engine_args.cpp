#include "base/error.h"
#include "base/text.h"
#include "cli/engine.h"
#include "cli/output_option.h"

namespace tokenfab::cli {

void add_engine_options(CLI::App& app, EngineArgs& a) {
  app.add_option("--backend", a.backend, "cpu or cuda");
  app.add_option("--threads", a.threads, "CPU threads; default: all cores")->check(CLI::Range(1, 4096));
  app.add_option("--model", a.model,
                 "A shape with random weights (tiny, tiny-moe, tiny-mla, llama-100m, llama-3-8b, ...) or a "
                 "folder with config.json and safetensors");
  app.add_option("--seed", a.seed, "Of random weights and of sampling")->check(CLI::NonNegativeNumber);
  app.add_option("--weights", a.weights, "bf16, int8, int4 or fp8");
  app.add_option("--kv", a.kv, "KV cache: bf16, int8, fp8 or f32");
  app.add_option("--temperature", a.temperature, "0: greedy")->check(CLI::Range(0.0, 100.0));
  app.add_option("--context", a.context, "Longest prompt + output")->check(CLI::Range(2, 1 << 20));
  app.add_option("--policy", a.policy, "chunked or prefill-first");
  app.add_option("--max-sequences", a.max_sequences, "Sequences in one step")->check(CLI::Range(1, 4096));
  app.add_option("--token-budget", a.token_budget, "Tokens in one step")->check(CLI::Range(1, 1 << 20));
  app.add_option("--kv-blocks", a.kv_blocks, "KV pages; default: room for 16 sequences of the whole context")
      ->check(CLI::Range(1, 1 << 28));
  app.add_option("--page-tokens", a.page_tokens, "Tokens in a KV page")->check(CLI::Range(1, 1024));
  app.add_flag("--prefix-cache", a.prefix_cache, "Prompts share the KV pages of a common prefix");
  app.add_option("--draft", a.draft, "Speculative decoding: none, ngram, layers, noisy or model");
  app.add_option("--draft-tokens", a.draft_tokens, "Tokens drafted per sequence and step")->check(CLI::Range(1, 63));
  app.add_option("--draft-branches", a.branches, "Choices at each depth; above 1 the draft is a tree")
      ->check(CLI::Range(1, 16));
  app.add_option("--draft-layers", a.draft_layers, "layers: how many of the target's first layers draft")
      ->check(CLI::Range(1, 4096));
  app.add_option("--draft-sigma", a.sigma, "noisy: noise on the weights, in their standard deviations")
      ->check(CLI::Range(0.0, 10.0));
  app.add_option("--draft-model", a.draft_model, "model: the draft model");
  app.add_flag("--fast", a.fast, "cuda: let reductions depend on the batch (default: deterministic)");
  app.add_flag("--json", a.json, "Print one JSON object");
}

engine::EngineSpec engine_spec(const EngineArgs& a) {
  engine::EngineSpec s;
  s.model = a.model;
  s.seed = a.seed;
  s.weights = engine::weight_type(a.weights);
  s.kv = engine::kv_type(a.kv);
  s.temperature = static_cast<float>(a.temperature);
  s.context = a.context;
  s.batcher.policy = a.policy;
  s.batcher.max_sequences = a.max_sequences;
  s.batcher.token_budget = a.policy == "chunked" ? a.token_budget : std::max(a.token_budget, a.context);
  s.batcher.kv_blocks = a.kv_blocks;
  s.batcher.kv_block_tokens = a.page_tokens;
  s.batcher.prefix_cache = a.prefix_cache;
  s.draft.kind = a.draft;
  s.draft.tokens = a.draft_tokens;
  s.draft.branches = a.branches;
  s.draft.layers = a.draft_layers;
  s.draft.sigma = static_cast<float>(a.sigma);
  s.draft.model = a.draft_model;
  if (a.draft == "model" && a.draft_model.empty()) throw UserError("--draft model needs --draft-model");
  return s;
}

std::unique_ptr<kernels::Backend> open_backend(const EngineArgs& a) {
  if (a.backend == "cpu") return kernels::make_cpu_backend(a.threads);
  if (a.backend != "cuda")
    throw UserError("backend \"" + a.backend + "\" is not known; allowed: cpu, cuda" +
                    nearest_hint(a.backend, {"cpu", "cuda"}));
  std::string why;
  auto backend = kernels::make_cuda_backend(why);
  if (!backend) throw UserError("no CUDA backend: " + why + "; use --backend cpu");
  backend->set_deterministic(!a.fast);
  return backend;
}

void add_engine(CLI::App& app) {
  auto* engine = app.add_subcommand("engine", "The reference engine: real inference on this machine");
  engine->require_subcommand(1);

  auto run = std::make_shared<EngineRunArgs>();
  auto* run_app = engine->add_subcommand("run", "Generate from token ids");
  add_engine_options(*run_app, run->engine);
  run_app->add_option("--tokens", run->tokens, "Prompt: token ids, separated by commas")->delimiter(',');
  run_app->add_option("--tokens-file", run->tokens_file,
                      "Prompt: token ids in a file, separated by white space or commas");
  run_app->add_option("--random", run->random, "Prompt: this many random tokens")->check(CLI::Range(1, 1 << 20));
  run_app->add_option("--output-tokens", run->output_tokens, "Tokens to generate")->check(CLI::Range(1, 1 << 20));
  run_app->add_option("--samples", run->samples, "Generate this often from one prompt, whose pages are shared")
      ->check(CLI::Range(1, 1024));
  run_app->callback([run] { engine_run(*run); });

  auto replay = std::make_shared<EngineReplayArgs>();
  auto* replay_app = engine->add_subcommand("replay", "Replay a request trace under the simulator's batcher");
  replay_app->add_option("trace", replay->trace, "Trace file, or a built-in workload such as azure-conv-2023")
      ->required();
  add_engine_options(*replay_app, replay->engine);
  add_output(*replay_app, "-o,--output", replay->output, "Write results to this SQLite file");
  add_output(*replay_app, "--log", replay->log, "Write a JSON line per step: batch sums and elapsed time");
  add_output(*replay_app, "--outputs", replay->outputs, "Write each request's tokens as JSON lines");
  replay_app->add_option("--requests", replay->requests, "At most this many")->check(CLI::Range(1, 1'000'000));
  replay_app->add_option("--max-input", replay->max_input, "Cap on prompt tokens")->check(CLI::Range(1, 1 << 20));
  replay_app->add_option("--max-output", replay->max_output, "Cap on output tokens")->check(CLI::Range(1, 1 << 20));
  replay_app->add_option("--rate-scale", replay->rate_scale, "Above 1: arrivals come faster")
      ->check(CLI::Range(1e-6, 1e9));
  replay_app->add_option("--shared-prefix", replay->shared, "The first tokens of every prompt are the same")
      ->check(CLI::Range(0, 1 << 20));
  replay_app->add_flag("--real-time", replay->real_time, "Wait for arrivals; default: idle time is skipped");
  replay_app->add_flag("--verify", replay->verify, "Then run each request alone and compare token for token");
  replay_app->callback([replay] { engine_replay(*replay); });

  auto measure = std::make_shared<EngineMeasureArgs>();
  auto* measure_app = engine->add_subcommand("measure", "Time operators and whole steps, for calibration");
  add_engine_options(*measure_app, measure->engine);
  measure->engine.model = "llama-100m";
  add_output(*measure_app, "-o,--output", measure->output, "JSON lines; a file that exists is continued");
  measure_app->add_option("--seconds", measure->seconds, "Begin no point after this")->check(CLI::Range(0.0, 1e6));
  measure_app->add_option("--most-batch", measure->most_batch, "Largest batch")->check(CLI::Range(1, 4096));
  measure_app->add_option("--most-context", measure->most_context, "Longest context")->check(CLI::Range(16, 1 << 20));
  measure_app->add_option("--most-prefill", measure->most_prefill, "Largest prefill chunk")
      ->check(CLI::Range(16, 1 << 20));
  measure_app->callback([measure] { engine_measure(*measure); });

  auto bench = std::make_shared<EngineBenchArgs>();
  auto* bench_app = engine->add_subcommand("bench", "Check every kernel, then time it against this machine's ceilings");
  bench_app->add_option("--backend", bench->backend, "cpu or cuda");
  bench_app->add_option("--size", bench->size, "Shapes: cpu or h200; default: the backend's");
  bench_app->add_option("--filter", bench->filter, "Only cases whose name contains this");
  add_output(*bench_app, "-o,--output", bench->output, "JSON lines; a file that exists is continued");
  bench_app->add_option("--seconds", bench->seconds, "Begin no case after this")->check(CLI::Range(0.0, 1e6));
  bench_app->add_flag("--dry-run", bench->dry_run, "Each case's bytes, FLOP and shortest time, without running it");
  bench_app->add_option("--gbps", bench->gbps, "dry run: bandwidth; default: an H200's")->check(CLI::PositiveNumber);
  bench_app->add_option("--tflops", bench->tflops, "dry run: peak; default: an H200's, dense bf16")
      ->check(CLI::PositiveNumber);
  bench_app->add_flag("--fast", bench->fast, "cuda: let reductions depend on the batch");
  bench_app->add_flag("--json", bench->json, "Print one JSON object");
  bench_app->callback([bench] { engine_bench(*bench); });

  auto quantize = std::make_shared<EngineQuantizeArgs>();
  auto* quantize_app = engine->add_subcommand("quantize", "What quantization does to a model's weights and logits");
  add_engine_options(*quantize_app, quantize->engine);
  quantize_app->add_option("--type", quantize->type, "int8, int4 or fp8");
  quantize_app->add_option("--method", quantize->method, "rtn (round to nearest) or gptq (calibrated int4)");
  quantize_app->add_option("--sequences", quantize->sequences, "Random sequences to compare on")
      ->check(CLI::Range(1, 10000));
  quantize_app->add_option("--length", quantize->length, "Tokens in each")->check(CLI::Range(1, 1 << 16));
  quantize_app->callback([quantize] { engine_quantize(*quantize); });
}

}  // namespace tokenfab::cli
