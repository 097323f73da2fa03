// Inputs that were once fatal: each must end with an answer, or with one line and exit 2 or 3, within bounds.
#include <unistd.h>

#include "tests/golden/shell.h"

using namespace tokenfab;
using namespace tokenfab::golden;

namespace {

const std::string kPool = R"("pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm", "engine": "vllm",
                             "supply": {"rent": {"usd_per_chip_hour": 2}}}])";

std::string scenario(const std::string& workload, const std::string& more = "", const std::string& name = "t") {
  return R"({"name": ")" + name + R"(", "workload": )" + workload + ", " + (more.empty() ? "" : more + ", ") + kPool +
         "}";
}

const std::string kFew = R"({"generate": {"arrivals": {"rate": 5}, "input_tokens": 100, "output_tokens": 10,
                            "max_requests": 20}})";

#if defined(__SANITIZE_ADDRESS__)
const std::string kBudget = "1G";  // shadow memory and quarantine count as well
#else
const std::string kBudget = "72M";
#endif

struct Hostile : Shell {
  Hostile() { put("s.json", scenario(kFew, R"("plan": {"pay_per_token": {"input": 1, "output": 2}})")); }
  void put(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }

  /// Exit `code` with one clean, short line that holds `part`; nothing on standard output.
  std::string refuses(const std::string& arguments, int code, const std::string& part) const {
    const Result r = (*this)(arguments);
    CAPTURE(arguments.substr(0, 200));
    CHECK(r.code == code);
    CHECK(r.out.empty());
    const std::string line = one_line(r);
    CHECK(line.size() <= 500);
    CHECK(std::none_of(line.begin(), line.end() - 1, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    CHECK_THAT(line, Catch::Contains(part));
    return line;
  }
  std::string text(const std::string& name) const { return read_file(folder / name); }
};

bool has_word(const std::string& text, const std::string& word) {
  const auto letter = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i]));
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if ((at == 0 || !letter(at - 1)) && !letter(at + word.size())) return true;
  return false;
}

}  // namespace

TEST_CASE("hostile: formulas have bounded work") {
  const Hostile tokenfab;
  const auto claim = [](const std::string& formula) {
    return R"({"article": {"id": "Z1", "title": "t"}, "claims": [{"id": "Z1-1", "about": "x", "quote": "q", "said": 1,
            "unit": "s", "formula": ")" +
           formula + R"(", "judge": {"equals": 0.05}}]})";
  };
  tokenfab.put("hang.json", claim("expected_tokens(0.5,1e300)"));
  tokenfab.refuses("audit hang.json", 2, "a depth of at most 4096 is allowed");
  tokenfab.put("deep.json", claim(std::string(1500, '(') + "1" + std::string(1500, ')')));
  tokenfab.refuses("audit deep.json", 2, "brackets inside each other");
  tokenfab.put("long.json", claim("1" + std::string(40000, '+') + "1"));
  tokenfab.refuses("audit long.json", 2, "is longer than 4096 characters");
  tokenfab.put("nan.json", claim("0/0"));
  tokenfab.refuses("audit nan.json", 2, "its value is not a number");
}

TEST_CASE("hostile: JSON of sixty thousand levels is refused by every command that reads JSON") {
  const Hostile tokenfab;
  REQUIRE(tokenfab("run s.json --no-bands -o r.db").code == 0);
  tokenfab.put("deep.json", std::string(60000, '[') + std::string(60000, ']'));
  fs::create_directory(tokenfab.folder / "model");
  tokenfab.put("model/config.json", std::string(60000, '['));
  for (const char* command : {"run deep.json", "breakeven deep.json", "explain deep.json", "audit deep.json",
                              "price r.db --plan deep.json", "price r.db --litellm deep.json",
                              "price r.db --compare own,deep.json", "run s.json --set /pools/0/chip=./deep.json",
                              "run s.json --set /pools/0/llm=./deep.json", "engine run --model model"})
    tokenfab.refuses(command, 2, "more than 200 deep");
  tokenfab.refuses("calibrate deep.json -o c.json", 2, "deep.json: line 1");
  tokenfab.refuses("run s.json --trace deep.json", 2, "deep.json:1");
}

