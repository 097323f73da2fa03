// Laws that hold for every input, searched for counterexamples (and shrunk) by RapidCheck.
#include <rapidcheck.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/kv_line.h"
#include "scenarios/scenario.h"
#include "sim/core/histogram.h"
#include "sim/economics/economics.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

KvLine many_pieces() {
  std::vector<KvLine::Point> points = {{0, *rc::gen::inRange<std::int64_t>(0, 1ll << 50)}};
  const auto count = *rc::gen::inRange<std::size_t>(1, KvLine::kMostPoints + 1);
  while (points.size() < count)
    points.push_back({points.back().kv + *rc::gen::inRange<std::int64_t>(1, 1 << 20),
                      points.back().ticks + *rc::gen::inRange<std::int64_t>(0, 1ll << 50)});
  return {*rc::gen::inRange<std::int64_t>(1, 1ll << 55), points, *rc::gen::inRange<std::int64_t>(0, 1 << 22)};
}

KvLine any_line() {
  if (*rc::gen::arbitrary<bool>()) return many_pieces();
  return {*rc::gen::inRange<std::int64_t>(1, 1ll << 55), *rc::gen::inRange<std::int64_t>(0, 1ll << 50),
          *rc::gen::inRange<std::int64_t>(0, 1ll << 30), *rc::gen::inRange<std::int64_t>(0, 1ll << 50),
          *rc::gen::inRange<std::int64_t>(0, 1ll << 30)};
}

}  // namespace

TEST_CASE("a span may be cut anywhere: its parts add up to it") {
  CHECK(rc::check([] {
    const KvLine line = any_line();
    const auto kv = *rc::gen::inRange<std::int64_t>(0, 1 << 22), growth = *rc::gen::inRange<std::int64_t>(0, 5000);
    const auto a = *rc::gen::inRange<std::int64_t>(0, 100000), b = *rc::gen::inRange<std::int64_t>(0, 100000);
    RC_ASSERT(line.sum(kv, growth, a + b) == line.sum(kv, growth, a) + line.sum(kv + a * growth, growth, b));
  }));
}

TEST_CASE("the step in which an instant falls ends at or after it, and the one before does not") {
  CHECK(rc::check([] {
    const KvLine line = any_line();
    const auto kv = *rc::gen::inRange<std::int64_t>(0, 1 << 22), growth = *rc::gen::inRange<std::int64_t>(0, 5000);
    const auto limit = *rc::gen::inRange<std::int64_t>(1, 100000);
    const Ticks target = line.sum(kv, growth, limit) * *rc::gen::inRange(0, 1001) / 1000;
    const std::int64_t steps = line.steps_to_reach(kv, growth, target, limit);
    RC_ASSERT(steps >= 1);
    RC_ASSERT(steps <= limit);
    RC_ASSERT(line.sum(kv, growth, steps) >= target);
    if (steps > 1) RC_ASSERT(line.sum(kv, growth, steps - 1) < target);
  }));
}

TEST_CASE("histogram quantiles never fall and stay between the extremes; the mean is exact") {
  CHECK(rc::check([] {
    const auto values =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 1ll << 45)));
    Histogram h;
    double sum = 0;
    for (const auto v : values) h.add(v), sum += static_cast<double>(v);
    double last = static_cast<double>(*std::min_element(values.begin(), values.end()));
    for (int p = 0; p <= 20; ++p) {
      const double q = h.quantile(p / 20.0);
      RC_ASSERT(q >= last);
      last = q;
    }
    RC_ASSERT(last <= static_cast<double>(*std::max_element(values.begin(), values.end())));
    RC_ASSERT(std::fabs(h.mean() - sum / static_cast<double>(values.size())) <= 1e-9 * (1 + sum));
  }));
}

TEST_CASE("numbers in messages read back as the same double") {
  CHECK(rc::check([](double x) { RC_ASSERT(std::stod(shortest(x)) == x); }));
}

TEST_CASE("damaged scenarios are refused with one line, never otherwise") {
  const std::string good = R"({"name": "x", "seed": 3, "workload": {"use": "azure-conv-2023", "rate_scale": 2},
    "slo": {"ttft_s": 1}, "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm", "replicas": 2,
    "batcher": {"max_sequences": 8, "token_budget": 64}, "supply": {"rent": "on-demand"}}]})";
  CHECK(rc::check([&] {
    std::string text = good;
    const auto edits = *rc::gen::inRange(1, 4);
    for (int i = 0; i < edits; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      if (*rc::gen::arbitrary<bool>()) text.erase(at, *rc::gen::inRange<std::size_t>(1, 12));
      else text.insert(at, *rc::gen::element<std::string>("-", "0", "9", "\"", ",", "[", "}", "e9", "null", "\\u0000"));
    }
    try {
      parse_scenario(text, "s.json", {});
    } catch (const UserError& e) {
      RC_ASSERT(std::string(e.what()).find('\n') == std::string::npos);
    } catch (const Infeasible&) {
    }
  }));
}
