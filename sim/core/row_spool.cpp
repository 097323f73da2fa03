#include "sim/core/row_spool.h"

#include <type_traits>

namespace tokenfab {

static_assert(std::is_trivially_copyable_v<RequestRow>);

void RowSpool::take(std::vector<RequestRow>& rows) {
  spool_.write(rows.data(), rows.size() * sizeof(RequestRow));
  count_ += static_cast<std::int64_t>(rows.size());
  rows.clear();
}

void RowSpool::for_each(const std::function<void(const RequestRow&)>& visit) {
  std::vector<RequestRow> lot(kLot);
  spool_.rewind();
  for (std::size_t bytes; (bytes = spool_.read(lot.data(), lot.size() * sizeof(RequestRow))) > 0;)
    for (std::size_t i = 0; i < bytes / sizeof(RequestRow); ++i) visit(lot[i]);
}

void for_each_row(const RunRecord& record, const std::function<void(const RequestRow&)>& visit) {
  if (record.spooled_rows) record.spooled_rows->for_each(visit);
  for (const RequestRow& row : record.rows) visit(row);
}

std::int64_t row_count(const RunRecord& record) {
  return static_cast<std::int64_t>(record.rows.size()) + (record.spooled_rows ? record.spooled_rows->count() : 0);
}

}  // namespace tokenfab
