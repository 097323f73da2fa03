#include <algorithm>
#include <functional>

#include "base/error.h"
#include "sim/workload/builtin.h"
#include "sim/workload/fit.h"
#include "tests/support/sources.h"
#include "tests/unit/workload_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;
using Catch::Matchers::Contains;

namespace {

GeneratorSpec small() {
  GeneratorSpec s;
  s.arrivals.rate = 10;
  s.input = UniformLength{1, 1000};
  s.output = GeometricLength{50};
  s.max_requests = 5000;
  s.seed = 7;
  return s;
}

std::vector<Request> generate(const GeneratorSpec& s, std::size_t limit = 4096) {
  return drain(*make_generator(s), limit).requests;
}

template <class Field>
bool same(const std::vector<Request>& a, const std::vector<Request>& b, Field field) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const Request& x, const Request& y) { return x.*field == y.*field; });
}

std::vector<Request> transformed(std::vector<Request> requests, const TransformSpec& spec) {
  return drain(*transform(std::make_unique<VectorSource>(std::move(requests)), spec, 3, 0)).requests;
}

std::vector<Request> every_second(int n) {
  std::vector<Request> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    auto& r = out[static_cast<std::size_t>(i)];
    r.arrival = i * Ns{1'000'000'000};
    r.input_tokens = i + 1;
    r.output_tokens = 1;
  }
  return out;
}

bool in_order_and_numbered(const std::vector<Request>& requests) {
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (requests[i].id != static_cast<std::int64_t>(i) || (i > 0 && requests[i].arrival < requests[i - 1].arrival))
      return false;
  return true;
}

}  // namespace

TEST_CASE("Same seed, same requests, whatever the batch size; another seed or replication differs") {
  const auto a = generate(small());
  REQUIRE(a.size() == 5000);
  CHECK(in_order_and_numbered(a));
  const auto b = generate(small(), 17);
  for (auto field : {&Request::input_tokens, &Request::output_tokens}) CHECK(same(a, b, field));
  CHECK(same(a, b, &Request::arrival));
  auto other = small();
  other.replication = 1;
  CHECK_FALSE(same(a, generate(other), &Request::arrival));
  other = small();
  other.seed = 8;
  CHECK_FALSE(same(a, generate(other), &Request::input_tokens));
}

TEST_CASE("Changing the output lengths moves neither arrivals nor input lengths, and so on round") {
  const auto a = generate(small());
  auto s = small();
  s.output = LognormalLength{{1}, {5}, {1}, 1, 1000};
  auto b = generate(s);
  CHECK(same(a, b, &Request::arrival));
  CHECK(same(a, b, &Request::input_tokens));
  s = small();
  s.arrivals.law = GapLaw::gamma;
  s.arrivals.cv = 3;
  b = generate(s);
  CHECK(same(a, b, &Request::input_tokens));
  CHECK(same(a, b, &Request::output_tokens));
  s = small();
  s.in_out_correlation = 0.5;
  b = generate(s);
  CHECK(same(a, b, &Request::arrival));
  CHECK(same(a, b, &Request::input_tokens));
}

