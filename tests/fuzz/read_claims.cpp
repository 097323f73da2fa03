#include "audit/audit.h"
#include "audit/expression.h"
#include "tests/fuzz/read_bytes.h"

// A claim file, and every formula in it.
void tokenfab::fuzz::read_bytes(const std::string& path) {
  audit::Library library;
  for (const std::string& id : library.add_file(path))
    for (const std::string& formula : library.find(id).formulas)
      audit::evaluate(
          formula, [](const std::string&) { return 3.0; }, id);
}
