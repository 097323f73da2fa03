// Logs of API responses: no token counted twice, one response is one request, coarse clocks, columns of one's own.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/rng.h"
#include "sim/core/service_tier.h"
#include "sim/workload/trace.h"
#include "tests/catch.h"

using namespace tokenfab;
using Catch::Contains;

namespace {

struct Read {
  TraceReport report;
  std::vector<Request> requests;
};

Read read_log(const std::string& text, TraceOptions options = {}) {
  options.path = "log.jsonl";
  std::istringstream in(text);
  auto report = std::make_shared<TraceReport>();
  const auto source = open_trace(in, options, report);
  Read out;
  RequestBatch batch;
  for (source->read(batch, 1000); !batch.requests.empty(); source->read(batch, 1000))
    out.requests.insert(out.requests.end(), batch.requests.begin(), batch.requests.end());
  out.report = *report;
  return out;
}

Request one(std::string usage) {
  std::replace(usage.begin(), usage.end(), '\n', ' ');
  return read_log(R"({"created": 5, )" + usage + "}\n").requests.at(0);
}

void check(const Request& r, std::int32_t input, std::int32_t cached, std::int32_t written) {
  CHECK(r.input_tokens == input);
  CHECK(r.cached_tokens == cached);
  CHECK(r.written_tokens == written);
}

}  // namespace

TEST_CASE("whatever the names, the parts of a prompt are in it once") {
  check(one(R"("prompt_tokens": 100, "completion_tokens": 1, "cache_read_input_tokens": 90)"), 100, 90, 0);
  check(one(R"("prompt_tokens": 100, "completion_tokens": 1, "cache_read_input_tokens": 90,
               "prompt_tokens_details": {"cached_tokens": 90})"),
        100, 90, 0);
  check(one(R"("prompt_tokens": 100, "completion_tokens": 1, "prompt_cache_hit_tokens": 60,
               "prompt_cache_miss_tokens": 40)"),
        100, 60, 0);
  check(one(R"("usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 80,
               "cache_creation_input_tokens": 7})"),
        97, 80, 7);
  check(one(R"("usage": {"input_tokens": 100, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 90},
               "cache_write_input_tokens": 7})"),
        100, 90, 7);
  // total_tokens tells, against the names.
  check(one(R"("prompt_tokens": 10, "completion_tokens": 1, "cache_read_input_tokens": 9, "total_tokens": 20)"), 19, 9,
        0);
  check(one(R"("usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 9, "total_tokens": 11})"),
        10, 9, 0);
  // More than the count cannot be in it.
  check(one(R"("prompt_tokens": 10, "completion_tokens": 1, "cache_read_input_tokens": 90)"), 100, 90, 0);
  const Request split = one(R"("usage": {"input_tokens": 1, "output_tokens": 9, "cache_creation_input_tokens": 50,
      "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
      "output_tokens_details": {"reasoning_tokens": 4}, "service_tier": "priority"})");
  check(split, 51, 0, 50);
  CHECK(split.written_hour_tokens == 30);
  CHECK(split.reasoning_tokens == 4);
  CHECK(service_tier_names().at(split.tier) == "priority");
  CHECK_THROWS_WITH(one(R"("prompt_tokens": 100, "completion_tokens": 1, "cache_read_input_tokens": 90,
                           "prompt_tokens_details": {"cached_tokens": 80})"),
                    Contains("they name the same tokens"));
  CHECK_THROWS_WITH(one(R"("prompt_tokens": 100, "completion_tokens": 1, "service_tier": "gold")"),
                    Contains("\"gold\"") && Contains("standard") && Contains("flex"));
}

TEST_CASE("any usage of either convention, told with or without its total, is read as the same prompt") {
  RandomStream random(3, 0, StreamPurpose::jitter);
  for (int i = 0; i < 2000; ++i) {
    const auto part = [&] { return static_cast<std::int64_t>(random.below(1000)); };
    const std::int64_t fresh = 1 + part(), read = part(), written = part(), output = 1 + part();
    const std::int64_t input = fresh + read + written;
    const auto n = [](std::int64_t x) { return std::to_string(x); };
    const std::string total = random.below(2) ? ", \"total_tokens\": " + n(input + output) : "";
    const std::string parts =
        ", \"cache_read_input_tokens\": " + n(read) + ", \"cache_creation_input_tokens\": " + n(written);
    const std::string apart =
        "\"usage\": {\"input_tokens\": " + n(fresh) + ", \"output_tokens\": " + n(output) + parts + total + "}";
    const std::string inside =
        "\"usage\": {\"prompt_tokens\": " + n(input) + ", \"completion_tokens\": " + n(output) + parts + total + "}";
    CAPTURE(apart, inside);
    for (const std::string& usage : {apart, inside})
      check(one(usage), static_cast<std::int32_t>(input), static_cast<std::int32_t>(read),
            static_cast<std::int32_t>(written));
  }
}

