#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What makes a factory's replicas come and go, and what its gateway knows of them.
namespace tokenfab {

enum class ScalingPolicy : std::uint8_t { reactive, predictive, scheduled, oracle };
inline constexpr std::array<const char*, 4> kScalingPolicyNames = {"reactive", "predictive", "scheduled", "oracle"};

/// What `target` counts, per ready replica: requests in the pool and at the gateway, waiting or running, or requests
/// a second arriving at the gateway. Both are measured before any queue, so a pool that is full still grows.
enum class ScalingSignal : std::uint8_t { outstanding, rate };
inline constexpr std::array<const char*, 2> kScalingSignalNames = {"outstanding", "rate"};

struct ScheduledReplicas {
  double at_s = 0;  // within the period
  int replicas = 0;
};

struct ScalingSpec {
  ScalingPolicy policy = ScalingPolicy::reactive;
  ScalingSignal signal = ScalingSignal::outstanding;
  int min = 1, max = 1;
  double target = 1;
  double interval_s = 15;                   // between decisions
  double window_s = 60;                     // over which arrivals are counted
  double cooldown_s = 300;                  // fewer replicas only when so many were enough for so long
  double cold_start_s = 0;                  // from the decision to the first request
  double lead_s = 0;                        // looks ahead this much further than the cold start
  double season_s = 0;                      // predictive: what was a season ago will be again; 0: Holt's trend
  std::vector<ScheduledReplicas> schedule;  // in order of time; before the first entry the last one holds
  double period_s = 86400;                  // of the schedule
};

/// Capacity that its owner takes back: after an exponential time as a ready replica comes the notice, after that the
/// end. In a pool without autoscaling the replacement is ready `restart_s` later, and paid for meanwhile.
struct SpotSpec {
  double hazard_per_hour = 0, notice_s = 0, restart_s = 0;
};

struct OutageSpec {
  double from_s = 0, to_s = 0;  // no replica of the pool works; they are paid for all the same
};

/// The fleet's side of a pool.
struct PoolFleetSpec {
  std::optional<ScalingSpec> scaling;
  std::optional<SpotSpec> spot;
  std::vector<OutageSpec> outages;  // in order, apart; not with the two above
  std::string region;
  std::vector<double> rtt_s;  // from the clients of each region, and back; empty: none
  double price = 0;
  std::string price_unit;  // empty: no price
  double quality = 0;      // of answers, any scale; 0: not declared
  /// Whether replicas come and go.
  bool moves() const { return scaling || spot || !outages.empty(); }
};

struct GatewaySpec {
  bool present = false;              // requests pass a gateway, whatever the pools do
  std::int64_t queue = 0;            // requests waiting there for a ready replica before more are rejected; 0: no limit
  double exclude_s = 30;             // a pool that failed a request gets none for so long
  std::vector<std::string> regions;  // of clients
  std::vector<double> quality_floors;  // by priority; beyond: none
  double peak_window_s = 3600;         // of the demands whose peaks are compared
};

}  // namespace tokenfab
