#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/spool.h"
#include "sim/core/records.h"

namespace tokenfab {

/// Rows of requests on disk, for runs with more of them than memory should hold.
class RowSpool {
 public:
  static constexpr std::size_t kLot = std::size_t{1} << 16;  // rows that wait in memory

  explicit RowSpool(const std::string& folder) : spool_(folder) {}
  /// Takes the rows; `rows` is empty then.
  void take(std::vector<RequestRow>& rows);
  std::int64_t count() const { return count_; }
  void for_each(const std::function<void(const RequestRow&)>& visit);

 private:
  Spool spool_;
  std::int64_t count_ = 0;
};

/// All rows of a run, in the order in which the requests ended.
void for_each_row(const RunRecord& record, const std::function<void(const RequestRow&)>& visit);
std::int64_t row_count(const RunRecord& record);

}  // namespace tokenfab
