// Autoscalers on random demand.
#include <rapidcheck.h>

#include "sim/market/capacity.h"
#include "tests/catch.h"

using namespace tokenfab::market;

namespace {

/// Days that resemble each other, with noise and an occasional surge.
std::vector<double> any_demand(double step_h) {
  const auto per_day = static_cast<std::size_t>(24 / step_h);
  std::vector<double> day, out;
  for (std::size_t k = 0; k < per_day; ++k) day.push_back(*rc::gen::inRange(0, 400) / 20.0);
  for (int d = *rc::gen::inRange(1, 5); d > 0; --d)
    for (std::size_t k = 0; k < per_day; ++k)
      out.push_back(day[k] * *rc::gen::inRange(5, 15) / 10.0 * (*rc::gen::inRange(0, 30) == 0 ? 3 : 1));
  return out;
}

CapacityRun run(CapacityRule rule, double cold_start_h, double target_load, const std::vector<double>& demand,
                double step_h) {
  CapacityPolicy p;
  p.rule = rule;
  p.cold_start_h = cold_start_h;
  p.target_load = target_load;
  return run_capacity(p, demand, step_h);
}

}  // namespace

TEST_CASE("reactive attains at most what predictive does, and that at most what the oracle does, which is all") {
  CHECK(rc::check([] {
    const double step_h = *rc::gen::element(1.0, 0.25), cold = *rc::gen::inRange(1, 40) / 10.0;
    const double target = *rc::gen::element(1.0, 0.8);
    const auto demand = any_demand(step_h);
    const CapacityRun reactive = run(CapacityRule::reactive, cold, target, demand, step_h),
                      predictive = run(CapacityRule::predictive, cold, target, demand, step_h),
                      oracle = run(CapacityRule::oracle, cold, target, demand, step_h);
    RC_ASSERT(reactive.served <= predictive.served + 1e-6);
    RC_ASSERT(predictive.served <= oracle.served + 1e-6);
    RC_ASSERT(std::fabs(oracle.served - oracle.demanded) < 1e-6);
    RC_ASSERT(reactive.paid_replica_steps <= predictive.paid_replica_steps);
    RC_ASSERT(reactive.paid_replica_steps <= oracle.paid_replica_steps);
  }));
}

TEST_CASE("without a cold start all three are the same and serve everything") {
  CHECK(rc::check([] {
    const auto demand = any_demand(1);
    const CapacityRun reactive = run(CapacityRule::reactive, 0, 1, demand, 1),
                      predictive = run(CapacityRule::predictive, 0, 1, demand, 1),
                      oracle = run(CapacityRule::oracle, 0, 1, demand, 1);
    RC_ASSERT(std::fabs(reactive.served - reactive.demanded) < 1e-6);
    RC_ASSERT(reactive.served == predictive.served && predictive.served == oracle.served);
    RC_ASSERT(reactive.paid_replica_steps == predictive.paid_replica_steps);
    RC_ASSERT(predictive.paid_replica_steps == oracle.paid_replica_steps);
  }));
}

TEST_CASE("a cold start costs a reactive fleet the surge, a forecast of the same time yesterday saves it") {
  std::vector<double> demand;
  for (int day = 0; day < 4; ++day)
    for (int h = 0; h < 24; ++h) demand.push_back(h >= 9 && h < 17 ? 10 : 2);
  // 20 minutes of each morning's first hour for 8 of 10 replicas' work, four days long.
  const CapacityRun reactive = run(CapacityRule::reactive, 1.0 / 3, 1, demand, 1);
  CHECK(reactive.demanded - reactive.served == Approx(4 * 8 / 3.0));
  const CapacityRun predictive = run(CapacityRule::predictive, 1.0 / 3, 1, demand, 1);
  CHECK(predictive.demanded - predictive.served == Approx(8 / 3.0));  // the first morning only
  CHECK(predictive.paid_replica_steps == reactive.paid_replica_steps + 3 * 8);
}

TEST_CASE("fixed and scheduled fleets are what they say") {
  std::vector<double> demand(168, 3.0);
  CapacityPolicy p;
  p.rule = CapacityRule::fixed;
  p.replicas = 2;
  CHECK(run_capacity(p, demand, 1).attainment() == Approx(2.0 / 3));
  p.rule = CapacityRule::scheduled;
  for (int h = 0; h < 168; ++h) p.schedule.push_back(h < 84 ? 1 : 5);
  const CapacityRun r = run_capacity(p, demand, 1);
  CHECK(r.served == Approx(84 * 1 + 84 * 3));
  CHECK(r.paid_replica_steps == 84 * 1 + 84 * 5);
}