TEST_CASE("A generator ends at its number of requests or its duration, whichever comes first") {
  auto s = small();
  s.duration_s = 100;
  const auto cut = generate(s), whole = generate(small());
  REQUIRE(cut.size() < whole.size());
  CHECK(cut.back().arrival < 100'000'000'000);
  CHECK(whole[cut.size()].arrival >= 100'000'000'000);
  CHECK(expected_requests(s) == 1000);
  s.max_requests = 10;
  CHECK(generate(s).size() == 10);
  s.arrivals.all_at_once = true;
  for (const auto& r : generate(s)) CHECK(r.arrival == 0);
  s.arrivals = {};
  s.arrivals.law = GapLaw::fixed;
  s.arrivals.rate = 4;
  CHECK(generate(s).at(9).arrival == 2'500'000'000);
}

TEST_CASE("Fixed intervals do not drift over ten million requests") {
  GeneratorSpec s;
  s.arrivals.law = GapLaw::fixed;
  s.arrivals.rate = 3;
  s.max_requests = 10'000'000;
  const auto source = make_generator(s);
  RequestBatch batch;
  Ns last = 0;
  for (source->read(batch, 4096); !batch.requests.empty(); source->read(batch, 4096))
    last = batch.requests.back().arrival;
  CHECK(std::abs(static_cast<double>(last) - 1e16 / 3) <= 2);
}

TEST_CASE("What a generator cannot do is refused, naming the field and its value") {
  const std::vector<std::pair<std::function<void(GeneratorSpec&)>, std::string>> bad = {
      {[](auto& s) { s.max_requests = 0; }, "needs an end"},
      {[](auto& s) { s.duration_s = -1; }, "duration_s is -1"},
      {[](auto& s) { s.arrivals.rate = 0; }, "rate is 0"},
      {[](auto& s) { s.arrivals.law = GapLaw::weibull, s.arrivals.cv = 100; }, "cv is 100"},
      {[](auto& s) {
         s.arrivals.profile = {0, 0};
       },
       "every profile factor is 0"},
      {[](auto& s) {
         s.arrivals.profile = {1, 0}, s.arrivals.profile_window_s = 1e-3, s.arrivals.rate = 1e-8;
       },
       "longer windows"},
      {[](auto& s) { s.in_out_correlation = 1.5; }, "in_out_correlation is 1.5"},
      {[](auto& s) { s.input = FixedLength{0}; }, "input length: tokens is 0"},
      {[](auto& s) {
         s.output = UniformLength{9, 3};
       },
       "output length: low 9 is above high 3"},
      {[](auto& s) { s.output = GeometricLength{0.5}; }, "mean is 0.5"},
      {[](auto& s) {
         s.output = QuantileLength{{{0, 1}, {0.9, 5}}};
       },
       "p = 1"},
      {[](auto& s) {
         s.output = QuantileLength{{{0, 7}, {1, 5}}};
       },
       "must not fall"},
      {[](auto& s) {
         s.output = LognormalLength{{1}, {1, 2}, {1}, 1, 9};
       },
       "as many weights"},
      {[](auto& s) {
         s.output = ZipfLength{1, 1 << 22, 1};
       },
       "1048576"},
      {[](auto& s) {
         s.arrivals.markov = MarkovModulation{{1, 2}, {{1, 0}, {0, 1}}, 1, {}};
       },
       "cannot be reached"},
      {[](auto& s) {
         s.arrivals.markov = MarkovModulation{{1, 2}, {{.5, .4}, {.5, .5}}, 1, {}};
       },
       "sums to 0.9"},
      {[](auto& s) {
         s.arrivals.markov = MarkovModulation{{0, 0}, {{.5, .5}, {.5, .5}}, 1, {}};
       },
       "long-run rate is 0"}};
  for (const auto& [change, why] : bad) {
    auto s = small();
    change(s);
    CHECK_THROWS_WITH(make_generator(s), Contains(why));
  }
}

TEST_CASE("Rate scaling divides every arrival time") {
  TransformSpec t;
  t.rate_scale = 4;
  const auto out = transformed(every_second(10), t);
  REQUIRE(out.size() == 10);
  CHECK(out[9].arrival == 2'250'000'000);
}

TEST_CASE("A window keeps [from, to) and starts at 0") {
  TransformSpec t;
  t.window_from_s = 3;
  t.window_to_s = 6;
  const auto out = transformed(every_second(10), t);
  REQUIRE(out.size() == 3);
  CHECK(in_order_and_numbered(out));
  CHECK(out[0].arrival == 0);
  CHECK(out[0].input_tokens == 4);
}

TEST_CASE("Thinning keeps its share, and less thinning keeps what more thinning keeps") {
  TransformSpec half, tenth;
  half.thin = 0.5;
  tenth.thin = 0.1;
  const auto a = transformed(every_second(20000), half), b = transformed(every_second(20000), tenth);
  CHECK(std::abs(static_cast<double>(a.size()) - 10000) < 5 * 71);  // sd = sqrt(20000/4)
  CHECK(std::abs(static_cast<double>(b.size()) - 2000) < 5 * 43);
  CHECK(in_order_and_numbered(a));
  CHECK(std::includes(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Request& x, const Request& y) { return x.input_tokens < y.input_tokens; }));
}

TEST_CASE("Copies multiply the load, come late by the jitter at most, and share no prefix blocks") {
  TransformSpec t;
  t.copies = 3;
  t.copy_jitter_s = 5;
  const auto out = transformed(every_second(1000), t);
  REQUIRE(out.size() == 3000);
  CHECK(in_order_and_numbered(out));
  std::vector<int> seen(1001);
  for (const auto& r : out) {
    ++seen[static_cast<std::size_t>(r.input_tokens)];
    const Ns late = r.arrival - (r.input_tokens - 1) * Ns{1'000'000'000};
    CHECK((late >= 0 && late < 5'000'000'000));
  }
  CHECK(std::count(seen.begin(), seen.end(), 3) == 1000);

  TraceOptions o;
  o.transform.copies = 2;
  const auto trace = read_text("{\"timestamp\":0,\"input_length\":9,\"output_length\":5,\"hash_ids\":[7,8]}", o);
  REQUIRE(trace.batch.hash_ids.size() == 4);
  CHECK(trace.batch.hash_ids[0] == 7);
  CHECK(trace.batch.hash_ids[2] != 7);
  CHECK(trace.batch.requests[1].hash_begin == 2);
}

TEST_CASE("De-jitter rounds to the grid and spreads inside the tick, in order") {
  std::vector<Request> requests = every_second(9);
  const Ns times[] = {0, 0, 2999, 3000, 3001, 3002, 5999, 6000, 9000};  // ms
  for (std::size_t i = 0; i < 9; ++i) requests[i].arrival = times[i] * 1'000'000;
  TransformSpec t;
  t.dejitter_s = 3;
  const auto out = transformed(requests, t);
  REQUIRE(out.size() == 9);
  CHECK(in_order_and_numbered(out));
  const Ns ticks[] = {0, 0, 1, 1, 1, 1, 2, 2, 3};
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(out[i].arrival / 3'000'000'000 == ticks[i]);
    CHECK(out[i].input_tokens == static_cast<int>(i) + 1);
  }
  CHECK(out[2].arrival != out[3].arrival);
}

TEST_CASE("Transforms refuse values outside their range") {
  for (const char* field : {"thin", "rate_scale", "copies", "window_to_s", "dejitter_s"}) {
    TransformSpec t;
    const std::string name = field;
    if (name == "thin") t.thin = 0;
    if (name == "rate_scale") t.rate_scale = -1;
    if (name == "copies") t.copies = 0;
    if (name == "window_to_s") t.window_from_s = 5, t.window_to_s = 5;
    if (name == "dejitter_s") t.dejitter_s = -3;
    CHECK_THROWS_WITH(transformed({}, t), Contains(name));
  }
}

TEST_CASE("Built-in workloads have a source and the nearest name for a wrong one") {
  for (const auto& name : builtin_names()) {
    CHECK_THAT(builtin_source(name),
               Contains(name.starts_with("azure") ? "Azure/AzurePublicDataset@b469a11" : "alibaba/ServeGen@f891d11"));
    CHECK(expected_requests(builtin_workload(name, 1, 0)) > 1000);
  }
  CHECK_THROWS_WITH(builtin_workload("azure-conv-2024", 1, 0), Contains("nearest: \"azure-conv-2023\""));
}
