#include "calibration/closed_loop.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/calibration.h"
#include "cli/shown.h"
#include "sim/workload/builtin.h"
#include "sim/workload/generator.h"
#include "sim/workload/trace.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::calibration;
using nlohmann::json;

std::unique_ptr<RequestSource> open_requests(const std::string& name) {
  const std::vector<std::string>& built_in = builtin_names();
  if (std::find(built_in.begin(), built_in.end(), name) != built_in.end())
    return make_generator(builtin_workload(name, 1, 0));
  TraceOptions options;
  options.path = name;
  return open_trace(options);
}

json error_json(const FitError& e) {
  return {{"median", e.median}, {"mean", e.mean}, {"p90", e.p90}, {"bias", e.bias}, {"n", e.n}};
}

void print_json(const ClosedLoop& loop, const ValidateArgs& args) {
  json out = {{"device", loop.device},
              {"model", loop.model},
              {"weights", args.engine.weights},
              {"kv", args.engine.kv},
              {"load", args.load},
              {"rounds", args.rounds},
              {"requests", loop.requests},
              {"steps", loop.steps},
              {"schedule_differences", loop.schedule_differences},
              {"iterations", error_json(loop.iterations)},
              {"decode", error_json(loop.decode)},
              {"mixed", error_json(loop.mixed)}};
  for (const SideBySide& m : loop.metrics)
    out["metrics"].push_back(
        {{"what", m.what}, {"measured", m.measured}, {"simulated", m.simulated}, {"error", m.error()}});
  for (const FitError& e : loop.calibration.errors) {
    json row = error_json(e);
    row["what"] = e.what;
    out["calibration_errors"].push_back(row);
  }
  std::cout << out.dump(2) << "\n";
}

void print_text(const ClosedLoop& loop, const ValidateArgs& args) {
  std::cout << shown("{} on {}: {} requests at {:.0f} % of capacity, {} rounds of measuring and running\n\n",
                     loop.model, loop.device, loop.requests, 100 * args.load, args.rounds);
  std::vector<FitError> errors = loop.calibration.errors;
  for (const FitError* e : {&loop.iterations, &loop.decode, &loop.mixed})
    if (e->n > 0) errors.push_back(*e);
  print_errors(errors);
  std::vector<std::vector<std::string>> rows = {{"the replay", "measured", "simulated", "error"}};
  for (const SideBySide& m : loop.metrics)
    rows.push_back(
        {m.what, shown("{:.4g}", m.measured), shown("{:.4g}", m.simulated), shown("{:+.1f} %", 100 * m.error())});
  std::cout << "\n" << text_table(rows);
  std::cout << shown("\nfed with the recorded step times, the simulator {} ({} steps, {} differences)\n",
                     loop.schedule_differences == 0 ? "takes the same decisions" : "decides otherwise", loop.steps,
                     loop.schedule_differences);
}

}  // namespace

void validate_closed_loop(const ValidateArgs& args) {
  ClosedLoopOptions options;
  options.engine = engine_spec(args.engine);
  if (options.engine.draft.kind != "none")
    throw UserError("--set closed-loop compares steps without drafts; leave out --draft");
  options.chip = args.chip;
  options.requests = args.requests;
  options.max_input = args.max_input, options.max_output = args.max_output;
  options.load = args.load;
  options.rounds = args.rounds;
  options.measure_seconds = args.seconds;
  const auto backend = open_backend(args.engine);
  const ClosedLoop loop = closed_loop(
      *backend, options, [&] { return open_requests(args.trace); }, Catalog::standard(),
      [](const std::string& what) { std::cerr << what << "\n"; });
  if (args.engine.json) print_json(loop, args);
  else print_text(loop, args);
  if (loop.schedule_differences > 0)
    throw InternalError("given the recorded step times, the simulator decided otherwise than the engine");
}

}  // namespace tokenfab::cli
