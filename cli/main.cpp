#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/escape.h"
#include "base/memory_budget.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/calibration.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/output_option.h"
#include "cli/terminal.h"

namespace {

using namespace tokenfab;

constexpr int kBadInput = 2, kInfeasible = 3, kOurBug = 70;

void add_scenario(CLI::App* app, cli::ScenarioArgs& args) {
  app->add_option("scenario", args.path, "Scenario file (JSON, comments allowed)")->required();
  app->add_option("--set", args.set, "Override a value: /json/pointer=value (may be repeated)")
      ->allow_extra_args(false);
  app->add_option("--seed", args.seed, "Random seed; default: the scenario's")->check(CLI::NonNegativeNumber);
  app->add_option("--trace", args.trace, "Replay this request trace instead of the scenario's workload");
}

/// Arguments end in results, reports and messages.
void check_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (!is_utf8(argv[i])) throw UserError("argument " + std::to_string(i) + ": " + argv[i] + ": is not UTF-8");
}

void add_memory_limit(CLI::App& app) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20, kMost = std::uint64_t{1} << 50;
  set_memory_budget(default_memory_budget());
  app.fallthrough();
  app.add_option_function<std::uint64_t>(
         "--max-memory", [](std::uint64_t bytes) { set_memory_budget(static_cast<std::int64_t>(bytes)); },
         "Memory that the run may use, such as 2G, at least 64M; default: three quarters of the machine's")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kLeast, kMost))
      ->type_name("SIZE");
}

/// What the contract promises but this version does not have yet.
void add_missing(CLI::App& app, const std::string& name, const std::string& what) {
  auto* sub = app.add_subcommand(name, what + " (not in this version)");
  sub->allow_extras()->fallthrough(false);
  sub->callback([name] { throw UserError("tokenfab " + name + ": not supported by this version"); });
}

