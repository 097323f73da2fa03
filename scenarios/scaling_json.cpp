#include "scenarios/scaling_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace tokenfab {
namespace {

/// What a replica waits for before its first request. Defaults: the middle of the range given.
struct ColdStartPart {
  const char* key;
  double low, high;  // seconds
};
constexpr std::array<ColdStartPart, 4> kColdStart = {
    {{"node", 60, 120}, {"driver", 20, 40}, {"image", 30, 90}, {"weights", 100, 300}}};
constexpr const char* kColdStartSource = "systemoverflow.com, undated: ";

double read_cold_start(const JsonObject& o, std::vector<Assumption>& assumptions) {
  if (o.has("cold_start_s") && !o.raw("cold_start_s").is_object()) return o.number_in("cold_start_s", 0, 1e6);
  const JsonObject parts = o.object_or_empty("cold_start_s");
  double sum = 0;
  for (const ColdStartPart& part : kColdStart) {
    const double middle = (part.low + part.high) / 2;
    if (!parts.has(part.key))
      assumptions.push_back(
          {o.pointer() + "/cold_start_s/" + part.key, shortest(middle),
           kColdStartSource + shortest(part.low) + " to " + shortest(part.high) + " s; the middle of the range"});
    sum += parts.number_in(part.key, 0, 1e6, middle);
  }
  parts.finish();
  return sum;
}

template <std::size_t N>
std::size_t read_name(const JsonObject& o, const std::string& key, const std::array<const char*, N>& names) {
  const std::vector<std::string> all(names.begin(), names.end());
  const std::string name = o.one_of(key, all, all.front());
  return static_cast<std::size_t>(std::find(all.begin(), all.end(), name) - all.begin());
}

void read_schedule(const JsonObject& o, ScalingSpec& s) {
  s.period_s = o.number_in("period_s", 1e-3, 1e9, 86400);
  double last = -1;
  for (const JsonObject& entry : o.objects("schedule")) {
    const ScheduledReplicas next{entry.number_in("at_s", 0, 1e9),
                                 static_cast<int>(entry.integer("replicas", 0, 100'000))};
    if (next.at_s <= last || next.at_s >= s.period_s)
      entry.fail("at_s", "is not above the entry before it and below period_s");
    last = next.at_s;
    s.schedule.push_back(next);
    entry.finish();
  }
  const bool scheduled = s.policy == ScalingPolicy::scheduled;
  if (scheduled == s.schedule.empty())
    o.fail("schedule", scheduled ? "is needed with the policy \"scheduled\"" : "is of the policy \"scheduled\" only");
}

}  // namespace

double noted(const JsonObject& o, const std::string& key, double low, double high, double fallback,
             const std::string& why, std::vector<Assumption>& assumptions) {
  if (!o.has(key)) assumptions.push_back({o.pointer() + "/" + key, shortest(fallback), why});
  return o.number_in(key, low, high, fallback);
}

ScalingSpec read_scaling(const JsonObject& o, std::vector<Assumption>& assumptions) {
  ScalingSpec s;
  s.policy = static_cast<ScalingPolicy>(read_name(o, "policy", kScalingPolicyNames));
  s.signal = static_cast<ScalingSignal>(read_name(o, "signal", kScalingSignalNames));
  s.min = static_cast<int>(o.integer("min", 0, 100'000, 1));
  s.max = static_cast<int>(o.integer("max", 1, 100'000));
  if (s.max < s.min) o.fail("max", std::to_string(s.max) + " is below min, " + std::to_string(s.min));
  if (s.policy == ScalingPolicy::scheduled) (void)o.number_in("target", 1e-9, 1e9, 1);
  else s.target = o.number_in("target", 1e-9, 1e9);
  s.interval_s = noted(o, "interval_s", 1e-3, 1e6, 15, "the period of Kubernetes' autoscaler; recalled", assumptions);
  s.window_s = noted(o, "window_s", 1e-3, 1e6, 60, "arrivals are counted over a minute: assumption", assumptions);
  s.cooldown_s = noted(o, "cooldown_s", 0, 1e6, 300, "Kubernetes' window before a pool shrinks; recalled", assumptions);
  s.cold_start_s = read_cold_start(o, assumptions);
  s.lead_s = o.number_in("lead_s", 0, 1e6, 0);
  s.season_s = o.number_in("season_s", 0, 1e9, 0);
  if (s.season_s > 0 && s.policy != ScalingPolicy::predictive) o.fail("season_s", "is of the policy \"predictive\"");
  if (s.season_s > 0 && std::fabs(std::remainder(s.season_s, s.interval_s)) > 1e-9 * s.season_s)
    o.fail("season_s", shortest(s.season_s) + " is not a multiple of interval_s, " + shortest(s.interval_s));
  read_schedule(o, s);
  o.finish();
  return s;
}

}  // namespace tokenfab