TEST_CASE("hostile: bytes that are no text are escaped, or refused as arguments") {
  const Hostile tokenfab;
  tokenfab.put("bad.csv", "arrival,input,output\n0,10,5\n1,\xff,5\n2,20,5\n");
  tokenfab.put("skip.json", scenario(R"({"trace": {"path": "bad.csv", "bad_lines": "skip"}})"));
  const json out = tokenfab.parsed("run skip.json --no-bands --json -o r.db");
  CHECK(out["requests"]["served"] == 2);
  CHECK_THAT(out["assumptions"].dump(), Catch::Contains("\\\\xff"));
  CHECK(tokenfab.parsed("price r.db --json")["requests"] == out["requests"]);
  CHECK(tokenfab("report r.db -o r.html").code == 0);
  tokenfab.refuses("run s.json --set \"$(printf '/name=\\377')\"", 2, "argument 4: /name=\\xff: is not UTF-8");
}

TEST_CASE("hostile: values of the wrong type are refused with their place") {
  const Hostile tokenfab;
  tokenfab.put("stack.json",
               scenario(kFew, R"("stack": [{"name": "a", "set": "x"}, {"name": "b", "needs": ["a"], "set": {}}])"));
  tokenfab.refuses("run stack.json", 2, "stack.json: /stack/0/set: \"x\" is not an object");
  tokenfab.put("needs.json",
               scenario(kFew, R"("stack": [{"name": "a", "set": {}}, {"name": "b", "needs": {"x": 1}, "set": {}}])"));
  tokenfab.refuses("run needs.json", 2, "needs.json: /stack/1/needs: is not a list");
  tokenfab.put("a.json", R"({"name": "t", "alternatives": {"a": {"like": "x", "set": [1]}}})");
  tokenfab.refuses("run a.json --set /pools/0/chip=x", 2, "a.json: /");
  tokenfab.put("b.json", R"({"name": "t", "alternatives": [{"name": "a", )" + kPool +
                             R"(}, {"name": "b", "like": "a", "set": [1]}]})");
  tokenfab.refuses("run b.json --set /pools/0/chip=l4", 2, "b.json: /alternatives/1/set: is not an object");
}

TEST_CASE("hostile: prices and numbers that break arithmetic are refused with their range") {
  const Hostile tokenfab;
  REQUIRE(tokenfab("run s.json --no-bands -o r.db").code == 0);
  tokenfab.put("p.json", R"({"plan": {"pay_per_token": {"input": 5e-324, "output": 15}}})");
  tokenfab.refuses("price r.db --plan p.json", 2, "p.json: /plan/pay_per_token/input: 5e-324 is out of range");
  tokenfab.refuses("run s.json --set /plan/pay_per_token/input=1e308", 2, "/plan/pay_per_token/input");
  tokenfab.refuses("run s.json --set /slo='{\"ttft_s\": 1e400}'", 2, "");
}

TEST_CASE("hostile: what does not exist is a dash in texts and null in JSON") {
  const Hostile tokenfab;
  tokenfab.put("none.json",
               scenario(R"({"generate": {"arrivals": {"rate": 1}, "input_tokens": 1000000, "output_tokens": 10,
                        "max_requests": 5}})",
                        R"("plan": {"pay_per_token": {"input": 1, "output": 2}}, "provider": {"name": "p"})"));
  tokenfab.put("one.csv", "arrival,input,output\n5,472,18\n");
  for (const char* command : {"run none.json --no-bands", "run none.json --no-bands --bases",
                              "catalog workloads --fit one.csv", "run s.json --trace one.csv", "breakeven none.json"}) {
    const Result r = tokenfab(command);
    CAPTURE(command, r.out, r.err);
    CHECK(r.code == 0);
    for (const char* word : {"nan", "inf"}) CHECK_FALSE(has_word(r.out, word));
  }
  const json one = tokenfab.parsed("run s.json --trace one.csv --no-bands --json");
  CHECK(one["cost"]["utilisation"]["time"].get<double>() <= 1);
  CHECK(one["pools"][0]["utilisation_time"].get<double>() <= 1);
}

TEST_CASE("hostile: an error is one short line, whatever the input brings") {
  const Hostile tokenfab;
  tokenfab.refuses("run s.json --set \"$(printf '/seed=a\\nb\\033[31m')\"", 2, "a\\nb\\u001b[31m");
  tokenfab.refuses("run s.json --set /router=" + std::string(40000, 'x'), 2, "/router");
  tokenfab.refuses("run " + std::string(5000, 'y') + ".json", 2, "cannot be opened");
  tokenfab.refuses("run s.json --trace " + std::string(300, 'y'), 2, "File name too long");
  tokenfab.refuses("run s.json --" + std::string(40000, 'z'), 2, "zzz");
  tokenfab.put("key.json", R"({"name": "t", ")" + std::string(40000, 'k') + R"(": 1, )" + kPool + "}");
  tokenfab.refuses("run key.json", 2, "key.json");
}

