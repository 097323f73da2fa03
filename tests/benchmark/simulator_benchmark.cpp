// Google Benchmark of the hot path's parts; `tokenfab bench` times whole runs.
#include <benchmark/benchmark.h>

#include "sim/fleet/factory.h"
#include "sim/workload/generator.h"
#include "tests/support/deployments.h"

using namespace tokenfab;

namespace {

std::shared_ptr<const StepModel> model() {
  static const auto shared = [] {
    Deployment d = testing::deployment(testing::llama_8b(), testing::realistic_engine());
    d.token_budget = 2048;
    return std::make_shared<StepModel>(d);
  }();
  return shared;
}

GeneratorSpec poisson(double rate, std::int64_t requests) {
  GeneratorSpec g;
  g.arrivals.rate = rate;
  g.input = FixedLength{512};
  g.output = FixedLength{256};
  g.max_requests = requests;
  return g;
}

void whole_run(benchmark::State& state) {
  FactorySpec spec;
  BatcherSpec batcher;
  batcher.token_budget = 2048;
  batcher.kv_blocks = model()->memory().kv_blocks;
  spec.pools.push_back({"pool", model(), batcher, 1, {}});
  for (auto _ : state) {
    RunRecord record;
    simulate(spec, *make_generator(poisson(20, state.range(0))), record);
    benchmark::DoNotOptimize(record.served);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(whole_run)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void generate_poisson(benchmark::State& state) {
  const auto source = make_generator(poisson(20, INT64_MAX));
  RequestBatch batch;
  for (auto _ : state) source->read(batch, 4096);
  state.SetItemsProcessed(state.iterations() * 4096);
}
BENCHMARK(generate_poisson);

void evaluate_mixed_step(benchmark::State& state) {
  StepSums sums;
  sums.decode_sequences = 200;
  sums.decode_kv_tokens = 120000;
  sums.prefill_tokens = sums.prefill_kv_tokens = 512;
  sums.prefill_sequences = sums.prefill_outputs = 1;
  sums.prefill_attention = 512 * 513 / 2;
  StepSeconds out;
  for (auto _ : state) {
    model()->evaluate(sums, out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(evaluate_mixed_step);

void span_in_closed_form(benchmark::State& state) {
  const KvLine& line = model()->decode_line(200);
  std::int64_t kv = 100000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(line.sum(kv, 200, state.range(0)));
    benchmark::DoNotOptimize(line.steps_to_reach(kv, 200, line.sum(kv, 200, state.range(0)) - 1, 1 << 20));
    kv = 100000 + (kv + 7919) % 50000;
  }
}
BENCHMARK(span_in_closed_form)->Arg(2)->Arg(100);

}  // namespace

BENCHMARK_MAIN();
