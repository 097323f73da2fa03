#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "audit/audit.h"
#include "base/error.h"
#include "cli/record_json.h"
#include "tests/catch.h"

namespace tokenfab::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline audit::Tools& tools() {
  static audit::Tools shared(cli::record_json);
  return shared;
}

/// All shipped claims, and what became of them; judged once per program.
struct Shipped {
  audit::Library library;
  std::vector<std::string> ids;
  std::map<std::string, audit::Finding> findings;

  Shipped() {
    for (const auto& file : audit::shipped_files()) {
      const auto found = library.add_file(file);
      ids.insert(ids.end(), found.begin(), found.end());
    }
    for (const auto& id : ids) findings[id] = audit::check(library.find(id), library, tools());
  }
};
inline const Shipped& shipped_claims() {
  static const Shipped shipped;
  return shipped;
}

/// A claim file in a folder that goes away.
class ClaimFile {
 public:
  explicit ClaimFile(const json& text) {
    std::string name = (fs::temp_directory_path() / "tokenfab-audit-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    std::ofstream(path()) << text.dump();
  }
  ~ClaimFile() { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "claims.json").string(); }
  fs::path folder() const { return folder_; }

 private:
  fs::path folder_;
};

/// A file of one claim: ten apples at 2 USD cost what `said` says.
inline json one_claim(double said) {
  return {{"article", {{"id", "X"}, {"title", "Apples"}}},
          {"claims",
           {{{"id", "X-1"},
             {"about", "cost of ten apples"},
             {"quote", "ten cost twenty"},
             {"said", said},
             {"unit", "USD"},
             {"inputs",
              {{"apples", {{"said", 10}, {"unit", "apples"}}},
               {"price", {{"value", 2}, {"unit", "USD/apple"}, {"source", "the market"}, {"as_of", "2026"}}}}},
             {"formula", "apples * price"},
             {"judge", {{"equals", 0.01}}}}}}};
}

/// What becomes of the first claim of a file.
inline audit::Finding judged(const json& text) {
  const ClaimFile file(text);
  audit::Library library;
  const auto ids = library.add_file(file.path());
  return audit::check(library.find(ids.front()), library, tools());
}

/// The message of the refusal, without the folder.
inline std::string refusal(const json& text) {
  const ClaimFile file(text);
  try {
    audit::Library library;
    const auto ids = library.add_file(file.path());
    audit::check(library.find(ids.front()), library, tools());
  } catch (const UserError& e) {
    std::string what = e.what();
    CHECK(what.find('\n') == std::string::npos);
    const std::string folder = file.folder().string() + "/";
    for (auto at = what.find(folder); at != std::string::npos; at = what.find(folder)) what.erase(at, folder.size());
    return what;
  }
  return "accepted";
}

}  // namespace tokenfab::test
