#include "reports/schema_upgrade.h"

#include <vector>

namespace tokenfab::sqlite {
namespace {

struct Object {
  std::string type, name, sql;
};

std::vector<Object> objects(Connection& db) {
  Statement s(db, "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'view') AND sql IS NOT NULL");
  std::vector<Object> out;
  while (s.step()) {
    Object& o = out.emplace_back();
    s.read(o.type).read(o.name).read(o.sql);
  }
  return out;
}

void add_columns(Connection& db, Connection& model, const std::string& table) {
  Statement wanted(model, "SELECT name, type FROM pragma_table_info(?) ORDER BY cid");
  for (wanted.bind(table); wanted.step();) {
    std::string name, type;
    wanted.read(name).read(type);
    if (db.columns(table).count(name) == 0)
      db.run(("ALTER TABLE " + table + " ADD COLUMN " + name + " " + type).c_str());
  }
}

}  // namespace

void complete_schema(Connection& db, const std::string& schema) {
  Connection model("schema", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
  model.run(schema.c_str());
  const std::vector<Object> all = objects(model);
  for (const Object& o : all) {
    if (o.type == "view") db.run(("DROP VIEW IF EXISTS " + o.name).c_str());
    else if (!db.columns(o.name).empty()) add_columns(db, model, o.name);
    else db.run(o.sql.c_str());
  }
  for (const Object& o : all)
    if (o.type == "view") db.run(o.sql.c_str());
  db.forget_columns();
}

}  // namespace tokenfab::sqlite
