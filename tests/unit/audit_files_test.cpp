// Claim files of the user's own: what works, what is refused and where; the schema agrees.
#include <functional>

#include "reports/audit_db.h"
#include "reports/results_db.h"
#include "reports/sqlite.h"
#include "tests/support/schema.h"
#include "tests/unit/audit_support.h"

using namespace tokenfab;
using namespace tokenfab::test;

namespace {

bool schema_accepts(const json& text) {
  return testing::schema_accepts(audit::shipped_folder() + "/schema/claims.schema.json", text);
}

struct Mistake {
  std::function<void(json&)> make;
  std::string message;  // its beginning
  bool schema_knows;
};

json& claim(json& text) { return text["claims"][0]; }
json& price(json& text) { return claim(text)["inputs"]["price"]; }

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> list = {
      {[](json& t) { claim(t).erase("unit"); }, "claims.json: /claims/0/unit: is missing", true},
      {[](json& t) { claim(t)["colour"] = 1; }, "claims.json: /claims/0/colour: unknown key", true},
      {[](json& t) { claim(t)["said"] = "20"; }, "claims.json: /claims/0/said: \"20\" is not a number", true},
      {[](json& t) { claim(t)["formula"] = "apples * (price"; }, "claims.json: /claims/0/formula: \"apples * (price\"",
       false},
      {[](json& t) { claim(t)["formula"] = "apples * prise"; },
       "claims.json: /claims/0/formula: no input \"prise\"; known: apples, price (nearest: \"price\")", false},
      {[](json& t) { claim(t)["formula"] = "apples"; }, "claims.json: /claims/0/inputs/price: is not used", false},
      {[](json& t) {
         claim(t)["said"] = {1, 2};
       },
       "claims.json: /claims/0/formula: 1 formula(s) for 2 said", false},
      {[](json& t) {
         claim(t)["judge"] = {{"equls", 0.1}};
       },
       "claims.json: /claims/0/judge: needs exactly one of", true},
      {[](json& t) {
         claim(t)["judge"] = {{"equals", 0.1}, {"within", 0.1}};
       },
       "claims.json: /claims/0/judge: needs exactly one of", true},
      {[](json& t) { price(t).erase("source"); }, "claims.json: /claims/0/inputs/price/source: is missing", true},
      {[](json& t) { price(t)["as_of"] = " "; }, "claims.json: /claims/0/inputs/price/as_of: is empty", true},
      {[](json& t) { price(t)["said"] = 2; }, "claims.json: /claims/0/inputs/price: needs exactly one of", true},
      {[](json& t) {
         price(t) = {{"ref", "chips/h10-sxm/memory"}};
       },
       "claims.json: /claims/0/inputs/price: \"chips/h10-sxm/memory\": \"h10-sxm\" is not a known chip", false},
      {[](json& t) {
         price(t) = {{"ref", "chips/h100-sxm/memry"}};
       },
       "claims.json: /claims/0/inputs/price: \"chips/h100-sxm/memry\": \"memry\" is not known", false},
      {[](json& t) {
         price(t) = {{"ref", "moons/h100-sxm"}};
       },
       "claims.json: /claims/0/inputs/price: \"moons/h100-sxm\": \"moons\" is not known", true},
      {[](json& t) {
         price(t) = {{"claim", "X-2"}};
       },
       "claims.json: /claims/0/inputs/price/claim: \"X-2\" is not a known claim (nearest: \"X-1\")", false},
      {[](json& t) {
         price(t) = {{"claim", "X-1"}, {"at", 3}};
       },
       "claims.json: /claims/0/inputs/price/at: X-1 says 1 number(s)", false},
      {[](json& t) {
         price(t) = {{"formula", "2 * price"}};
       },
       "claims.json: /claims/0/inputs/price: \"price\" is computed from itself", false},
      {[](json& t) {
         price(t) = {{"step", 3}, {"read", "decode_s"}};
       },
       "claims.json: /claims/0/inputs/price/step: 3 is not an object", true},
      {[](json& t) {
         price(t) = {{"step", {{"llm", "llama-3.1-8b"}, {"chip", "h100-sxm"}}}, {"read", "decode"}};
       },
       "claims.json: /claims/0/inputs/price/read: \"decode\" is not known", true},
      {[](json& t) {
         price(t) = {{"step", {{"llm", "llama-3.1-8b"}, {"chip", "h100"}}}, {"read", "decode_s"}};
       },
       "claims.json: /claims/0/inputs/price/step/chip: \"h100\" is not a known chip", false},
      {[](json& t) {
         price(t) = {{"step", {{"llm", "llama-3.1-8b"}, {"chip", "h100-sxm"}, {"batcher", {{"max_sequences", 4}}}}},
                     {"sequences", 8},
                     {"read", "decode_s"}};
       },
       "claims.json: /claims/0/inputs/price/sequences: 8 is more than the pool's max_sequences, 4", false},
      {[](json& t) {
         price(t) = {{"step", {{"llm", "llama-3.1-8b"}, {"chip", "h100-sxm"}}},
                     {"sequences", {{"input", "batch"}}},
                     {"read", "decode_s"}};
       },
       "claims.json: /claims/0/inputs/price: no input \"batch\"", false},
      {[](json& t) {
         price(t) = {{"run", "nowhere.json"}, {"read", "/makespan_s"}};
       },
       "nowhere.json: cannot be opened", false},
      {[](json& t) { claim(t)["over"] = json::object(); }, "claims.json: /claims/0/over: needs exactly one input",
       true},
      {[](json& t) {
         claim(t)["over"] = {{"x", {{"low", 2}, {"high", 1}, {"unit", "1"}, {"source", "s"}}}};
       },
       "claims.json: /claims/0/over/x/high: 1 is not above \"low\", 2", false},
      {[](json& t) {
         claim(t)["over"] = {{"x", {{"low", 1}, {"high", 2}, {"unit", "1"}, {"source", "s"}}}};
       },
       "claims.json: /claims/0/over: \"x\" is not used", false},
      {[](json& t) { claim(t)["class"] = "opinion"; }, "claims.json: /claims/0/reason: is missing", true},
      {[](json& t) {
         claim(t)["class"] = "opinion";
         claim(t)["reason"] = "taste";
       },
       "claims.json: /claims/0/formula: unknown key", true},
      {[](json& t) { t["claims"].push_back(claim(t)); }, "claims.json: /claims/1/id: \"X-1\" is taken by claims.json",
       false},
      {[](json& t) { t["claims"] = json::array(); }, "claims.json: /claims: holds no claim", true},
      {[](json& t) { t.erase("article"); }, "claims.json: /article: is missing", true},
  };
  return list;
}

}  // namespace

