// The dependency rule of docs/ARCHITECTURE.md: a folder may include only what stands left of it.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/catch.h"

namespace fs = std::filesystem;

namespace {

const std::map<std::string, std::set<std::string>> kAllowed = {
    {"base", {}},
    {"hwmodels", {"base"}},
    {"sim/core", {"base"}},
    {"sim/workload", {"base", "sim/core"}},
    {"sim/economics", {"base", "sim/core"}},
    {"sim/serving", {"base", "hwmodels", "sim/core"}},
    {"sim/market", {"base", "sim/core", "sim/economics"}},
    {"sim/fleet", {"base", "hwmodels", "sim/core", "sim/serving", "sim/workload"}},
    {"scenarios",
     {"base", "hwmodels", "sim/core", "sim/workload", "sim/economics", "sim/serving", "sim/fleet", "sim/market"}},
    {"audit",
     {"base", "hwmodels", "sim/core", "sim/workload", "sim/economics", "sim/serving", "sim/fleet", "scenarios"}},
    {"reports", {"base", "sim/core"}},
    {"kernels", {}},
    {"engine", {"base", "kernels", "hwmodels", "sim/core", "sim/workload", "sim/serving", "sim/fleet"}},
    {"calibration", {"base", "kernels", "hwmodels", "sim/core", "sim/workload", "sim/serving", "sim/fleet", "engine"}},
    {"cli",
     {"base", "hwmodels", "sim/core", "sim/workload", "sim/economics", "sim/serving", "sim/fleet", "scenarios", "audit",
      "reports", "kernels", "engine", "calibration"}},
};

std::string folder_of(const std::string& path) {
  std::string best;
  for (const auto& [folder, allowed] : kAllowed)
    if (path.rfind(folder + "/", 0) == 0 && folder.size() > best.size()) best = folder;
  return best;
}

}  // namespace

TEST_CASE("includes follow the arrows of the map, and system libraries stay in their folders") {
  const fs::path root = TOKENFAB_SOURCE_DIR;
  const std::regex quoted(R"(^\s*#\s*include\s*"([^"]+)\")"), angled(R"(^\s*#\s*include\s*<([^>]+)>)");
  int files = 0, includes = 0;
  for (const auto& [folder, allowed] : kAllowed) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string ext = entry.path().extension().string();
      if (ext != ".cpp" && ext != ".h") continue;
      const std::string file = fs::relative(entry.path(), root).generic_string();
      if (file.find("node_modules") != std::string::npos || folder_of(file) != folder) continue;
      ++files;
      std::ifstream in(entry.path());
      std::smatch m;
      for (std::string line; std::getline(in, line);) {
        INFO(file << ": " << line);
        if (std::regex_search(line, m, quoted)) {
          const std::string other = folder_of(m[1]);
          ++includes;
          CHECK_FALSE(other.empty());  // always written from the root
          CHECK((other == folder || allowed.count(other)));
        } else if (std::regex_search(line, m, angled)) {
          const std::string header = m[1];
          if (folder != "reports") CHECK(header != "sqlite3.h");
          CHECK(header.rfind("cuda", 0) != 0);
          if (folder != "cli") CHECK(header.rfind("CLI/", 0) != 0);
          if (ext == ".h") CHECK(header != "nlohmann/json.hpp");  // dear to compile: one .cpp each
        }
      }
    }
  }
  CHECK(files > 40);
  CHECK(includes > 100);
}
