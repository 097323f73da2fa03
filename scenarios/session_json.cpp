#include "scenarios/session_json.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/generator_json.h"
#include "scenarios/workload_plan.h"

namespace tokenfab {
namespace {

SessionPopulation read_population(const JsonObject& o, bool needs_end) {
  SessionPopulation p;
  if (o.has("users") == o.has("arrivals")) o.fail("", "needs \"users\" or \"arrivals\", one of them");
  if (o.has("users")) {
    p.users = o.integer("users", 1, 10'000'000);
    p.start_within_s = o.number_in("start_within_s", 0, 1e9, 0);
  } else {
    p.arrivals = read_arrivals(o.object("arrivals"));
  }
  p.max_sessions = o.integer("max_sessions", 1, UINT32_MAX - 1, 0);
  p.duration_s = o.number_in("duration_s", 0, 1e9, 0);
  if (needs_end && p.max_sessions == 0 && p.duration_s == 0) o.fail("", "needs \"max_sessions\" or \"duration_s\"");
  return p;
}

void read_laws(const JsonObject& o, SessionSpec& s) {
  s.turns = read_lengths(o, "turns");
  s.first_prompt = read_lengths(o, "first_prompt_tokens");
  s.new_tokens = read_lengths(o, "new_tokens");
  s.output = read_lengths(o, "output_tokens");
  if (o.has("think_ms") && o.raw("think_ms") != 0) s.think_ms = read_lengths(o, "think_ms");
  s.shared_prompt_tokens = o.integer("shared_prompt_tokens", 0, kMaxTokens, 0);
  s.max_context_tokens = o.integer("max_context_tokens", 0, kMaxTokens, 0);
  s.block_tokens = o.integer("block_tokens", 0, kMaxTokens, s.block_tokens);
}

void read_recorded(const JsonObject& o, SessionsPlan& plan) {
  const std::string path = resolve_path(o.string("trace"), o.file());
  if (!std::filesystem::exists(path)) throw UserError(path + ": no such trace file");
  plan.recorded = read_sessions(path);
  std::int64_t requests = 0;
  for (const RecordedSession& s : *plan.recorded) requests += static_cast<std::int64_t>(s.turns.size());
  const auto sessions = static_cast<std::int64_t>(plan.recorded->size());
  const SessionPopulation& p = plan.spec.population;
  const std::int64_t wanted = p.max_sessions > 0 || p.duration_s > 0 ? expected_sessions(p) : sessions;
  plan.expected_requests = requests * wanted / sessions;
}

}  // namespace

SessionsPlan read_sessions(const JsonObject& o) {
  SessionsPlan plan;
  const bool recorded = o.has("trace");
  plan.spec.population = read_population(o, !recorded);
  if (recorded) read_recorded(o, plan);
  else read_laws(o, plan.spec);
  o.finish();
  if (recorded) return plan;
  try {
    make_sessions(plan.spec);
  } catch (const UserError& e) {
    o.fail("", e.what());
  }
  const double requests = static_cast<double>(expected_sessions(plan.spec.population)) * mean_length(plan.spec.turns);
  plan.expected_requests = static_cast<std::int64_t>(std::min(requests, 9e18));
  return plan;
}

}  // namespace tokenfab
