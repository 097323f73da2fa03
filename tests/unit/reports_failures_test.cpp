// The results file when things go wrong: killed, disk full, read-only, not ours.
#include <signal.h>
#include <sys/resource.h>

#include <fstream>

#include "sim/core/row_spool.h"
#include "tests/unit/reports_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

RunRecord with_rows(const std::string& name, int rows) {
  RunRecord r = sample_record(name);
  while (static_cast<int>(r.rows.size()) < rows) {
    r.rows.push_back(r.rows[0]);
    r.rows.back().id = static_cast<std::int64_t>(r.rows.size()) - 1;
  }
  return r;
}

}  // namespace

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

TEST_CASE("a writer killed inside a write leaves its run 'running' and the others whole") {
  // The process dies of SIGXFSZ at the very write that passes the limit: in the log first, in the file itself later.
  const int extra = GENERATE(0, 5000, 40000, 200000);
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("whole"));
  const auto limit_at = fs::file_size(path) + static_cast<std::uintmax_t>(extra);
  const RunRecord big = with_rows("big", 20000);
  const int status = in_child([&] {
    signal(SIGXFSZ, SIG_DFL);
    const rlimit no_core{0, 0}, limit{limit_at, limit_at};
    setrlimit(RLIMIT_CORE, &no_core);
    ResultsDb db = ResultsDb::create_or_open(path, "test");
    const auto run = db.begin_run(big);
    setrlimit(RLIMIT_FSIZE, &limit);
    db.finish_run(run, big);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGXFSZ);
  ResultsDb db = ResultsDb::create_or_open(path, "test");
  const auto runs = db.runs();
  REQUIRE(runs.size() == 2);
  CHECK(db.load(runs[0].id).served == 98);
  CHECK_FALSE(runs[1].complete);
  db.finish_run(runs[1].id, big);  // nothing of the torn write is left in the way
  CHECK(db.load(runs[1].id).study == "big");
}

TEST_CASE("a journal that a killed writer left is played back by readers, too") {
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("whole"));
  const int status = in_child([&] {
    sqlite3* db = nullptr;
    sqlite3_open(path.c_str(), &db);
    // A small cache spills into the file before the commit that never comes.
    sqlite3_exec(db,
                 "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; UPDATE run SET study = 'torn';"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
                 "INSERT INTO infeasible (study, alternative, reason) SELECT 's', i, 'r' FROM n",
                 nullptr, nullptr, nullptr);
    raise(SIGKILL);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(fs::file_size(path + "-journal") > 0);
  ResultsDb db = ResultsDb::open(path);
  CHECK(db.load(1).study == "whole");
  CHECK(db.infeasible().empty());
}

TEST_CASE("a killed writer's log in a place that is read-only is answered with how to repair it") {
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("whole"));
  std::ofstream(path + "-wal") << std::string(100, 'x');  // a reader would have to make room for its index
  sqlite3* raw = nullptr;
  sqlite3_open(path.c_str(), &raw);
  sqlite3_exec(raw, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  std::ofstream(path + "-wal") << std::string(100, 'x');
  fs::permissions(path, fs::perms{0444});
  fs::permissions(folder.path, fs::perms{0555});
  const int status = in_child([&] {
    if (geteuid() == 0 && setuid(65534) != 0) return 3;  // permissions do not bind root
    const std::string text = message([&] { ResultsDb::open(path); });
    return text.find(path) == 0 && text.find("copy " + path + "* into a folder of your own") != text.npos ? 0 : 4;
  });
  fs::permissions(folder.path, fs::perms{0755});
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a run that is not what was written is refused, whichever table was damaged") {
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("whole"));
  const auto tables = query(path,
                            "SELECT m.name, (SELECT name FROM pragma_table_info(m.name) WHERE name NOT IN ('run_id') "
                            "ORDER BY pk, cid LIMIT 1) FROM sqlite_master AS m WHERE m.type = 'table' AND EXISTS "
                            "(SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'run_id')");
  CHECK(tables.size() > 20);
  const auto after = [&](const std::string& sql) {
    const std::string copy = folder.file("copy.db");
    fs::remove(copy);
    fs::copy_file(path, copy);
    sqlite3* db = nullptr;
    sqlite3_open(copy.c_str(), &db);
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    const int changed = sqlite3_total_changes(db);
    sqlite3_close(db);
    const std::string why = message([&] { ResultsDb::open(copy).load(1); });
    return std::pair(changed, why);
  };
  int tried = 0;
  for (const auto& table : tables) {
    if (table[0] == "request") continue;  // load() leaves these out
    CAPTURE(table[0], table[1]);
    for (const std::string& sql :
         {"DELETE FROM \"" + table[0] + "\"", "UPDATE \"" + table[0] + "\" SET \"" + table[1] + "\" = x'00ff'"}) {
      const auto [changed, why] = after(sql);
      if (changed == 0) continue;
      ++tried;
      CHECK_THAT(why, Catch::Contains("damaged"));
    }
  }
  CHECK(tried > 40);
  CHECK_THAT(after("UPDATE run SET scenario = '{}'").second, Catch::Contains("damaged"));
  CHECK_THAT(after("DROP TABLE seal").second, Catch::Contains("no such table"));
  CHECK(after("DELETE FROM request").second == "no error");
  CHECK(after("UPDATE run SET state = 'complete'").second == "no error");
}

