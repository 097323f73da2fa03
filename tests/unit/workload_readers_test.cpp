#include "base/error.h"
#include "tests/unit/workload_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;
using Catch::Matchers::Contains;

namespace {

const std::string kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:15:46.6805900,374,44\r\n"
    "2023-11-16 18:15:50.9951690,396,109\r\n"
    "2023-11-16 18:16:00.0000001,12,7";

TraceOptions skipping() {
  TraceOptions o;
  o.skip_bad_lines = true;
  return o;
}

}  // namespace

TEST_CASE("Azure CSV: CRLF, no final newline, seven decimals, times from the first row") {
  const auto t = read_text(kAzure);
  CHECK(t.report.format == "azure");
  CHECK(t.report.lines == 4);
  REQUIRE(t.batch.requests.size() == 3);
  CHECK(t.batch.requests[0].arrival == 0);
  CHECK(t.batch.requests[1].arrival == 4'314'579'000);
  CHECK(t.batch.requests[2].arrival == 13'319'410'100);
  CHECK(t.batch.requests[2].id == 2);
  CHECK(t.batch.requests[1].input_tokens == 396);
  CHECK(t.batch.requests[1].output_tokens == 109);
}

TEST_CASE("The same rows come out whatever the line ends, the final newline and a byte order mark") {
  std::string unix_text;
  for (char c : kAzure)
    if (c != '\r') unix_text += c;
  for (const auto& text : {unix_text, unix_text + "\n", kAzure + "\r\n\r\n", "\xEF\xBB\xBF" + kAzure}) {
    const auto t = read_text(text);
    REQUIRE(t.batch.requests.size() == 3);
    CHECK(t.batch.requests[2].output_tokens == 7);
  }
}

TEST_CASE("BurstGPT: columns by name in both headers, failed requests counted and dropped") {
  const auto old_header = read_text(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,Conversation log\n"
      "118,GPT-4,417,276,693,\"API, log\"\n");
  const auto new_header = read_text(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,1,0.5,ChatGPT,472,18,490,Conversation log\n45,2,0.1,ChatGPT,1087,0,1087,Conversation log\n"
      "118.0,3,2,GPT-4,417,276,693,API log\n");
  for (const auto* t : {&old_header, &new_header}) {
    CHECK(t->report.format == "burstgpt");
    CHECK(t->report.failed == 1);
    REQUIRE(t->batch.requests.size() == 2);
    CHECK(t->batch.requests[0].input_tokens == 472);
    CHECK(t->batch.requests[1].output_tokens == 276);
    CHECK(t->batch.requests[1].arrival == 113'000'000'000);
  }
}

TEST_CASE("Mooncake: milliseconds, prefix blocks kept in order") {
  const auto t = read_text(
      "{\"timestamp\": 27, \"input_length\": 1500, \"output_length\": 5, \"hash_ids\": [0, 1, 2]}\n"
      "{\"timestamp\": 3027.5, \"input_length\": 100, \"output_length\": 6, \"hash_ids\": [0], \"session_id\": \"a\"}\n"
      "{\"timestamp\": 3028, \"input_length\": 100, \"output_length\": 6}\n");
  CHECK(t.report.format == "mooncake");
  REQUIRE(t.batch.requests.size() == 3);
  CHECK(t.batch.requests[1].arrival == 3'000'500'000);
  CHECK(t.batch.requests[0].hash_count == 3);
  CHECK(t.batch.requests[1].hash_begin == 3);
  CHECK(t.batch.requests[2].hash_count == 0);
  CHECK(t.batch.hash_ids == std::vector<std::uint64_t>{0, 1, 2, 0});
}

TEST_CASE("Mooncake: blocks that do not fit the prompt are malformed") {
  const std::string line = "{\"timestamp\":0,\"input_length\":1500,\"output_length\":5,\"hash_ids\":[0,1,2]}";
  TraceOptions o;
  o.block_size = 512;
  CHECK(read_text(line, o).batch.requests.size() == 1);
  o.block_size = 16;
  CHECK_THROWS_WITH(read_text(line, o), Contains("trace:1") && Contains("3 blocks") && Contains("1500"));
}

TEST_CASE("AIPerf closed-loop rows are refused even when bad lines may be skipped") {
  const std::string text =
      "{\"session_id\":\"a\",\"timestamp\":0,\"input_length\":15,\"output_length\":2}\n"
      "{\"session_id\":\"a\",\"delay\":2,\"input_length\":15,\"output_length\":2}\n";
  CHECK_THROWS_WITH(read_text(text, skipping()), Contains("trace:2") && Contains("closed-loop"));
}

TEST_CASE("Vidur CSV") {
  const auto t = read_text("arrived_at,num_prefill_tokens,num_decode_tokens\n4.314579,396,109\n1e1,1,1\n");
  CHECK(t.report.format == "vidur");
  CHECK(t.batch.requests.at(1).arrival == 5'685'421'000);
}

TEST_CASE("Generic CSV and JSONL: named columns, each unit, cached tokens") {
  TraceOptions o;
  o.columns.arrival = "start", o.columns.input = "in", o.columns.output = "out";
  o.columns.cached = "hit", o.columns.arrival_unit = "ms";
  auto t = read_text("x,start,in,out,hit\n0,1000,10,2,\n0,2500.25,30,3,20\n", o);
  CHECK(t.report.format == "csv");
  CHECK(t.batch.requests.at(1).arrival == 1'500'250'000);
  CHECK(t.batch.requests.at(0).cached_tokens == 0);
  CHECK(t.batch.requests.at(1).cached_tokens == 20);
  t = read_text("{\"start\":1,\"in\":10,\"out\":2}\n{\"start\":\"4\",\"in\":30,\"out\":\"3\",\"hit\":7}\n", o);
  CHECK(t.report.format == "jsonl");
  CHECK(t.batch.requests.at(1).arrival == 3'000'000);
  CHECK(t.batch.requests.at(1).cached_tokens == 7);
  o.columns.arrival_unit = "iso8601";
  t = read_text("start,in,out,hit\n2024-02-29T23:59:59.5Z,1,1,\n2024-03-01T02:00:00+02:00,1,1,\n", o);
  CHECK(t.batch.requests.at(1).arrival == 500'000'000);
  o.columns.arrival_unit = "minutes";
  CHECK_THROWS_WITH(read_text("start,in,out,hit\n1,1,1,1\n", o), Contains("minutes") && Contains("iso8601"));
  o.columns.cached = "", o.columns.arrival_unit = "ns";
  CHECK(read_text("start,in,out\n1700000000000000001,1,1\n1700000000000000003,1,1\n", o).batch.requests.at(1).arrival ==
        2);
}

TEST_CASE("Usage logs: both namings, wrapped responses, cached tokens of both conventions") {
  const auto t = read_text(
      "{\"id\":\"x\",\"created\":1700000000,\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":5,"
      "\"prompt_tokens_details\":{\"cached_tokens\":64}}}\n"
      "{\"response\":{\"body\":{\"created\":1700000001,\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}}}\n"
      "{\"timestamp\":\"2023-11-14T22:13:22.5Z\",\"usage\":{\"input_tokens\":10,\"output_tokens\":3,"
      "\"cache_read_input_tokens\":90,\"cache_creation_input_tokens\":5}}\n");
  CHECK(t.report.format == "openai-usage");
  REQUIRE(t.batch.requests.size() == 3);
  CHECK(t.batch.requests[0].cached_tokens == 64);
  CHECK(t.batch.requests[1].arrival == 1'000'000'000);
  CHECK(t.batch.requests[2].arrival == 2'500'000'000);
  CHECK(t.batch.requests[2].input_tokens == 105);
  CHECK(t.batch.requests[2].cached_tokens == 90);
}

TEST_CASE("Malformed lines are counted and located, and refused unless skipping was asked for") {
  const std::string header = "arrival,input,output\n0,10,10\n";
  const std::vector<std::pair<std::string, std::string>> bad = {{"1,10", "2 columns"},
                                                                {"x,10,10", "\"x\" is not a time"},
                                                                {"nan,10,10", "not a number"},
                                                                {"inf,10,10", "too far"},
                                                                {"1,ten,10", "input: \"ten\""},
                                                                {"1,-5,10", "input: is -5"},
                                                                {"1,10,0", "output: is 0"},
                                                                {"1,10,1e9", "output: is 1000000000"},
                                                                {"1,10.5,10", "\"10.5\" is not a whole"},
                                                                {"1,10,", "output: \"\""},
                                                                {"1e300,10,10", "too far"},
                                                                {"99999999999999999999,1,1", "too far"},
                                                                {"1,10,10,10", "4 columns"}};
  for (const auto& [line, why] : bad) {
    const std::string text = header + line + "\n2,20,20\n";
    CHECK_THROWS_WITH(read_text(text), Contains("trace:3: ") && Contains(why) && Contains("only malformed line"));
    const auto t = read_text(text, skipping());
    CHECK(t.report.skipped == 1);
    REQUIRE(t.report.first_skipped.size() == 1);
    CHECK_THAT(t.report.first_skipped[0], Contains("line 3: ") && Contains(why));
    CHECK(t.batch.requests.size() == 2);
  }
  CHECK_THROWS_WITH(read_text(header + "1,0,1\n1,1,1\n2,2\nx,1,1\n"),
                    Contains("trace:3") && Contains("2 other malformed"));
}

TEST_CASE("Malformed JSON lines") {
  const std::string good = "{\"timestamp\":0,\"input_length\":5,\"output_length\":5}\n";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"{\"timestamp\":1", "not valid JSON"},
      {"[1,2]", "not a JSON object"},
      {"{\"timestamp\":1,\"input_length\":5}", "output_length: is missing"},
      {"{\"timestamp\":1,\"input_length\":-5,\"output_length\":5}", "is -5"},
      {"{\"timestamp\":null,\"input_length\":5,\"output_length\":5}", "timestamp: is not a time"},
      {"{\"timestamp\":1e300,\"input_length\":5,\"output_length\":5}", "too far"},
      {"{\"timestamp\":1,\"input_length\":true,\"output_length\":5}", "input_length: is not a number"},
      {"{\"timestamp\":1,\"input_length\":5,\"output_length\":5,\"hash_ids\":[-1]}", "hash_ids"},
      {"{\"timestamp\":1,\"input_length\":18446744073709551615,\"output_length\":5}", "100000000"}};
  for (const auto& [line, why] : bad) {
    CHECK_THROWS_WITH(read_text(good + line), Contains("trace:2: ") && Contains(why));
    CHECK(read_text(good + line + "\n" + good, skipping()).batch.requests.size() == 2);
  }
}

TEST_CASE("Formats: unknown ones, missing columns and empty traces are refused with what is there") {
  CHECK_THROWS_WITH(read_text(""), Contains("empty"));
  CHECK_THROWS_WITH(read_text("TIMESTAMP,ContextTokens,GeneratedTokens\n"), Contains("no request"));
  CHECK_THROWS_WITH(read_text("a,b\n1,2\n"),
                    Contains("trace:1: the first line fits no known format") && !Contains("a,b") && Contains("azure"));
  CHECK_THROWS_WITH(read_text("{\"a\":1}\n"), Contains("fit no known format") && !Contains("\"a\""));
  CHECK_THROWS_WITH(read_text("{\"timestamp\":1,\"a\":1}\n"), Contains("the first line has: \"a\", \"timestamp\""));
  CHECK_THROWS_WITH(read_text("TIMESTAMP,ContextTokens\n"), Contains("GeneratedTokens"));
  CHECK_THROWS_WITH(read_text("TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n"), Contains("multimodal"));
  CHECK_THROWS_WITH(read_text("arrival,inptu,output\n0,1,1\n"),
                    Contains("\"input\"") && Contains("nearest: \"inptu\""));
  TraceOptions o;
  o.format = "moncake";
  CHECK_THROWS_WITH(read_text(kAzure, o), Contains("moncake") && Contains("nearest: \"mooncake\""));
  o.path = "/nowhere/trace.csv";
  CHECK_THROWS_AS(open_trace(o), UserError);
  o.path = "/";
  CHECK_THROWS_AS(open_trace(o), UserError);
}
