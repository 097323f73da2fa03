#pragma once
#include <string>
#include <vector>

namespace tokenfab {

/// One judged claim as the table `audit` holds it; lists are JSON text.
struct AuditRow {
  std::string id, article, about, quote, unit, verdict, basis, said, recomputed, formula, inputs, sources, condition,
      why;
};

/// Replaces the table `audit` of a results file, which is created where there is none, in one transaction.
/// Errors: UserError, one line with the path, as ResultsDb.
void write_audit(const std::string& path, const std::string& version, const std::vector<AuditRow>& rows);

}  // namespace tokenfab
