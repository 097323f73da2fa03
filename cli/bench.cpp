#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/shown.h"
#include "scenarios/scenario.h"
#include "sim/fleet/factory.h"
#include "sim/workload/generator.h"
#include "sim/workload/trace.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Llama-3.1-8B in bf16 on one H100, chunked prefill, 256 sequences, 2,048 tokens a step.
FactorySpec standard_factory() {
  static constexpr const char* kText = R"({"workload": {"use": "azure-conv-2023"}, "pools": [{
    "llm": "llama-3.1-8b", "chip": "h100-sxm", "engine": "vllm",
    "batcher": {"policy": "chunked", "max_sequences": 256, "token_budget": 2048}}]})";
  const Scenario scenario = parse_scenario(kText, "bench", {});
  FactorySpec spec;
  for (const auto& pool : scenario.alternatives[0].pools) spec.pools.push_back(pool.spec);
  return spec;
}

GeneratorSpec poisson(double rate, std::int64_t requests) {
  GeneratorSpec g;
  g.arrivals.rate = rate;
  g.arrivals.all_at_once = rate <= 0;
  g.input = FixedLength{512};
  g.output = FixedLength{256};
  g.max_requests = requests;
  return g;
}

/// Requests per second that the factory finishes with a full queue.
double capacity(const FactorySpec& spec) {
  constexpr std::int64_t kRequests = 4000;
  RunRecord record;
  simulate(spec, *make_generator(poisson(0, kRequests)), record);
  return static_cast<double>(kRequests) / record.makespan_s;
}

json timed(const std::string& name, const FactorySpec& spec, RequestSource& source) {
  RunRecord record;
  const double start = cpu_seconds();
  simulate(spec, source, record);
  const double cpu = cpu_seconds() - start;
  return {{"name", name},
          {"requests", record.offered},
          {"cpu_s", cpu},
          {"requests_per_cpu_s", static_cast<double>(record.offered) / cpu},
          {"output_tokens_per_cpu_s", static_cast<double>(record.output_served) / cpu},
          {"simulated_s", record.makespan_s},
          {"busy_share", record.pools[0].busy_chip_seconds / record.pools[0].paid_chip_seconds},
          {"peak_rss_mib", peak_mib()}};
}

/// Requests kept in memory, so that reading a file is not timed.
class Recorded final : public RequestSource {
 public:
  explicit Recorded(RequestSource& source) {
    RequestBatch batch;
    for (source.read(batch, 65536); !batch.requests.empty(); source.read(batch, 65536))
      all_.insert(all_.end(), batch.requests.begin(), batch.requests.end());
  }
  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    const std::size_t n = std::min(limit, all_.size() - next_);
    batch.requests.assign(all_.begin() + static_cast<std::ptrdiff_t>(next_),
                          all_.begin() + static_cast<std::ptrdiff_t>(next_ + n));
    next_ += n;
  }

 private:
  std::vector<Request> all_;
  std::size_t next_ = 0;
};

/// FNV-1a over whole numbers.
class Hash {
 public:
  void add(std::int64_t value) {
    for (int i = 0; i < 8; ++i) {
      state_ ^= static_cast<std::uint64_t>(value >> (8 * i)) & 0xff;
      state_ *= 0x100000001b3ull;
    }
  }
  std::string text() const { return shown("{:016x}", state_); }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ull;
};

/// Every request's times under each policy and router, with scarce KV blocks and bursts: changes only when behaviour
/// (or the catalogue's figures) change.
std::string signature() {
  Hash hash;
  for (const char* policy : {"chunked", "prefill-first", "static"}) {
    for (const char* router : {"round-robin", "least-outstanding", "power-of-two"}) {
      FactorySpec spec = standard_factory();
      spec.router = router;
      spec.pools[0].replicas = 2;
      BatcherSpec& b = spec.pools[0].batcher;
      b.policy = policy;
      b.max_sequences = 64;
      b.kv_blocks = 2000;
      b.watermark_blocks = 20;
      b.token_budget = policy == std::string("chunked") ? 1024 : 8192;
      GeneratorSpec g = poisson(30, 2000);
      g.arrivals.law = GapLaw::gamma;
      g.arrivals.cv = 2;
      g.input = UniformLength{1, 3000};
      g.output = GeometricLength{150};
      RunRecord record;
      record.keeps_rows = true;
      simulate(spec, *make_generator(g), record);
      for (const auto& row : record.rows)
        for (const std::int64_t v : {row.id, row.first_token, row.finish, std::int64_t{row.preemptions}}) hash.add(v);
    }
  }
  return hash.text();
}

std::vector<json> measure_all(const BenchArgs& args) {
  const FactorySpec spec = standard_factory();
  const double rate = 0.7 * capacity(spec);
  std::vector<json> out;
  std::vector<std::pair<std::string, std::int64_t>> sizes = {{"poisson-1e4", 10'000}, {"poisson-1e6", 1'000'000}};
  if (!args.quick) sizes.emplace_back("poisson-1e7", 10'000'000);
  for (const auto& [name, n] : sizes) out.push_back(timed(name, spec, *make_generator(poisson(rate, n))));
  FactorySpec stepwise = spec;  // the same work one iteration at a time: what spans save
  stepwise.stepwise = true;
  out.push_back(timed("poisson-1e6-stepwise", stepwise, *make_generator(poisson(rate, 1'000'000))));
  out.push_back(timed("light-1e6", spec, *make_generator(poisson(0.02 * rate, 1'000'000))));
  out.push_back(timed("light-1e6-stepwise", stepwise, *make_generator(poisson(0.02 * rate, 1'000'000))));
  const char* data = std::getenv("TOKENFAB_DATA");
  const std::string trace = data ? std::string(data) + "/traces/AzureLLMInferenceTrace_conv.csv" : "";
  if (!trace.empty() && std::filesystem::exists(trace)) {
    TraceOptions options;
    options.path = trace;
    Recorded recorded(*open_trace(options));
    out.push_back(timed("azure-conv-2023-trace", spec, recorded));
  } else {
    std::cerr << "bench: TOKENFAB_DATA is not set: the recorded Azure trace is skipped\n";
  }
  return out;
}

}  // namespace

void bench(const BenchArgs& args) {
  const auto results = measure_all(args);
  const std::string hash = signature();
  if (args.json) {
    json out = {{"signature", hash}, {"workloads", results}};
    for (const auto& r : results) out["requests_per_cpu_s"][r["name"].get<std::string>()] = r["requests_per_cpu_s"];
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::vector<std::vector<std::string>> table = {
      {"workload", "requests", "CPU s", "requests/CPU s", "output tokens/CPU s", "busy", "peak MiB"}};
  for (const auto& r : results)
    table.push_back({r["name"], grouped(r["requests"].get<long long>()), shown("{:.3f}", r["cpu_s"].get<double>()),
                     grouped(static_cast<long long>(r["requests_per_cpu_s"].get<double>())),
                     grouped(static_cast<long long>(r["output_tokens_per_cpu_s"].get<double>())),
                     shown("{:.2f}", r["busy_share"].get<double>()), shown("{:.0f}", r["peak_rss_mib"].get<double>())});
  std::cout << text_table(table) << "signature " << hash << "\n";
}

}  // namespace tokenfab::cli
