#pragma once
// What the tests of reports/ share: a folder, SQL from outside, the text of an error, a child process.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "reports/results_db.h"
#include "tests/catch.h"
#include "tests/support/records.h"

namespace tokenfab::testing {

namespace fs = std::filesystem;

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

inline std::vector<std::vector<std::string>> query(const std::string& path, const std::string& sql) {
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

inline double value(const std::string& path, const std::string& sql) {
  const auto rows = query(path, sql);
  REQUIRE(rows.size() == 1);
  return std::stod(rows[0][0]);
}

inline void write_one(const std::string& path, const RunRecord& r) {
  ResultsDb db = ResultsDb::create_or_open(path, "test");
  db.finish_run(db.begin_run(r), r);
}

inline std::string message(const std::function<void()>& body) {
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

}  // namespace tokenfab::testing
