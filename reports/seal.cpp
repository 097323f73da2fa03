#include "reports/seal.h"

#include <cstring>
#include <string_view>

namespace tokenfab::sqlite {
namespace {

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
class Hash {
 public:
  explicit Hash(std::uint64_t start = 0xcbf29ce484222325) : value_(start) {}
  Hash& add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return *this;
  }
  template <class T>
  Hash& add_value(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    return add({bytes, sizeof value});
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

void add_column(Hash& hash, sqlite3_stmt* row, int column) {
  const int type = sqlite3_column_type(row, column);
  hash.add_value(type);
  if (type == SQLITE_INTEGER) hash.add_value(sqlite3_column_int64(row, column));
  else if (type == SQLITE_FLOAT) hash.add_value(sqlite3_column_double(row, column));
  else if (type != SQLITE_NULL) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
    const int size = sqlite3_column_bytes(row, column);
    hash.add_value(size).add({bytes ? bytes : "", static_cast<std::size_t>(size)});
  }
}

std::uint64_t row_hash(std::uint64_t table, sqlite3_stmt* row) {
  Hash hash(table);
  for (int c = 0; c < sqlite3_column_count(row); ++c) add_column(hash, row, c);
  return hash.value();
}

}  // namespace

void Seal::prepare() {
  Statement names(db_,
                  "SELECT m.name FROM sqlite_master AS m WHERE m.type = 'table' AND m.name NOT IN ('request', 'seal') "
                  "AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'run_id')");
  const auto add = [&](const std::string& name, const std::string& key) {
    tables_.push_back({Hash().add(name).value(),
                       std::make_unique<Statement>(db_, "SELECT * FROM \"" + name + "\" WHERE " + key + " = ?")});
  };
  add("run", "id");
  while (names.step()) {
    std::string name;
    names.read(name);
    if (name.find('"') == std::string::npos) add(name, "run_id");
  }
}

/// The sum of the hashes of all rows: their order does not matter.
std::uint64_t Seal::digest(std::int64_t run) {
  if (tables_.empty()) prepare();
  std::uint64_t sum = 0;
  for (Table& t : tables_) {
    t.rows->bind(run);
    while (t.rows->step()) sum += row_hash(t.name, t.rows->get());
    t.rows->reset();
  }
  return sum;
}

void Seal::set(std::int64_t run) {
  const std::uint64_t value = digest(run);
  Statement(db_, "INSERT INTO seal VALUES (?, ?)").bind(run).bind(value).execute();
}

void Seal::check(std::int64_t run) {
  Statement stored(db_, "SELECT digest FROM seal WHERE run_id = ?");
  std::uint64_t value = 0;
  if (stored.bind(run).step()) stored.read(value);
  if (value != digest(run))
    throw UserError(db_.path() + ": run " + std::to_string(run) +
                    " is damaged or was edited: what it holds is not what was written; run its scenario again");
}

}  // namespace tokenfab::sqlite
