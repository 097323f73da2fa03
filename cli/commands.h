#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// One function per subcommand; each prints to stdout and throws on failure. main() maps exceptions to exit codes.
namespace tokenfab::cli {

struct ScenarioArgs {
  std::string path;
  std::vector<std::string> set;
  std::optional<std::uint64_t> seed;
  std::string trace;
};

struct RunArgs {
  ScenarioArgs scenario;
  std::string output;
  bool stepwise = false, json = false, no_bands = false;
  bool bases = false;  // rent and ownership side by side
  int jobs = 0;
  std::optional<bool> rows;
};
void run(const RunArgs& args);

struct ExplainArgs {
  ScenarioArgs scenario;
  bool json = false, topology = false;
  std::vector<std::string> broken;  // parts of the topology: chips, switches, links
  std::int64_t context = 1024;
};
void explain(const ExplainArgs& args);
void explain_topology(const ExplainArgs& args);

struct ReportArgs {
  std::string database, output = "report.html", format = "html";
};
void report(const ReportArgs& args);

struct PriceArgs {
  std::string database, plan;  // plan: a file or a provider
  std::vector<std::string> set;
  bool json = false;
  std::vector<std::string> compare;  // plans side by side: files, providers, or "own"
  std::string litellm, model;        // a price list in LiteLLM's shape, and the model to look up there
  std::string focus;                 // write the bills here in FOCUS' columns
  std::string focus_date = "1970-01-01";
  double budget_usd = 0;  // a month
  bool bases = false;     // rent and ownership side by side
};
void price(const PriceArgs& args);

struct CatalogArgs {
  std::string kind;
  std::string fit;           // a trace to compare the built-in workloads with
  std::string prefix_cache;  // a trace whose prefix blocks go through a cache
  std::vector<std::int64_t> capacities;
  std::int64_t block_tokens = 512;
  bool json = false;
};
void catalog(const CatalogArgs& args);
/// Hit rates of a cache of prefix blocks on the trace args.prefix_cache.
void prefix_cache(const CatalogArgs& args);

struct BenchArgs {
  bool json = false, quick = false;
};
void bench(const BenchArgs& args);

struct BreakEvenArgs {
  ScenarioArgs scenario;  // or a results file, or a customer's file
  int max_units = 16;
  bool release_idle = false, json = false;
};
void break_even(const BreakEvenArgs& args);

}  // namespace tokenfab::cli
