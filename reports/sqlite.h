#pragma once
// A thin SQLite wrapper for this folder only.
#include <sqlite3.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <new>
#include <set>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/escape.h"

namespace tokenfab::sqlite {

/// Whether a writer is at work on the file, or died there: what it wrote last is beside the file, maybe nothing yet.
inline bool has_log(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path + "-journal", ignored) || std::filesystem::exists(path + "-wal", ignored);
}

/// Owns a connection; every failure is a UserError that names the file.
class Connection {
 public:
  Connection(const std::string& path, int flags) : path_(path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) throw UserError(path + ": cannot be opened: is a folder");
    // A name that SQLite might take for something else than a file ("file:", ":memory:") is one all the same.
    const std::string name = path.starts_with('/') ? path : "./" + path;
    const int code = sqlite3_open_v2(name.c_str(), &db_, flags, nullptr);
    if (code != SQLITE_OK) {
      const std::string why = reason(code);
      sqlite3_close(db_);
      throw UserError(path_ + ": cannot be opened: " + why);
    }
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, 5000);
  }
  ~Connection() { sqlite3_close(db_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run(const char* sql) {
    const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
  }
  /// For what another process at work on the file will do in its turn.
  void run_unless_busy(const char* sql) {
    const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED) fail(code);
  }
  /// For clean-up paths: a failure is not reported twice.
  void try_run(const char* sql) noexcept { sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }
  [[noreturn]] void fail(int code) const {
    if ((code & 0xff) == SQLITE_NOMEM) throw std::bad_alloc();
    throw UserError(path_ + ": " + reason(code));
  }
  sqlite3* get() const { return db_; }
  const std::string& path() const { return path_; }
  /// The columns of a table, looked up once: a file of an older version lacks some.
  const std::set<std::string>& columns(const std::string& table);
  void forget_columns() { columns_.clear(); }

 private:
  std::string reason(int code) const {
    switch (code & 0xff) {
      case SQLITE_FULL:
        return "the disk is full; runs already marked complete are kept";
      case SQLITE_CORRUPT:
        return "is damaged: no whole SQLite file";
      case SQLITE_PROTOCOL:
        return killed_writer();
      case SQLITE_READONLY:
        return code == SQLITE_READONLY ? "is read-only" : killed_writer();
      case SQLITE_IOERR:
        return std::string("reading or writing failed (disk full?): ") + sqlite3_errstr(code);
      case SQLITE_NOTADB:
        return "is not a SQLite file";
      case SQLITE_CANTOPEN:
        return has_log(path_) ? killed_writer() : "no such folder or file, or no permission";
      case SQLITE_BUSY:
        return "is in use by another process";
      default:
        return db_ ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
    }
  }
  std::string killed_writer() const {
    return "was left in the middle of a write, and cannot be repaired in a place that is read-only; copy " + path_ +
           "* into a folder of your own and open it there";
  }
  std::string path_;
  sqlite3* db_ = nullptr;
  std::map<std::string, std::set<std::string>> columns_;
};

/// A prepared statement: bind in order, step, read in order.
class Statement {
 public:
  Statement(Connection& db, const std::string& sql) : db_(db) {
    const int code = sqlite3_prepare_v2(db.get(), sql.c_str(), -1, &statement_, nullptr);
    if (code != SQLITE_OK) db.fail(code);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class T>
  Statement& bind(const T& value) {
    ++bound_;
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isfinite(value)) sqlite3_bind_double(statement_, bound_, value);
      else sqlite3_bind_null(statement_, bound_);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      sqlite3_bind_int64(statement_, bound_, static_cast<sqlite3_int64>(value));
    } else {
      const std::string& text = value;
      sqlite3_bind_text(statement_, bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
    return *this;
  }
  Statement& bind_null() {
    sqlite3_bind_null(statement_, ++bound_);
    return *this;
  }
  /// True where a row is there to read.
  bool step() {
    const int code = sqlite3_step(statement_);
    column_ = 0;
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) db_.fail(code);
    return false;
  }
  /// Runs an insert or update and makes ready for the next.
  void execute() {
    step();
    reset();
  }
  void reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  sqlite3_stmt* get() const { return statement_; }
  template <class T>
  Statement& read(T& out) {
    const int c = column_++;
    if constexpr (std::is_floating_point_v<T>) {
      out = sqlite3_column_type(statement_, c) == SQLITE_NULL ? std::nan("") : sqlite3_column_double(statement_, c);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      out = static_cast<T>(sqlite3_column_int64(statement_, c));
    } else {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, c));
      out = text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, c))) : std::string();
      if (!is_utf8(out)) throw UserError(db_.path() + ": is damaged: a text in it is not UTF-8");
    }
    return *this;
  }

 private:
  Connection& db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0, column_ = 0;
};

inline const std::set<std::string>& Connection::columns(const std::string& table) {
  const auto [at, is_new] = columns_.try_emplace(table);
  if (!is_new) return at->second;
  Statement s(*this, "SELECT name FROM pragma_table_info(?)");
  for (s.bind(table); s.step();) {
    std::string name;
    s.read(name);
    at->second.insert(name);
  }
  return at->second;
}

/// Commits on commit(), rolls back otherwise.
class Transaction {
 public:
  explicit Transaction(Connection& db) : db_(db) { db_.run("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (open_) db_.try_run("ROLLBACK");
  }
  void commit() {
    db_.run("COMMIT");
    open_ = false;
  }

 private:
  Connection& db_;
  bool open_ = true;
};

}  // namespace tokenfab::sqlite
