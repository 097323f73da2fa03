#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "reports/sqlite.h"

namespace tokenfab::sqlite {

/// A hash over what a run has in the tables of the results file, rows per request apart: it tells a run that is as it
/// was written from one that was damaged or edited. Not a signature.
class Seal {
 public:
  explicit Seal(Connection& db) : db_(db) {}
  /// After the run's last row is written.
  void set(std::int64_t run);
  /// Errors: UserError where the run is not what was sealed.
  void check(std::int64_t run);
  /// The file's tables changed.
  void forget() { tables_.clear(); }

 private:
  std::uint64_t digest(std::int64_t run);
  void prepare();

  struct Table {
    std::uint64_t name;  // its hash
    std::unique_ptr<Statement> rows;
  };
  Connection& db_;
  std::vector<Table> tables_;
};

}  // namespace tokenfab::sqlite
