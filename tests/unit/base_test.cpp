#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"
#include "tests/catch.h"

using namespace tokenfab;
using nlohmann::json;

TEST_CASE("Philox4x32-10 gives the published known answers") {
  // Random123's kat_vectors.
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("streams of different purposes, replications and seeds are different; the same is the same") {
  const auto first = [](std::uint64_t seed, std::uint32_t r, StreamPurpose p) {
    return RandomStream(seed, r, p).next_u64();
  };
  const auto base = first(1, 0, StreamPurpose::arrivals);
  CHECK(base == first(1, 0, StreamPurpose::arrivals));
  CHECK(base != first(2, 0, StreamPurpose::arrivals));
  CHECK(base != first(1, 1, StreamPurpose::arrivals));
  CHECK(base != first(1, 0, StreamPurpose::input_length));
}

TEST_CASE("the inverse normal inverts the distribution function") {
  for (const double p : {1e-9, 0.001, 0.02, 0.3, 0.5, 0.9, 0.999, 1 - 1e-9})
    CHECK(0.5 * std::erfc(-inverse_normal(p) / std::sqrt(2.0)) == Approx(p).epsilon(1e-12));
}

TEST_CASE("gamma draws have the shape's mean and variance") {
  for (const double shape : {0.3, 1.0, 4.5}) {
    RandomStream s(3, 0, StreamPurpose::arrivals);
    const int n = 200000;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
      const double x = s.gamma(shape);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / n, variance = squares / n - mean * mean;
    CHECK(std::fabs(mean - shape) < 5 * std::sqrt(shape / n));
    CHECK(std::fabs(variance - shape) < 5 * std::sqrt((2 * shape * shape + 6 * shape) / n));
  }
}

TEST_CASE("ticks keep nanoseconds exactly and seconds to 2^-32 ns") {
  CHECK(floor_ns(ticks_from_ns(123456789012345678)) == 123456789012345678);
  CHECK(seconds_from_ticks(ticks_from_seconds(0.0125)) == Approx(0.0125).epsilon(1e-15));
  CHECK(seconds_from_ticks(ticks_from_seconds(1e-12)) == Approx(1e-12).epsilon(1e-6));
  CHECK(seconds_from_ticks(ticks_from_seconds(5000)) == Approx(5000).epsilon(1e-15));
}

TEST_CASE("a wrong key, value or type is one line with file, pointer, what was allowed and the nearest name") {
  const auto message = [](const std::string& text, auto read) {
    const json j = json::parse(text);
    try {
      read(JsonObject(j, "f.json"));
    } catch (const UserError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(message(R"({"tensor_paralel": 2})", [](const JsonObject& o) {
          o.integer("tensor_parallel", 1, 8, 1);
          o.finish();
        }) == "f.json: /tensor_paralel: unknown key; allowed: tensor_parallel (nearest: \"tensor_parallel\")");
  CHECK(message(R"({"n": 12})", [](const JsonObject& o) { o.integer("n", 1, 8); }) ==
        "f.json: /n: 12 is out of range; allowed: 1 to 8");
  CHECK(message(R"({"n": 1.5})", [](const JsonObject& o) { o.integer("n", 1, 8); }) ==
        "f.json: /n: 1.5 is not a whole number");
  CHECK(message(R"({"n": 18446744073709551615})", [](const JsonObject& o) { o.integer("n", 1, 8); }) ==
        "f.json: /n: 18446744073709551615 is not a whole number");
  CHECK(message("{}", [](const JsonObject& o) { (void)o.number("x"); }) == "f.json: /x: is missing");
  CHECK(message(R"({"a/b": {"c": []}})", [](const JsonObject& o) { (void)o.object("a/b").string("c"); }) ==
        "f.json: /a~1b/c: [] is not a string");
  CHECK(message(R"({"p": "chunkd"})", [](const JsonObject& o) {
          (void)o.one_of("p", {"chunked", "static"});
        }) == "f.json: /p: \"chunkd\" is not known; allowed: chunked, static (nearest: \"chunked\")");
}

TEST_CASE("broken JSON names file, line and column") {
  CHECK_THROWS_WITH(parse_json_text("{\n  \"a\": 1,,\n}", "s.json"), Catch::StartsWith("s.json:2:10: not valid JSON"));
  CHECK(parse_json_text("// a comment\n{\"a\": 1}", "s.json")["a"] == 1);
  CHECK_THROWS_AS(parse_json_file("/no/such/file.json"), UserError);
}

TEST_CASE("numbers print for people and read back for machines") {
  CHECK(grouped(22361870) == "22,361,870");
  CHECK(grouped(-1234) == "-1,234");
  CHECK(grouped(999) == "999");
  CHECK(metric(3.35e12) == "3.35 T");
  CHECK(metric(0.0000125) == "12.5 µ");
  CHECK(std::stod(shortest(0.1 + 0.2)) == 0.1 + 0.2);
  CHECK(nearest_name("h10-sxm", {"a100-80-sxm", "h100-sxm"}) == "h100-sxm");
  CHECK(nearest_name("zzzzzzzz", {"a100-80-sxm", "h100-sxm"}).empty());
}
