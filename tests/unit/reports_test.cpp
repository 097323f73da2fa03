#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "reports/report_html.h"
#include "reports/results_db.h"
#include "tests/catch.h"
#include "tests/support/records.h"

using namespace tokenfab;
using tokenfab::testing::sample_record;
namespace fs = std::filesystem;

namespace {

/// A folder of its own that goes away with the test.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "tokenfab-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

std::vector<std::vector<std::string>> query(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  std::vector<std::vector<std::string>> rows;
  char* error = nullptr;
  const int code = sqlite3_exec(
      db, sql.c_str(),
      [](void* out, int n, char** values, char**) {
        auto& list = *static_cast<std::vector<std::vector<std::string>>*>(out);
        list.emplace_back();
        for (int i = 0; i < n; ++i) list.back().emplace_back(values[i] ? values[i] : "NULL");
        return 0;
      },
      &rows, &error);
  INFO((error ? error : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(error);
  sqlite3_close(db);
  return rows;
}

double value(const std::string& path, const std::string& sql) {
  const auto rows = query(path, sql);
  REQUIRE(rows.size() == 1);
  return std::stod(rows[0][0]);
}

void write_one(const std::string& path, const RunRecord& r) {
  ResultsDb db = ResultsDb::create_or_open(path, "test");
  db.finish_run(db.begin_run(r), r);
}

std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

/// Runs `body` in a child process and returns how it ended; the child never returns into the test runner.
template <class Body>
int in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    int code = 1;
    try {
      code = body();
    } catch (...) {
      code = 99;
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("a run comes back from the file as it went in") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const RunRecord in = sample_record("study");
  write_one(path, in);
  CHECK_FALSE(fs::exists(path + "-wal"));  // one file remains
  ResultsDb db = ResultsDb::open(path);
  const auto runs = db.runs();
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].complete);
  CHECK(runs[0].version == "test");
  const RunRecord out = db.load(runs[0].id);
  CHECK(report_data({in}, "v") == report_data({out}, "v"));
  CHECK(out.latency.ttft.sum() == in.latency.ttft.sum());
  CHECK(out.pools[0].paid_chip_seconds == in.pools[0].paid_chip_seconds);
  CHECK(out.pools[0].peak_kv_blocks == in.pools[0].peak_kv_blocks);
  CHECK(out.pools[0].step_time.size() == 3);
  CHECK(out.ledger[1].usd == in.ledger[1].usd);
  CHECK(out.cost.break_even_utilisation == in.cost.break_even_utilisation);
  CHECK(out.series.bins[11].waiting_ns == in.series.bins[11].waiting_ns);
  CHECK(out.scenario_json == in.scenario_json);
  CHECK(out.seed == in.seed);
}

TEST_CASE("each view answers its question with the record's numbers") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const RunRecord r = sample_record("study");
  write_one(path, r);
  CHECK(value(path, "SELECT output_tok_s FROM v_summary") == Approx(490 / 12.5));
  CHECK(value(path, "SELECT ttft_p99_s FROM v_summary") == Approx(r.latency.ttft.quantile(0.99) * 1e-9));
  CHECK(value(path, "SELECT usd_per_mtok_out FROM v_unit_cost") == 66);
  CHECK(value(path, "SELECT carbon_g FROM v_unit_cost") == 2);
  CHECK(value(path, "SELECT mean_s FROM v_latency WHERE metric = 'e2e'") == Approx(r.latency.e2e.mean() * 1e-9));
  CHECK(value(path, "SELECT share FROM v_bottleneck WHERE op_class = 'host'") == Approx(4.0 / 30));
  CHECK(value(path, "SELECT SUM(share) FROM v_bottleneck") == Approx(1));
  CHECK(value(path, "SELECT break_even_price_factor FROM v_breakeven") == 0.58);
  CHECK(query(path, "SELECT kind FROM v_assumptions ORDER BY kind") ==
        std::vector<std::vector<std::string>>{{"assumption"}, {"hardware model"}, {"price"}});
  CHECK(value(path, "SELECT SUM(count) FROM latency_sketch WHERE metric = 'ttft'") == 98);
  CHECK(value(path, "SELECT COUNT(*) FROM request WHERE state = 'served'") == 98);
  CHECK(query(path, "SELECT first_token_ns FROM request WHERE id = 100")[0][0] == "NULL");
}

