#include "engine/replay.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab::engine {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

void MemorySource::read(RequestBatch& batch, std::size_t limit) {
  batch.clear();
  const std::size_t count = std::min(limit, trace_.requests.size() - next_);
  const auto from = trace_.requests.begin() + static_cast<std::ptrdiff_t>(next_);
  batch.requests.assign(from, from + static_cast<std::ptrdiff_t>(count));
  next_ += count;
}

ReplayTrace fit_trace(RequestSource& source, const TraceFit& fit) {
  ReplayTrace trace;
  RequestBatch batch;
  const auto cap = [](std::int32_t& value, std::int32_t most) {
    return most > 0 && value > most ? (value = most, 1) : 0;
  };
  for (source.read(batch, 4096); !batch.requests.empty(); source.read(batch, 4096))
    for (Request r : batch.requests) {
      if (static_cast<std::int64_t>(trace.requests.size()) >= fit.requests) return trace;
      const auto first = batch.hash_ids.begin() + r.hash_begin;
      const std::vector<std::uint64_t> ids(first, first + r.hash_count);
      r.hash_begin = static_cast<std::uint32_t>(trace.hash_ids.size());
      trace.hash_ids.insert(trace.hash_ids.end(), ids.begin(), ids.end());
      const int in = cap(r.input_tokens, fit.max_input), out = cap(r.output_tokens, fit.max_output);
      trace.shortened += in + out > 0;
      r.cached_tokens = 0;
      r.arrival = static_cast<Ns>(static_cast<double>(r.arrival) / fit.rate_scale);
      r.id = static_cast<std::int64_t>(trace.requests.size());
      trace.requests.push_back(r);
    }
  return trace;
}

PromptSource synthetic_prompts(const ReplayTrace& trace, std::int64_t vocab, std::uint64_t seed, std::int64_t shared,
                               std::int64_t hash_tokens) {
  return [&trace, vocab, seed, shared, hash_tokens](std::int64_t request) {
    const Request& r = trace.requests.at(static_cast<std::size_t>(request));
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(r.input_tokens));
    for (std::int64_t j = 0; j < r.input_tokens; ++j) {
      const std::int64_t block = j / hash_tokens;
      std::uint64_t key = mix(static_cast<std::uint64_t>(r.id) + 1);
      if (block < r.hash_count) key = mix(trace.hash_ids[r.hash_begin + static_cast<std::size_t>(block)]);
      else if (j < shared) key = 0;
      const std::uint64_t place = static_cast<std::uint64_t>(block < r.hash_count ? j % hash_tokens : j);
      tokens[static_cast<std::size_t>(j)] =
          static_cast<std::int32_t>(mix(mix(seed ^ key) + place) % static_cast<std::uint64_t>(vocab));
    }
    return tokens;
  };
}

void replay(Engine& engine, const ReplayTrace& trace, const PromptSource& prompts, RunRecord& record, EngineRecord& log,
            const std::function<void(const SimulationProgress&)>& progress) {
  FactorySpec factory;
  PoolSpec pool;
  pool.name = "engine";
  pool.batcher = engine.spec().batcher;
  pool.executor = [&] { return engine.executor(prompts, log); };
  factory.pools.push_back(pool);
  factory.stepwise = true;
  MemorySource source(trace);
  simulate(factory, source, record, progress);
  PoolUsage& usage = record.pools.at(0);
  usage.llm = engine.spec().model;
  usage.chip = engine.model().backend().description();
  usage.engine = "tokenfab";
  usage.weights = kernels::name(engine.spec().weights);
  usage.kv = kernels::name(engine.spec().kv);
  usage.steps = static_cast<std::int64_t>(log.steps.size());
  record.provenance = "measured by our engine";
  usage.trust.grade = record.provenance;
  usage.trust.basis = "steps were run and timed, not predicted";
}

}  // namespace tokenfab::engine