TEST_CASE("a user's claim file is judged, and may build on shipped claims") {
  json text = one_claim(20);
  CHECK(schema_accepts(text));
  CHECK(judged(text).verdict == audit::Verdict::holds);
  const auto f = judged(text);
  CHECK(f.recomputed == std::vector<double>{20});
  CHECK(f.sources == std::vector<std::string>{"X: \"ten cost twenty\"", "X", "the market, 2026"});

  const ClaimFile file([] {
    json t = one_claim(40 * 0.23);
    t["claims"][0]["inputs"] = {{"chips", {{"claim", "S3-18"}}},
                                {"sram", {{"value", 0.23}, {"unit", "GB"}, {"source", "x"}, {"as_of", "2026"}}}};
    t["claims"][0]["formula"] = "chips * sram";
    return t;
  }());
  audit::Library library;
  for (const auto& shipped : audit::shipped_files()) library.add_file(shipped);
  library.add_file(file.path());
  CHECK(audit::check(library.find("X-1"), library, tools()).verdict == audit::Verdict::holds);
  CHECK_THROWS_WITH(library.find("S3-188"), Catch::Contains("\"S3-188\" is not a known claim (nearest: \"S3-18\")"));
}

TEST_CASE("mistakes in a claim file are refused with file and pointer") {
  for (const Mistake& m : mistakes()) {
    json text = one_claim(20);
    m.make(text);
    INFO(text.dump());
    CHECK(refusal(text).substr(0, m.message.size()) == m.message);
    CHECK(schema_accepts(text) == !m.schema_knows);
  }
}

TEST_CASE("the shipped claim files meet their schema") {
  CHECK(audit::shipped_files().size() == 5);
  for (const auto& file : audit::shipped_files()) CHECK(schema_accepts(parse_json_file(file)));
}

TEST_CASE("a scenario of a claim is found beside its file, and its numbers by pointer") {
  json text = one_claim(1);
  text["claims"][0]["inputs"] = {{"served",
                                  {{"run", "tiny.json"},
                                   {"read", "/requests/served"},
                                   {"set", {{"/workload/generate/max_requests", {{"input", "n"}}}}}}},
                                 {"n", {{"value", 7}, {"unit", "requests"}, {"source", "test"}, {"as_of", "2026"}}}};
  text["claims"][0]["formula"] = "served";
  text["claims"][0]["said"] = 7;
  const ClaimFile file(text);
  std::ofstream(file.folder() / "tiny.json") << R"({"workload": {"generate": {"arrivals": {"rate": 4},
    "input_tokens": 30, "output_tokens": 5, "max_requests": 30}}, "pools": [{"llm": "llama-3.1-8b", "chip": "l4"}]})";
  audit::Library library;
  library.add_file(file.path());
  const auto f = audit::check(library.find("X-1"), library, tools());
  CHECK(f.recomputed == std::vector<double>{7});
  CHECK(f.basis == "simulation");
  CHECK(f.verdict == audit::Verdict::holds);
}

TEST_CASE("the table of an audit replaces the one before, beside runs or alone") {
  const ClaimFile folder(json::object());
  const std::string path = (folder.folder() / "results.db").string();
  const auto row = [](const std::string& id) {
    return AuditRow{id, "X", "about", "quote", "USD", "holds", "arithmetic", "[1]", "[1]", "a", "[]", "[]", "", "why"};
  };
  write_audit(path, "1", {row("a"), row("b")});
  write_audit(path, "2", {row("c")});
  CHECK(ResultsDb::open(path).runs().empty());
  sqlite::Connection db(path, SQLITE_OPEN_READONLY);
  sqlite::Statement s(db, "SELECT id, verdict, tokenfab_version, (SELECT count(*) FROM audit) FROM audit");
  REQUIRE(s.step());
  std::string id, verdict, version;
  int count = 0;
  s.read(id).read(verdict).read(version).read(count);
  CHECK(id == "c");
  CHECK(verdict == "holds");
  CHECK(version == "2");
  CHECK(count == 1);
  CHECK_THROWS_AS(write_audit(folder.path(), "1", {}), UserError);  // a claim file is no results file
}