TEST_CASE("rows of one response are one request, of the most tokens, at the first one's time") {
  const auto row = [](int time, const std::string& id, int output) {
    return R"({"created": )" + std::to_string(time) + R"(, "id": ")" + id +
           R"(", "usage": {"input_tokens": 10, "output_tokens": )" + std::to_string(output) + "}}\n";
  };
  const std::string text = row(0, "a", 1) + row(3, "b", 5) + row(4, "a", 7) + row(5, "b", 2) + row(9, "c", 1);
  const Read r = read_log(text);
  REQUIRE(r.requests.size() == 3);
  CHECK(r.report.repeated == 2);
  CHECK(r.report.requests == 3);
  CHECK((r.requests[0].output_tokens == 7 && r.requests[0].arrival == 0));
  CHECK((r.requests[1].output_tokens == 5 && r.requests[1].arrival == 3'000'000'000));
  // Beyond what is held in memory, the same.
  std::string large = text;
  for (int i = 0; i < 270'000; ++i) large += row(10 + i / 100, "n" + std::to_string(i), 1);
  large += row(2800, "c", 8);
  const Read all = read_log(large);
  CHECK(all.requests.size() == 270'003);
  CHECK(all.report.repeated == 3);
  CHECK(all.requests[0].output_tokens == 7);
  CHECK(all.requests[2].output_tokens == 8);
}

TEST_CASE("whole seconds that requests share are spread, where asked for; two clocks are refused") {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += R"({"created": )" + std::to_string(1'700'000'000 + i / 3) +
            R"(, "prompt_tokens": 1, "completion_tokens": 1})"
            "\n";
  TraceOptions spread;
  spread.spread_seconds = true;
  const Read plain = read_log(text), even = read_log(text, spread);
  CHECK(plain.report.whole_seconds);
  CHECK(plain.requests[1].arrival == 0);
  CHECK(even.requests[2].arrival > even.requests[1].arrival);
  for (std::size_t i = 0; i < even.requests.size(); ++i)
    CHECK(even.requests[i].arrival / 1'000'000'000 == static_cast<Ns>(i / 3));
  CHECK_FALSE(read_log(text.substr(0, text.size() / 4)).report.whole_seconds);  // five seconds do not tell
  const auto at = [](const std::string& time) {
    return R"({"created": )" + time +
           R"(, "prompt_tokens": 1, "completion_tokens": 1})"
           "\n";
  };
  CHECK_THROWS_WITH(read_log(at("0") + at("1787000000")), Contains("log.jsonl:2: a gap of 56.6 years"));
  CHECK_THROWS_WITH(read_log(at("1787000000") + at("0")), Contains("56.6 years"));
  const Read ms = read_log(at("1700000000000") + at("1700000002500"));
  CHECK(ms.requests[1].arrival == 2'500'000'000);
}

TEST_CASE("named columns win, reach into objects, and must be there") {
  TraceOptions o;
  o.columns.named = true;
  o.columns.arrival = "startTime", o.columns.arrival_unit = "iso8601";
  o.columns.input = "usage.prompt_tokens", o.columns.output = "usage.completion_tokens";
  o.columns.id = "rid", o.columns.service_tier = "tier";
  const std::string row =
      R"({"startTime": "2026-08-01T00:00:00Z", "rid": 7, "tier": "batch", "created": 1, "usage": {"prompt_tokens": 100, "completion_tokens": 20}})"
      "\n";
  const Read r = read_log(row + row, o);
  CHECK(r.report.format == "jsonl");
  REQUIRE(r.requests.size() == 1);
  CHECK(r.requests[0].input_tokens == 100);
  CHECK(service_tier_names().at(r.requests[0].tier) == "batch");
  o.columns.input = "usage.prompt_token";
  CHECK_THROWS_WITH(read_log(row, o), Contains("usage.prompt_token"));
  CHECK_THROWS_WITH(read_log(R"({"startTime": "2026-08-01T00:00:00Z", "prompt_tokens": 1, "completion_tokens": 1})"
                             "\n"),
                    Contains("startTime") && Contains("arrival"));
  o.format = "mooncake";
  CHECK_THROWS_WITH(read_log(row, o), Contains("columns"));
  CHECK_THROWS_WITH(read_log("arrival,input,input,output\n1,1,1,1\n"), Contains("\"input\" twice"));
}