TEST_CASE("hostile: a fleet that never serves ends, and one whose boots outlast its cooldown serves") {
  const Hostile tokenfab;
  const auto fleet = [](const std::string& scaling) {
    return R"({"name": "t", "workload": )" + kFew + R"(, "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm",
      "engine": "vllm", "supply": {"rent": {"usd_per_chip_hour": 2}}, "autoscale": )" +
           scaling + "}]}";
  };
  tokenfab.put("slow.json", fleet(R"({"policy": "reactive", "signal": "rate", "min": 0, "max": 8, "target": 7,
                                      "window_s": 60, "cooldown_s": 300, "cold_start_s": 380})"));
  CHECK(tokenfab.parsed("run slow.json --no-bands --json")["requests"]["served"] == 20);
  tokenfab.put("never.json", fleet(R"({"policy": "scheduled", "min": 0, "max": 8,
                                       "schedule": [{"at_s": 0, "replicas": 0}]})"));
  tokenfab.refuses("run never.json --no-bands", 3, "20 requests wait, and none has ended");
}

TEST_CASE("hostile: memory is bounded, and what was finished before is kept") {
  const Hostile tokenfab;
  tokenfab.put("crowd.json", scenario(R"({"generate": {"arrivals": {"law": "all-at-once"}, "max_requests": 300000000,
                                       "input_tokens": 1000, "output_tokens": 300}})"));
  const std::string why =
      tokenfab.refuses("run crowd.json --no-bands --max-memory 96M -o r.db", 3, "infeasible: memory");
  CHECK_THAT(why, Catch::Contains("of 300,000,000") && Catch::Contains("the budget is 101 MB (--max-memory)"));
  tokenfab.refuses("report r.db", 2, "holds no complete run");
  tokenfab.refuses("run s.json --max-memory 1", 2, "--max-memory");
  tokenfab.refuses("run /dev/zero --max-memory 1G", 2, "/dev/zero: is longer than");
  CHECK(tokenfab("run s.json --max-memory 256M --no-bands").code == 0);
}

TEST_CASE("hostile: replications and rows cost disk, not memory") {
  const Hostile tokenfab;
  const auto tiny = [](long long requests, int replications) {
    return R"({"name": "t", "replications": )" + std::to_string(replications) +
           R"(, "workload": {"generate": {"arrivals": {"rate": 50}, "input_tokens": 10, "output_tokens": 1,
              "max_requests": )" +
           std::to_string(requests) + "}}, " + kPool + "}";
  };
  // Kept in memory, either would need more than 130 MB.
  tokenfab.put("many.json", tiny(3, 1000));
  const json many = tokenfab.parsed("run many.json --no-bands --json -o r.db --max-memory " + kBudget);
  CHECK(many["runs"].size() == 1000);
  CHECK(many["runs"][999]["replication"] == 999);
  json first = many;
  first.erase("runs");
  CHECK(many["runs"][0] == first);
  CHECK(tokenfab.parsed("price r.db --json --max-memory " + kBudget)["runs"].size() == 1000);
  tokenfab.put("rows.json", tiny(1'300'000, 1));
  CHECK(tokenfab("run rows.json --no-bands --rows -o rows.db --max-memory " + kBudget).code == 0);
}

TEST_CASE("hostile: damaged results are said to be damaged, by every command that reads them") {
  const Hostile tokenfab;
  REQUIRE(tokenfab("run s.json --no-bands -o whole.db").code == 0);
  const std::string whole = tokenfab.text("whole.db");
  for (const char* sql : {"delete from pool", "delete from total", "delete from cost", "update run set scenario = 'x'",
                          "update usage set input_tokens = 'many'", "drop table meter"}) {
    tokenfab.put("r.db", whole);
    REQUIRE(std::system(("sqlite3 '" + (tokenfab.folder / "r.db").string() + "' \"" + sql + "\"").c_str()) == 0);
    CAPTURE(sql);
    for (const char* command : {"price r.db", "report r.db -o r.html", "breakeven r.db", "price r.db --compare own"})
      tokenfab.refuses(command, 2, "r.db: ");
  }
  tokenfab.put("r.db", whole.substr(0, whole.size() / 2));
  tokenfab.refuses("price r.db", 2, "r.db: ");
}

