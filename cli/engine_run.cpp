#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_object.h"
#include "cli/engine.h"
#include "cli/shown.h"
#include "engine/replay.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::engine;

std::vector<std::int32_t> read_tokens(const std::string& path) {
  const std::string text = read_file(path, kMostJsonBytes);
  std::vector<std::int32_t> tokens;
  std::string word;
  for (const char c : text) {
    if (c >= '0' && c <= '9' && word.size() < 10) word += c;
    else if (c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      if (!word.empty()) tokens.push_back(static_cast<std::int32_t>(std::stoll(word))), word.clear();
    } else {
      throw UserError(path + ": token " + std::to_string(tokens.size() + 1) + " is not a number");
    }
  }
  if (!word.empty()) tokens.push_back(static_cast<std::int32_t>(std::stoll(word)));
  return tokens;
}

std::vector<std::int32_t> prompt_of(const EngineRunArgs& args, std::int64_t vocab) {
  std::vector<std::int32_t> tokens = args.tokens;
  if (!args.tokens_file.empty()) tokens = read_tokens(args.tokens_file);
  if (tokens.empty()) {
    const std::int64_t count = args.random > 0 ? args.random : 16;
    for (std::int64_t i = 0; i < count; ++i)
      tokens.push_back(
          static_cast<std::int32_t>(uniform_draw(args.engine.seed, 0, i, Draw::token) * static_cast<float>(vocab)));
  }
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= vocab)
      throw UserError("token " + std::to_string(i + 1) + " is " + std::to_string(tokens[i]) + "; allowed: 0 to " +
                      std::to_string(vocab - 1));
  return tokens;
}

}  // namespace

void engine_run(const EngineRunArgs& args) {
  EngineArgs options = args.engine;
  const std::vector<std::int32_t> prompt = prompt_of(args, load_config(options.model).vocab);
  const std::int64_t needed = static_cast<std::int64_t>(prompt.size()) + args.output_tokens;
  options.context = std::max(options.context, needed);
  options.prefix_cache = options.prefix_cache || args.samples > 1;
  const auto backend = open_backend(options);
  Engine engine(*backend, engine_spec(options));
  ReplayTrace trace;
  for (std::int64_t s = 0; s < args.samples; ++s) {
    Request r;
    r.id = s;
    r.arrival = s > 0;  // the first sample computes the prompt, the others find its pages
    r.input_tokens = static_cast<std::int32_t>(prompt.size());
    r.output_tokens = static_cast<std::int32_t>(args.output_tokens);
    trace.requests.push_back(r);
  }
  RunRecord record;
  EngineRecord log;
  replay(
      engine, trace, [&](std::int64_t) { return prompt; }, record, log);
  if (record.rejected > 0) throw UserError("prompt and output do not fit the KV cache: raise --kv-blocks");
  const double ttft = record.latency.ttft.quantile(0.5) * 1e-9, tpot = record.latency.tpot.quantile(0.5) * 1e-9;
  if (args.engine.json) {
    nlohmann::json out = {{"model", options.model}, {"backend", backend->description()},
                          {"prompt", prompt},       {"ttft_s", ttft},
                          {"tpot_s", tpot},         {"reused_tokens", log.reused_tokens}};
    for (const auto& [id, tokens] : log.outputs) out["outputs"].push_back(tokens);
    std::cout << out.dump() << "\n";
    return;
  }
  for (const auto& [id, tokens] : log.outputs) {
    for (std::size_t i = 0; i < tokens.size(); ++i) std::cout << (i ? "," : "") << tokens[i];
    std::cout << "\n";
  }
  std::cerr << shown("{} on {}: {} prompt tokens, TTFT {:.1f} ms, TPOT {:.2f} ms ({:.1f} tokens/s per sequence)\n",
                     options.model, backend->description(), prompt.size(), ttft * 1e3, tpot * 1e3,
                     tpot > 0 ? 1 / tpot : 0);
}

}  // namespace tokenfab::cli
