#include "reports/audit_db.h"

#include "reports/results_db.h"
#include "reports/sqlite.h"

namespace tokenfab {

void write_audit(const std::string& path, const std::string& version, const std::vector<AuditRow>& rows) {
  { ResultsDb::create_or_open(path, version); }  // refuses files of other programs, and adds our tables
  sqlite::Connection db(path, SQLITE_OPEN_READWRITE);
  sqlite::Transaction transaction(db);
  db.run(
      "CREATE TABLE IF NOT EXISTS audit (\n"
      "  id TEXT PRIMARY KEY, article TEXT NOT NULL, about TEXT NOT NULL, quote TEXT NOT NULL,\n"
      "  unit TEXT NOT NULL, verdict TEXT NOT NULL,\n"
      "  basis TEXT NOT NULL,       -- arithmetic, sources, capacity, roofline or simulation; empty: not computed\n"
      "  said TEXT NOT NULL, recomputed TEXT NOT NULL, formula TEXT NOT NULL,  -- lists as JSON\n"
      "  inputs TEXT NOT NULL, sources TEXT NOT NULL,\n"
      "  condition TEXT NOT NULL,   -- JSON; empty: none\n"
      "  why TEXT NOT NULL, tokenfab_version TEXT NOT NULL)");
  sqlite::Statement(db, "DELETE FROM audit").execute();
  sqlite::Statement s(db, "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const AuditRow& r : rows) {
    s.bind(r.id).bind(r.article).bind(r.about).bind(r.quote).bind(r.unit).bind(r.verdict).bind(r.basis).bind(r.said);
    s.bind(r.recomputed).bind(r.formula).bind(r.inputs).bind(r.sources).bind(r.condition).bind(r.why).bind(version);
    s.execute();
  }
  transaction.commit();
}

}  // namespace tokenfab
