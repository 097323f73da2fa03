// Sessions, generated and recorded, without a factory: every request is answered a fixed time after it comes.
#include <map>
#include <queue>
#include <set>
#include <sstream>

#include "sim/workload/recorded_sessions.h"
#include "sim/workload/sessions.h"
#include "tests/catch.h"
#include "tests/unit/workload_support.h"

using namespace tokenfab;
using Catch::Matchers::Contains;

namespace {

struct Sent {
  Request request;
  std::vector<std::uint64_t> hashes;
  bool operator>(const Sent& o) const { return request.arrival > o.request.arrival; }
};

/// Everything that a closed loop sends to a service that takes `service` for each request, in order of arrival.
std::vector<Sent> drain(RequestSource& source, Ns service, bool served = true) {
  std::priority_queue<Sent, std::vector<Sent>, std::greater<>> due;
  const auto add = [&](const RequestBatch& batch) {
    for (const Request& r : batch.requests) {
      const auto begin = batch.hash_ids.begin() + r.hash_begin;
      due.push({r, {begin, begin + r.hash_count}});
    }
  };
  RequestBatch batch;
  for (source.read(batch, 100); !batch.requests.empty(); source.read(batch, 100)) add(batch);
  std::vector<Sent> out;
  while (!due.empty()) {
    out.push_back(due.top());
    due.pop();
    batch.clear();
    source.ended(out.back().request, out.back().request.arrival + service, served, batch);
    add(batch);
  }
  return out;
}

SessionSpec chat() {
  SessionSpec s;
  s.population.users = 4;
  s.population.max_sessions = 10;
  s.turns = UniformLength{2, 5};
  s.first_prompt = UniformLength{50, 150};
  s.new_tokens = UniformLength{10, 40};
  s.output = UniformLength{1, 30};
  s.think_ms = FixedLength{1500};
  s.shared_prompt_tokens = 100;
  s.block_tokens = 16;
  return s;
}

const char* kRecorded =
    R"({"id":"a","block_size":64,"requests":[{"in":200,"out":5,"hash_ids":[1,2,3]},)"
    R"({"in":330,"out":7,"hash_ids":[1,2,3,4,5],"think_time":2.5},{"in":150,"out":9,"hash_ids":[1,9],"think_time":400}]})"
    "\n"
    R"({"id":"b","block_size":64,"requests":[{"in":130,"out":1,"keep":0,"new":[[1,2]]},)"
    R"({"in":260,"out":0,"keep":2,"new":[[3,2]],"think":0}]})"
    "\n";

}  // namespace