TEST_CASE("the same records make the same content, and runs append") {
  Folder folder;
  const auto dump = [&](const std::string& path) {
    std::string all;
    for (const auto& table : query(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
      for (const auto& row : query(path, "SELECT * FROM " + table[0]))
        for (const auto& cell : row) all += cell + "|";
    return all;
  };
  for (const char* name : {"a.db", "b.db"}) {
    write_one(folder.file(name), sample_record("study"));
    write_one(folder.file(name), sample_record("study", 1));
  }
  CHECK(dump(folder.file("a.db")) == dump(folder.file("b.db")));
  CHECK(ResultsDb::open(folder.file("a.db")).runs().size() == 2);
}

TEST_CASE("a writer killed in the middle leaves a file that opens and says which runs are whole") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const int status = in_child([&] {
    ResultsDb db = ResultsDb::create_or_open(path, "test");
    const RunRecord first = sample_record("one"), second = sample_record("two");
    const auto a = db.begin_run(first);
    db.begin_run(second);
    db.finish_run(a, first);
    raise(SIGKILL);
    return 0;
  });
  CHECK(WIFSIGNALED(status));
  ResultsDb db = ResultsDb::create_or_open(path, "test");  // recovers the log
  const auto runs = db.runs();
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].complete);
  CHECK_FALSE(runs[1].complete);
  CHECK(db.load(runs[0].id).served == 98);
  CHECK_THROWS_WITH(db.load(runs[1].id), Catch::Contains("not complete"));
}

TEST_CASE("a full disk is one clear line, and complete runs are kept") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const std::string log = folder.file("message.txt");
  const int status = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    write_one(path, sample_record("whole"));
    const auto size = fs::file_size(path);
    const rlimit limit{size + 20000, size + 20000};
    setrlimit(RLIMIT_FSIZE, &limit);
    RunRecord big = sample_record("big");
    for (int i = 101; i < 20000; ++i) {
      big.rows.push_back(big.rows[0]);
      big.rows.back().id = i;
    }
    const std::string text = message([&] { write_one(path, big); });
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &none);
    return text.find(path) == 0 && text.find("disk full") != std::string::npos ? 0 : 2;
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  ResultsDb db = ResultsDb::open(path);
  const auto runs = db.runs();
  REQUIRE_FALSE(runs.empty());
  CHECK(runs[0].complete);
  CHECK(db.load(runs[0].id).study == "whole");
}

TEST_CASE("what is not our results file is refused in one line with its path") {
  Folder folder;
  const std::string text = folder.file("text.db");
  std::ofstream(text) << std::string(5000, 'x');
  CHECK_THAT(message([&] { ResultsDb::open(text); }), Catch::StartsWith(text + ": is not a SQLite file"));
  CHECK_THAT(message([&] { ResultsDb::create_or_open(text, "v"); }), Catch::Contains("is not a SQLite file"));
  CHECK_THAT(message([&] { ResultsDb::open(folder.file("none.db")); }), Catch::Contains("no such file"));
  CHECK_THAT(message([&] { ResultsDb::create_or_open(folder.file("no/such/r.db"), "v"); }),
             Catch::Contains("no such folder"));
  CHECK_THAT(message([&] { ResultsDb::create_or_open(folder.path.string(), "v"); }), Catch::Contains("cannot be opened"));
  const std::string foreign = folder.file("foreign.db");
  sqlite3* db = nullptr;
  sqlite3_open(foreign.c_str(), &db);
  sqlite3_exec(db, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  CHECK_THAT(message([&] { ResultsDb::create_or_open(foreign, "v"); }), Catch::Contains("not tokenfab results"));
  write_one(folder.file("old.db"), sample_record("s"));
  sqlite3_open(folder.file("old.db").c_str(), &db);
  sqlite3_exec(db, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  CHECK_THAT(message([&] { ResultsDb::open(folder.file("old.db")); }), Catch::Contains("schema 99"));
}

TEST_CASE("the report escapes what the records say") {
  const std::string hostile = "</script><img src=x onerror=alert(1)>&\"'<!--\xe2\x80\xa8";
  const std::string page = render_html({sample_record(hostile)}, "1");
  CHECK(page.find("<img src=x") == std::string::npos);
  CHECK(page.find("\xe2\x80\xa8") == std::string::npos);
  const auto begin = page.find("id=\"data\">") + 10, end = page.find("</script>", begin);
  const auto data = nlohmann::json::parse(page.substr(begin, end - begin));
  CHECK(data["study"] == hostile);
  CHECK(page.find("http-equiv=\"Content-Security-Policy\"") != std::string::npos);
}

TEST_CASE("replications give a mean with its Student interval") {
  RunRecord a = sample_record("s", 0), b = sample_record("s", 1);
  a.cost.usd_total = 1;
  b.cost.usd_total = 3;
  const auto data = nlohmann::json::parse(report_data({a, b}, "1"));
  REQUIRE(data["alternatives"].size() == 1);
  for (std::size_t i = 0; i < data["metrics"].size(); ++i) {
    if (data["metrics"][i]["label"] != "Total cost") continue;
    const auto& e = data["alternatives"][0]["metrics"][i];
    CHECK(e["mean"] == 2.0);
    CHECK(e["half_width"].get<double>() == Approx(12.7062047364));  // t(0.975, 1) * sqrt(2) / sqrt(2)
  }
}