int parse_and_run(int argc, char** argv) {
  check_arguments(argc, argv);
  CLI::App app{"tokenfab: what a token costs, and how fast it comes, on simulated LLM-inference hardware"};
  app.set_version_flag("--version", "tokenfab " TOKENFAB_VERSION);
  app.require_subcommand(1);
  add_memory_limit(app);

  cli::RunArgs run;
  auto* run_app = app.add_subcommand("run", "Replay a workload through a scenario's factories");
  add_scenario(run_app, run.scenario);
  cli::add_output(*run_app, "-o,--output", run.output, "Write results to this SQLite file");
  run_app->add_flag("--stepwise", run.stepwise, "Advance one iteration at a time (slow; same results)");
  run_app->add_option("--jobs", run.jobs, "Worker threads; default: all cores")->check(CLI::Range(1, 4096));
  run_app->add_flag_function(
      "--rows,!--no-rows", [&run](std::int64_t count) { run.rows = count > 0; },
      "Keep a row per request; default: under one million requests");
  run_app->add_flag("--no-bands", run.no_bands,
                    "No confidence bands: they simulate each alternative's first replication twice more");
  run_app->add_flag("--json", run.json, "Print one JSON object");
  run_app->add_flag("--bases", run.bases, "Show the factory rented and owned, by allocation and by usage cost");
  run_app->callback([&] { cli::run(run); });

  cli::ExplainArgs explain;
  auto* explain_app = app.add_subcommand("explain", "What bounds a step, and by how much");
  add_scenario(explain_app, explain.scenario);
  explain_app->add_option("--context", explain.context, "KV tokens per sequence in the example steps")
      ->check(CLI::Range(1, 10'000'000));
  explain_app->add_flag("--json", explain.json, "Print one JSON object");
  auto* topology = explain_app->add_flag("--topology", explain.topology,
                                         "Print the chips, switches and links of a replica of each pool (GraphViz)");
  explain_app->add_option("--broken", explain.broken, "A broken chip or link, e.g. server0/chip3 (may be repeated)")
      ->allow_extra_args(false)
      ->needs(topology);
  explain_app->callback([&] { explain.topology ? cli::explain_topology(explain) : cli::explain(explain); });

  cli::ReportArgs report;
  auto* report_app = app.add_subcommand("report", "Write a self-contained HTML report from results");
  report_app->add_option("results", report.database, "Results file (SQLite)")->required();
  cli::add_output(*report_app, "-o,--output", report.output, "Report file; default: report.html");
  report_app->add_option("--format", report.format, "html or json");
  report_app->callback([&] { cli::report(report); });

  cli::PriceArgs price;
  auto* price_app = app.add_subcommand("price", "Re-price recorded usage, without a new simulation");
  price_app->add_option("results", price.database, "Results file (SQLite)")->required();
  price_app->add_option("--plan", price.plan, "JSON file with \"plan\" and \"supply\", or a provider of the catalogue");
  price_app->add_option("--set", price.set, "Override: /plan/…=value or /supply/…=value")->allow_extra_args(false);
  price_app->add_flag("--json", price.json, "Print one JSON object");
  price_app->add_option("--compare", price.compare, "Plans side by side: files, providers or own, with commas")
      ->delimiter(',');
  auto* litellm = price_app->add_option("--litellm", price.litellm, "Prices from a list in LiteLLM's shape (JSON)");
  price_app->add_option("--model", price.model, "The model in that list; default: the run's")->needs(litellm);
  auto* focus =
      cli::add_output(*price_app, "--focus", price.focus, "Write the bill in the columns of FOCUS to this CSV file");
  price_app->add_option("--focus-date", price.focus_date, "The UTC day on which the run's clock starts")
      ->needs(focus)
      ->capture_default_str();
  price_app->add_option("--budget", price.budget_usd, "Judge a monthly budget of this many USD")
      ->check(CLI::PositiveNumber);
  price_app->add_flag("--bases", price.bases, "Show the factory rented and owned, by allocation and by usage cost");
  price_app->callback([&] { cli::price(price); });

  cli::CatalogArgs catalog;
  auto* catalog_app = app.add_subcommand("catalog", "List chips, llms, engines, calibrations, prices or workloads");
  catalog_app->add_option("kind", catalog.kind, "chips, llms, engines, calibrations, prices or workloads")->required();
  catalog_app->add_option("--fit", catalog.fit, "workloads: compare the built-in ones with this trace");
  catalog_app->add_option("--prefix-cache", catalog.prefix_cache,
                          "workloads: hit rates of a cache of prefix blocks on this trace with hash_ids");
  catalog_app
      ->add_option("--capacity", catalog.capacities, "Blocks that the cache holds, several with commas; 0: no limit")
      ->delimiter(',')
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  catalog_app->add_option("--block-tokens", catalog.block_tokens, "Tokens per prefix block")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  catalog_app->add_flag("--json", catalog.json, "Print one JSON object");
  catalog_app->callback([&] { cli::catalog(catalog); });

  cli::BenchArgs bench;
  auto* bench_app = app.add_subcommand("bench", "The simulator's own speed and its signature");
  bench_app->add_flag("--json", bench.json, "Print one JSON object");
  bench_app->add_flag("--quick", bench.quick, "Skip the workloads above a million requests");
  bench_app->callback([&] { cli::bench(bench); });

  cli::BreakEvenArgs break_even;
  auto* break_even_app =
      app.add_subcommand("breakeven", "Price, utilisation and volume at which a factory, or a customer, breaks even");
  add_scenario(break_even_app, break_even.scenario);
  break_even_app
      ->add_option("--max-replicas", break_even.max_units, "Largest factory to look at, in replicas of its pool")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  break_even_app->add_flag("--release-idle", break_even.release_idle,
                           "Rented capacity is given back while idle: pay for utilisation, not for whole replicas");
  break_even_app->add_flag("--json", break_even.json, "Print one JSON object");
  break_even_app->callback([&] { cli::break_even(break_even); });

  cli::add_engine(app);
  cli::add_calibration(app);
  cli::add_validation(app);
  cli::add_audit(app);

  add_missing(app, "sweep", "Run every point of a sweep");
  add_missing(app, "compare", "Compare result files");

  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    throw UserError(std::string(e.what()) + " (see tokenfab --help)");
  }
}

int fail(int code, const std::string& why) {
  std::cerr << "tokenfab: " << one_line(why) << "\n";
  return code;
}

int fail_for_memory() {
  return fail(kInfeasible, "infeasible: memory: more is needed than the budget of " +
                               metric(static_cast<double>(memory_budget())) + "B (--max-memory)");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const cli::PrintableOnly printable(std::cout);
    const int code = parse_and_run(argc, argv);
    std::cout.flush();
    return std::cout ? code : fail(kBadInput, "standard output cannot be written");
  } catch (const UserError& e) {
    return fail(kBadInput, e.what());
  } catch (const Infeasible& e) {
    return fail(kInfeasible, std::string("infeasible: ") + e.what());
  } catch (const std::filesystem::filesystem_error& e) {  // a path that the system does not take
    return fail(kBadInput, e.path1().string() + ": " + e.code().message());
  } catch (const std::bad_alloc&) {
    return fail_for_memory();
  } catch (const std::system_error& e) {  // a thread's stack that does not fit
    const bool memory =
        e.code() == std::errc::resource_unavailable_try_again || e.code() == std::errc::not_enough_memory;
    return memory ? fail_for_memory() : fail(kOurBug, std::string("internal error: ") + e.what());
  } catch (const std::exception& e) {
    return fail(kOurBug, std::string("internal error: ") + e.what());
  }
}