TEST_CASE("files of the version before seals are read, and sealed by the first who appends") {
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("old"));
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_exec(db, "DROP TABLE seal; PRAGMA user_version = 8", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  CHECK(ResultsDb::open(path).load(1).study == "old");
  write_one(path, sample_record("new"));
  CHECK(value(path, "SELECT COUNT(*) FROM seal") == 2);
  CHECK(value(path, "PRAGMA user_version") == 10);
  ResultsDb both = ResultsDb::open(path);
  CHECK(both.load(1).study == "old");
  CHECK(both.load(2).study == "new");
}

TEST_CASE("rows that waited on disk are stored as those in memory, in the same order") {
  Folder folder;
  const RunRecord whole = with_rows("s", 5000);
  RunRecord spooled = whole;
  spooled.spooled_rows = std::make_shared<RowSpool>(folder.path.string());
  std::vector<RequestRow> head(whole.rows.begin(), whole.rows.begin() + 3000);
  spooled.spooled_rows->take(head);
  spooled.rows.erase(spooled.rows.begin(), spooled.rows.begin() + 3000);
  CHECK(row_count(spooled) == 5000);
  write_one(folder.file("a.db"), whole);
  write_one(folder.file("b.db"), spooled);
  const std::string all = "SELECT * FROM request";
  CHECK(query(folder.file("a.db"), all) == query(folder.file("b.db"), all));
}

TEST_CASE("a full disk is one clear line, and complete runs are kept") {
  Folder folder;
  const std::string path = folder.file("r.db");
  const int status = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    write_one(path, sample_record("whole"));
    const auto size = fs::file_size(path);
    const rlimit limit{size + 20000, size + 20000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const RunRecord big = with_rows("big", 20000);
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

TEST_CASE("a read-only target is refused in one line and can still be read") {
  Folder folder;
  const std::string path = folder.file("r.db");
  write_one(path, sample_record("whole"));
  fs::permissions(path, fs::perms{0444});
  fs::permissions(folder.path, fs::perms{0555});
  const int status = in_child([&] {
    if (geteuid() == 0 && setuid(65534) != 0) return 3;  // permissions do not bind root
    const std::string append = message([&] { ResultsDb::create_or_open(path, "v"); });
    if (append != path + ": is read-only") return 4;
    const std::string create = message([&] { ResultsDb::create_or_open(folder.file("new.db"), "v"); });
    if (create.find(folder.file("new.db") + ": cannot be opened: ") != 0) return 5;
    return ResultsDb::open(path).runs().size() == 1 ? 0 : 6;
  });
  fs::permissions(folder.path, fs::perms{0755});
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
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
  CHECK_THAT(message([&] { ResultsDb::create_or_open(folder.path.string(), "v"); }), Catch::Contains("is a folder"));
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
