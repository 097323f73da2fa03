// Workloads of clients and of sessions in a scenario: schema and loader agree, and what they say is what runs.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/runner.h"
#include "scenarios/scenario.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const std::string kSchema = std::string(TOKENFAB_SOURCE_DIR) + "/scenarios/schema/scenario.schema.json";

const json kSessions = json::parse(R"({"users": 3, "max_sessions": 6, "turns": {"uniform": [1, 4]},
  "first_prompt_tokens": 200, "new_tokens": {"geometric": 20}, "output_tokens": 30, "think_ms": 2000})");
const json kClients = json::parse(R"({"rate": 5, "duration_s": 20, "groups": [
    {"share": 2, "count": 3, "law": "gamma", "cv": 2, "input_tokens": 100, "output_tokens": 10},
    {"share": 1, "input_tokens": {"uniform": [10, 20]}, "output_tokens": 1}],
  "images": {"share": 0.5, "per_request": 2, "tokens_each": 100},
  "classes": [{"name": "chat", "share": 1}, {"name": "batch", "share": 1, "priority": 3, "deadline_s": 60}],
  "variants": {"count": 8, "zipf": 1}})");

json scenario(const std::string& kind, const json& workload) {
  return {{"workload", {{kind, workload}}},
          {"pools", {{{"llm", "llama-3.1-8b"}, {"chip", "h100-sxm"}, {"supply", {{"rent", "on-demand"}}}}}}};
}

json with(json base, const std::string& pointer, const json& value) {
  base[json::json_pointer(pointer)] = value;
  return base;
}

bool loader_accepts(const json& s) {
  try {
    parse_scenario(s.dump(), "s.json", {});
    return true;
  } catch (const UserError&) {
    return false;
  }
}

void both(bool accept, const std::string& kind, const json& workload) {
  CAPTURE(workload);
  CHECK(testing::schema_accepts(kSchema, scenario(kind, workload)) == accept);
  CHECK(loader_accepts(scenario(kind, workload)) == accept);
}

RunRecord run(const json& s, bool stepwise) {
  const Scenario parsed = parse_scenario(s.dump(), "s.json", {});
  RunOptions options;
  options.stepwise = stepwise;
  return run_once(parsed, parsed.alternatives[0], 0, options);
}

}  // namespace

TEST_CASE("schema and loader agree on clients and sessions") {
  both(true, "sessions", kSessions);
  both(true, "sessions", with(kSessions, "/think_ms", 0));
  both(true, "sessions", with(kSessions, "/shared_prompt_tokens", 64));
  both(true, "clients", kClients);
  both(false, "sessions", with(kSessions, "/users", 0));
  both(false, "sessions", with(kSessions, "/user", 3));
  both(false, "sessions", with(kSessions, "/arrivals", {{"rate", 1}}));  // and "users"
  both(false, "sessions", with(kSessions, "/block_tokens", -1));
  both(false, "sessions", with(kSessions, "/turns", {{"normal", 3}}));
  both(false, "clients", with(kClients, "/groups", json::array()));
  both(false, "clients", with(kClients, "/groups/0/cv", 0));
  both(false, "clients", with(kClients, "/groups/0/law", "pareto"));
  both(false, "clients", with(kClients, "/classes/1/priority", 256));
  both(false, "clients", with(kClients, "/variants/count", 0));
  both(false, "clients", with(kClients, "/images/share", 1.1));
  both(false, "clients", with(kClients, "/images/tokens", 3));
}

TEST_CASE("transforms of arrivals do not go with a closed loop") {
  const json s = with(scenario("sessions", kSessions), "/workload/rate_scale", 2);
  CHECK_THROWS_WITH(parse_scenario(s.dump(), "s.json", {}), Contains("/workload") && Contains("rate_scale"));
}

TEST_CASE("a run of sessions reports them, by spans as by single steps") {
  const RunRecord a = run(scenario("sessions", kSessions), false), b = run(scenario("sessions", kSessions), true);
  REQUIRE(a.sessions);
  CHECK(a.sessions->started == 6);
  CHECK(a.sessions->finished == 6);
  CHECK(a.sessions->requests == a.offered);
  CHECK(a.sessions->requests_finished == a.served);
  CHECK(a.sessions->duration.sum() == b.sessions->duration.sum());
  CHECK(a.rows == b.rows);
  CHECK(a.served == a.offered);
  // A session lasts as long as its requests and the think times between them.
  Int128 sum = 0;
  for (const RequestRow& row : a.rows) sum += row.finish - row.arrival;
  CHECK(a.sessions->duration.sum() == sum + Int128{2'000'000'000} * (a.served - 6));
  CHECK_FALSE(run(scenario("clients", kClients), false).sessions);
}
