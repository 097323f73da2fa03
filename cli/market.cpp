#include "cli/market.h"

#include <iostream>

#include "cli/market_text.h"
#include "reports/market_db.h"
#include "scenarios/market.h"

namespace tokenfab::cli {

void run_market_scenario(const RunArgs& args) {
  const MarketPlan plan = load_market(args.scenario.path, {args.scenario.set, args.scenario.seed, args.scenario.trace});
  RunOptions options;
  options.stepwise = args.stepwise;
  options.jobs = args.jobs;
  const MarketRecord record = run_market(plan, options);
  if (!args.output.empty()) write_market(args.output, TOKENFAB_VERSION, record);
  std::cout << (args.json ? market_json(record) : market_text(record));
}

}  // namespace tokenfab::cli
