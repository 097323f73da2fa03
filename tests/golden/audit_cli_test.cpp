// `tokenfab audit` from outside: contract, a few findings in full, files and exit codes.
#include <set>

#include "tests/golden/shell.h"

using namespace tokenfab::golden;

namespace {

const fs::path kRoot = TOKENFAB_SOURCE_DIR;

const char* kMine = R"({"article": {"id": "M", "title": "mine"}, "claims": [
  {"id": "M-1", "about": "the price of a day", "quote": "ten dollars a day", "said": 10, "unit": "USD/day",
   "inputs": {"hour": {"ref": "rents/h100-sxm/on-demand"}}, "formula": "24 * hour", "judge": {"equals": 0.05}}]})";

}  // namespace

TEST_CASE("audit --json keeps the contract's fields, with an answer to every claim") {
  const Shell tokenfab;
  const json out = tokenfab.parsed("audit --json -o a.db");
  REQUIRE(out.is_array());
  CHECK(out.size() == 230);
  std::set<std::string> ids, verdicts;
  std::size_t computed = 0;
  for (const json& f : out) {
    for (const char* key : {"id", "verdict", "recomputed", "formula", "inputs", "sources", "said", "unit", "quote",
                            "article", "condition"})
      CHECK(f.contains(key));
    ids.insert(f["id"]);
    verdicts.insert(f["verdict"]);
    computed += f["basis"] != "";
    CHECK((f["verdict"] == "holds only if") == !f["condition"].is_null());
  }
  CHECK(ids.size() == 230);
  CHECK(computed >= 180);
  CHECK(verdicts == std::set<std::string>{"holds", "holds only if", "unit error", "inconsistent with its own table",
                                          "infeasible", "not derivable", "opinion", "outside fact"});
  CHECK(tokenfab("report a.db --format json -o a.json").code == 2);  // holds an audit, but no run
}

TEST_CASE("a few findings in full") {
  const Shell tokenfab;
  const fs::path golden = kRoot / "tests/golden/approved/audit.txt";
  const std::string text =
      tokenfab(
          "audit --only S4-03 --only S3-18 --only S3-15 --only S4-70 --only S4-41 --only S0-35 --only S1-15 "
          "--only S0-07 --only S4-34")
          .out;
  if (std::getenv("TOKENFAB_APPROVE")) std::ofstream(golden) << text;
  CHECK(text == read_file(golden));
}

TEST_CASE("DeepSeek's day holds within 15 percent on simulated nodes, and a wrong day does not") {
  const Shell tokenfab;
  const fs::path file = kRoot / "audit/published/deepseek-day.json";
  const json out = tokenfab.parsed("audit " + file.string() + " --json");
  REQUIRE(out.size() == 7);
  for (const json& f : out) CHECK(f["verdict"] == "holds");
  std::string wrong = read_file(file);
  for (const auto& [from, to] : {std::pair{"\"said\": 226.75", "\"said\": 300"}, {"../../scenarios", ""}})
    for (std::size_t at = wrong.find(from); at != std::string::npos; at = wrong.find(from, at + 1))
      wrong.replace(at, std::string(from).size(), *to ? to : (kRoot / "scenarios").string());
  std::ofstream(tokenfab.folder / "wrong.json") << wrong;
  CHECK(tokenfab.parsed("audit wrong.json --only DS-04 --json")[0]["verdict"] != "holds");
}

TEST_CASE("a claim file of one's own is judged alone; mistakes exit with 2 and one line") {
  const Shell tokenfab;
  std::ofstream(tokenfab.folder / "mine.json") << kMine;
  const json out = tokenfab.parsed("audit mine.json --json");
  REQUIRE(out.size() == 1);
  CHECK(out[0]["verdict"] == "not derivable");
  CHECK(out[0]["recomputed"][0].get<double>() == Approx(24 * 2.95));
  std::ofstream(tokenfab.folder / "bad.json") << "{\"article\": {\"id\": \"M\", \"title\": \"m\"}, \"claims\": [{}]}";
  const Result bad = tokenfab("audit bad.json");
  CHECK(bad.code == 2);
  CHECK(one_line(bad) == "tokenfab: bad.json: /claims/0/id: is missing\n");
  const Result unknown = tokenfab("audit --only S4-033");
  CHECK(unknown.code == 2);
  CHECK(one_line(unknown).find("nearest: \"S4-03\"") != std::string::npos);
  CHECK(tokenfab("audit none.json").code == 2);
}
