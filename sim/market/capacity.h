#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

// How many replicas a provider keeps, step by step, when a new one takes time to become usable.
namespace tokenfab::market {

enum class CapacityRule {
  fixed,       // `replicas`, always
  scheduled,   // `schedule`, by hour of the week
  reactive,    // what the demand of this step needs
  predictive,  // the same, or what is forecast for the steps that a replica ordered now would become usable in
  oracle       // the same, with the demand itself instead of a forecast
};
inline constexpr std::array kCapacityRules = {"static", "scheduled", "reactive", "predictive", "oracle"};

struct CapacityPolicy {
  CapacityRule rule = CapacityRule::reactive;
  int replicas = 1;           // fixed
  std::vector<int> schedule;  // 168 numbers from Monday 0:00 UTC
  double target_load = 1;     // of a replica's capacity that is planned for, 0 to 1
  double cold_start_h = 0;    // from the order to the first token; paid for
  int least = 1, most = 1'000'000;
};

/// Replicas of one provider. Orders and releases take effect at the beginning of a step; the youngest go first.
class Fleet {
 public:
  /// Begins with `replicas` warm ones.
  Fleet(double step_h, double cold_start_h, int replicas);
  /// Call once per step, before usable(); then next_step().
  void set(int wanted);
  /// Replicas usable in this step, those that warm up during it by the part of it that is left.
  double usable() const;
  int paid() const;
  void next_step();

 private:
  struct Cohort {
    std::int64_t age;  // steps since the order; -1: warm from the beginning
    int replicas;
  };
  double usable_part(const Cohort& cohort) const;

  double step_h_, cold_start_h_;
  std::deque<Cohort> cohorts_;  // oldest first
};

/// Steps that a replica ordered now needs until it is usable for a whole step: ceil(cold start / step).
std::int64_t lead_steps(const CapacityPolicy& policy, double step_h);

/// Replicas that the policy wants in step `now`. `demand` in units of what a replica serves per step at capacity
/// (`demand[k] / target_load` replicas are needed in step k). Reactive reads demand[now], predictive demand[0..now]
/// (a seasonal forecast: the same time a week ago, else a day ago, scaled by now against then), oracle as far as
/// now + lead; it takes what lies beyond the end as it was last.
int wanted_replicas(const CapacityPolicy& policy, std::span<const double> demand, std::size_t now, double step_h);

struct CapacityRun {
  double demanded = 0, served = 0;  // replica-steps of work
  double paid_replica_steps = 0;
  double attainment() const { return demanded > 0 ? served / demanded : 1; }
};
/// Serves `demand` (replicas' worth of work per step) under a policy; work that finds no replica is lost. The fleet
/// starts as the policy wants it in step 0.
CapacityRun run_capacity(const CapacityPolicy& policy, std::span<const double> demand, double step_h);

}  // namespace tokenfab::market
