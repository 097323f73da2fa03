#pragma once
#include <string>
#include <vector>

#include "reports/sqlite.h"

// Rows of a table from and to records whose fields a visitor of fields.h names.
namespace tokenfab::sqlite {

/// "INSERT INTO table (keys…, fields…) VALUES (?, …)", the fields named by a visitor from fields.h.
template <class Record, class Visit>
Statement insert(Connection& db, const std::string& table, const std::vector<std::string>& keys, const Record& record,
                 Visit visit) {
  std::string names, marks;
  const auto add = [&](const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
    marks += marks.empty() ? "?" : ", ?";
  };
  for (const auto& key : keys) add(key);
  visit(record, [&](const char* name, const auto&) { add(name); });
  return Statement(db, "INSERT INTO " + table + " (" + names + ") VALUES (" + marks + ")");
}

template <class Record, class Visit>
void write(Statement& s, const Record& record, Visit visit) {
  visit(record, [&](const char*, const auto& value) { s.bind(value); });
  s.execute();
}

/// One row per element, keyed by run and position.
template <class Record, class Visit>
void write_list(Connection& db, std::int64_t run, const std::string& table, const std::string& position,
                const std::vector<Record>& list, Visit visit) {
  if (list.empty()) return;
  Statement s = insert(db, table, {"run_id", position}, list.front(), visit);
  for (std::size_t i = 0; i < list.size(); ++i) write(s.bind(run).bind(static_cast<std::int64_t>(i)), list[i], visit);
}

/// "SELECT fields FROM table WHERE …", the fields named by a visitor from fields.h; NULL for those that an older file
/// lacks.
template <class Record, class Visit>
Statement select(Connection& db, const std::string& from, Record& blank, Visit visit) {
  std::string names;
  const auto& columns = db.columns(from.substr(0, from.find(' ')));
  visit(blank, [&](const char* name, auto&) {
    names += (names.empty() ? "" : ", ") + std::string(columns.count(name) > 0 ? name : "NULL");
  });
  return Statement(db, "SELECT " + names + " FROM " + from);
}

template <class Record, class Visit>
void read(Statement& s, Record& record, Visit visit) {
  visit(record, [&](const char*, auto& value) { s.read(value); });
}

/// The row of a table that has one per run; false where there is none.
template <class Record, class Visit>
bool read_one(Connection& db, std::int64_t run, const std::string& from, Record& record, Visit visit) {
  Statement s = select(db, from, record, visit);
  if (!s.bind(run).step()) return false;
  read(s, record, visit);
  return true;
}

template <class Record, class Visit>
std::vector<Record> read_list(Connection& db, std::int64_t run, const std::string& from, Visit visit) {
  Record blank;
  Statement s = select(db, from, blank, visit);
  std::vector<Record> out;
  for (s.bind(run); s.step();) read(s, out.emplace_back(), visit);
  return out;
}

// Visitors as objects, so that they can be passed on.

}  // namespace tokenfab::sqlite