TEST_CASE("A session's prompt is the one before, its output and new tokens, and shares its blocks") {
  const auto source = make_sessions(chat());
  std::map<std::uint32_t, Sent> before;
  std::int64_t opened = 0, ended = 0;
  std::set<std::uint64_t> own, shared;
  for (const Sent& s : drain(*source, 70'000'000)) {
    const Request& r = s.request;
    CHECK(s.hashes.size() == static_cast<std::size_t>(r.input_tokens / 16));
    for (std::size_t i = 0; i < 6; ++i) shared.insert(s.hashes[i]);  // 96 of the 100 shared tokens fill blocks
    if (r.session_edge & kOpensSession) {
      ++opened;
      CHECK(r.input_tokens >= 150);
      for (std::size_t i = 6; i < s.hashes.size(); ++i) CHECK(own.insert(s.hashes[i]).second);
    } else {
      const Sent& last = before.at(r.session);
      const std::int64_t added = r.input_tokens - last.request.input_tokens - last.request.output_tokens;
      CHECK((added >= 10 && added <= 40));
      CHECK(r.arrival == last.request.arrival + 70'000'000 + 1'500'000'000);
      CHECK(std::equal(last.hashes.begin(), last.hashes.end(), s.hashes.begin()));
    }
    ended += (r.session_edge & kEndsSession) != 0;
    before[r.session] = s;
  }
  CHECK(opened == 10);
  CHECK(ended == 10);
  CHECK(shared.size() == 6);
}

TEST_CASE("Sessions are the same whatever the service takes, and differ between replications") {
  const auto lengths = [](SessionSpec s, Ns service) {
    std::map<std::uint32_t, std::vector<std::pair<int, int>>> out;
    for (const Sent& x : drain(*make_sessions(s), service))
      out[x.request.session].emplace_back(x.request.input_tokens, x.request.output_tokens);
    return out;
  };
  CHECK(lengths(chat(), 1) == lengths(chat(), 9'000'000'000));
  SessionSpec other = chat();
  other.population.replication = 1;
  CHECK(lengths(chat(), 1) != lengths(other, 1));
}

TEST_CASE("A rejection ends a session, no session starts after the end, and contexts stay below their limit") {
  SessionSpec s = chat();
  for (const Sent& x : drain(*make_sessions(s), 1, false)) CHECK((x.request.session_edge & kOpensSession) != 0);
  s.population.max_sessions = 0;
  s.population.duration_s = 20;
  s.max_context_tokens = 260;
  s.turns = FixedLength{1000};
  std::int64_t turns = 0;
  for (const Sent& x : drain(*make_sessions(s), 1'000'000)) {
    if (x.request.session_edge & kOpensSession) CHECK(x.request.arrival < 20'000'000'000);
    else CHECK(x.request.input_tokens + x.request.output_tokens <= 260);
    ++turns;
  }
  CHECK(turns > 20);
  s.population.users = 0;
  s.population.arrivals.rate = 5;
  CHECK(drain(*make_sessions(s), 1'000'000).size() > 100);
  s.population.duration_s = 0;
  CHECK_THROWS_WITH(make_sessions(s), Contains("max_sessions"));
}

TEST_CASE("Recorded sessions are replayed as they were, at the end of each request plus its think time") {
  std::istringstream text(kRecorded);
  const auto sessions = read_sessions(text, "x.jsonl");
  REQUIRE(sessions->size() == 2);
  SessionPopulation p;
  p.users = 2;
  const auto sent = drain(*replay_sessions(sessions, p), 3'000'000'000);
  REQUIRE(sent.size() == 5);
  const auto of = [&](std::uint32_t session) {
    std::vector<Sent> out;
    for (const Sent& s : sent)
      if (s.request.session == session) out.push_back(s);
    return out;
  };
  const auto a = of(1), b = of(2);
  CHECK(a[1].request.arrival == 5'500'000'000);
  CHECK(a[2].request.arrival == 408'500'000'000);
  CHECK(a[2].request.session_edge == kEndsSession);
  CHECK(a[1].request.input_tokens == 330);
  CHECK(std::equal(a[0].hashes.begin(), a[0].hashes.end(), a[1].hashes.begin()));
  CHECK(a[2].hashes[0] == a[0].hashes[0]);
  CHECK(a[2].hashes[1] != a[0].hashes[1]);
  CHECK(a[0].hashes[0] != b[0].hashes[0]);  // ids are a session's own
  CHECK(b[1].request.output_tokens == 1);
  CHECK(b[1].hashes.size() == 4);
  const SessionReuse all = session_reuse(*sessions, kNever), short_lived = session_reuse(*sessions, 300'000'000'000);
  CHECK(all.input_tokens == 200 + 330 + 150 + 130 + 260);
  CHECK(all.repeated_tokens == 192 + 64 + 128);
  CHECK(short_lived.repeated_tokens == 192 + 128);
}

TEST_CASE("A damaged session names its line and request") {
  const auto refused = [](const std::string& line, const std::string& why) {
    std::istringstream text(std::string(kRecorded) + line);
    CHECK_THROWS_WITH(read_sessions(text, "x.jsonl"), Contains("x.jsonl:3: ") && Contains(why));
  };
  refused(R"({"block_size":64,"requests":[{"in":0,"out":5}]})", "requests/0/in: ");
  refused(R"({"block_size":64,"requests":[{"in":9,"out":5,"keep":3}]})", R"(requests/0/keep: "3" is not)");
  refused(R"({"block_size":64,"requests":[{"in":9,"out":5,"hash_ids":[1,2,3]}]})", "do not hold 3 blocks");
  refused(R"({"block_size":64,"requests":[{"in":9,"out":5,"think":-1}]})", "think: ");
  refused(R"({"block_size":64,"requests":[]})", "requests: has none");
  refused("{", "is not valid JSON");
}

TEST_CASE("Agent sessions repeat 96 % of their input, and 89 % with a cache life of five minutes") {
  const std::string data = testing::data_folder();
  if (data.empty()) return;
  const auto sessions = read_sessions(data + "/traces/weka_agentic_sessions_slice.jsonl.gz");
  const auto share = [&](Ns life) {
    const SessionReuse r = session_reuse(*sessions, life);
    return static_cast<double>(r.repeated_tokens) / static_cast<double>(r.input_tokens);
  };
  CHECK(sessions->size() == 113);
  CHECK(share(kNever) == Approx(0.962).margin(0.005));
  CHECK(share(300'000'000'000) == Approx(0.893).margin(0.01));
  SessionPopulation p;
  p.users = 20;
  const auto sent = drain(*replay_sessions(sessions, p), 9'000'000'000);
  std::int64_t input = 0;
  for (const Sent& s : sent) input += s.request.input_tokens;
  CHECK(input == session_reuse(*sessions, kNever).input_tokens);
}
