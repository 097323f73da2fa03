#pragma once
#include <string>

#include "reports/sqlite.h"

namespace tokenfab::sqlite {

/// Adds the tables and columns of `schema` (SQL) that the file lacks, and makes its views anew. Columns that a later
/// version added stand last in their tables; older rows hold NULL there.
void complete_schema(Connection& db, const std::string& schema);

}  // namespace tokenfab::sqlite