TEST_CASE("hostile: an output replaces only what is of its kind, and no input") {
  const Hostile tokenfab;
  REQUIRE(tokenfab("run s.json --no-bands -o r.db").code == 0);
  tokenfab.put("diary.txt", "dear diary");
  const std::string database = tokenfab.text("r.db"), input = tokenfab.text("s.json");
  tokenfab.refuses("report r.db -o r.db", 2, "r.db: is an input of this command");
  tokenfab.refuses("report r.db -o s.json", 2, "s.json: is there and is not a report of tokenfab");
  tokenfab.refuses("report r.db --format json -o s.json", 2, "s.json: is there and is not a JSON report");
  tokenfab.refuses("price r.db --plan groq --focus r.db", 2, "r.db: is an input of this command");
  tokenfab.refuses("price r.db --plan groq --focus diary.txt", 2, "diary.txt: is there and is not a bill");
  tokenfab.refuses("run s.json -o s.json", 2, "s.json: is not a SQLite file");
  for (const char* path : {"''", ":memory:", "'file:m.db?mode=memory'", "."})
    tokenfab.refuses(std::string("run s.json -o ") + path, 2, "");
  CHECK(tokenfab.text("r.db") == database);
  CHECK(tokenfab.text("s.json") == input);
  CHECK(tokenfab.text("diary.txt") == "dear diary");
  for (int again = 0; again < 2; ++again) {
    CHECK(tokenfab("report r.db -o r.html").code == 0);
    CHECK(tokenfab("report r.db --format json -o out.json").code == 0);
    CHECK(tokenfab("price r.db --plan groq --focus bill.csv").code == 0);
  }
}

TEST_CASE("hostile: rows per request are kept as documented") {
  const Hostile tokenfab;
  tokenfab.put("open.json", scenario(R"({"generate": {"arrivals": {"rate": 5}, "input_tokens": 100, "output_tokens": 10,
                                      "duration_s": 60}})"));
  const auto rows = [&](const std::string& arguments) {
    fs::remove(tokenfab.folder / "r.db");
    const json out = tokenfab.parsed("run " + arguments + " --no-bands --json -o r.db");
    FILE* pipe =
        popen(("sqlite3 '" + (tokenfab.folder / "r.db").string() + "' 'select count(*) from request'").c_str(), "r");
    long long n = -1;
    const int got = fscanf(pipe, "%lld", &n);
    pclose(pipe);
    CHECK(got == 1);
    return std::pair(n, out["requests"]["offered"].get<long long>());
  };
  const auto unknown = rows("open.json"), known = rows("s.json"), never = rows("s.json --no-rows");
  CHECK((unknown.first == unknown.second && unknown.first > 100));
  CHECK((known.first == 20 && known.second == 20));
  CHECK(never.first == 0);
}

TEST_CASE("hostile: names that are formulas, markup or controls do no harm in any output") {
  const Hostile tokenfab;
  tokenfab.put("f.json", scenario(kFew, R"("plan": {"pay_per_token": {"input": 1, "output": 2}})",
                                  R"(=HYPERLINK(\"http://evil\",\"x\")\u001b[2J\u2028)"));
  const Result run = tokenfab("run f.json --no-bands -o r.db");
  CHECK(run.code == 0);
  CHECK(run.out.find('\x1b') == std::string::npos);
  CHECK(tokenfab.parsed("run s.json --no-bands --json --set \"$(printf '/name=\"a\\177\"')\"")["study"] == "a\x7f");
  CHECK_THAT(run.out, Catch::Contains("\\u001b[2J\\u2028"));
  CHECK(tokenfab("price r.db --focus f.csv").code == 0);
  const std::string bill = tokenfab.text("f.csv");
  CHECK_THAT(bill, Catch::Contains("\"'=HYPERLINK(\"\"http://evil\"\""));
  CHECK(bill.find(",=") == std::string::npos);
  CHECK(tokenfab("report r.db -o f.html").code == 0);
  CHECK(tokenfab.text("f.html").find("\u2028") == std::string::npos);
}

TEST_CASE("hostile: nothing of a file that is no trace is shown") {
  const Hostile tokenfab;
  tokenfab.put("passwords", "root:x:0:0:hunter2\nhunter2,hunter2\n");
  tokenfab.put("keys.csv", "hunter2,secret\n1,2\n");
  for (const char* format : {"auto", "azure", "burstgpt", "mooncake", "vidur", "csv", "jsonl", "openai-usage"})
    for (const char* file : {"passwords", "keys.csv"}) {
      tokenfab.put("f.json",
                   scenario(std::string(R"({"trace": {"path": ")") + file + R"(", "format": ")" + format + R"("}})"));
      CHECK_THAT(tokenfab.refuses("run f.json", 2, file), !Catch::Contains("hunter2"));
    }
  CHECK_THAT(tokenfab.refuses("run passwords", 2, "passwords:1:1"), !Catch::Contains("hunter2"));
}
