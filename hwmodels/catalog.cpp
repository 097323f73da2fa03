#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "hwmodels/calibration.h"
#include "hwmodels/catalog_files.h"

namespace tokenfab {
namespace fs = std::filesystem;
namespace {

bool is_path(const std::string& id) { return id.size() > 5 && id.ends_with(".json"); }

}  // namespace

std::string read_id(const JsonObject& file) {
  const std::string id = file.string("id"), stem = fs::path(file.file()).stem().string();
  if (id != stem) file.fail("id", "\"" + id + "\" differs from the file's name; allowed: \"" + stem + "\"");
  return id;
}

Catalog Catalog::standard() {
  const char* home = std::getenv("TOKENFAB_HOME");
  if (home != nullptr && *home != '\0') return Catalog((fs::path(home) / "hwmodels").string());
  return Catalog(TOKENFAB_DATA_ROOT);
}

Chip Catalog::chip(const std::string& id) const { return load_chip(path_of("chips", id)); }
Llm Catalog::llm(const std::string& id) const { return load_llm(path_of("llms", id)); }
EngineProfile Catalog::engine(const std::string& id) const { return load_engine(path_of("engines", id)); }

std::shared_ptr<const Calibration> Catalog::calibration(const std::string& id) const {
  return std::make_shared<Calibration>(load_calibration(path_of("calibrations", id)));
}

std::shared_ptr<const Calibration> Catalog::find_calibration(const std::string& engine, const std::string& chip) const {
  for (const std::string& id : {engine + "--" + chip, engine + "--class"})
    if (fs::exists(fs::path(root_) / "calibrations" / (id + ".json"))) return calibration(id);
  return nullptr;
}

std::vector<std::string> Catalog::ids(const std::string& kind) const {
  const std::vector<std::string> kinds = {"chips", "llms", "engines", "calibrations"};
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw UserError("\"" + kind + "\" is not a part of the catalogue; allowed: " + join_names(kinds) +
                    nearest_hint(kind, kinds));
  const fs::path folder = fs::path(root_) / kind;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error)
    throw UserError(folder.string() + ": cannot be read: " + error.message() +
                    "; set TOKENFAB_HOME to the folder that holds hwmodels/");
  std::vector<std::string> out;
  for (const auto& entry : entries)
    if (entry.path().extension() == ".json") out.push_back(entry.path().stem().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string Catalog::path_of(const std::string& kind, const std::string& id) const {
  if (is_path(id)) return id;
  const std::vector<std::string> known = ids(kind);
  if (!std::binary_search(known.begin(), known.end(), id))
    throw UserError("\"" + id + "\" is not a known " + kind.substr(0, kind.size() - 1) +
                    "; allowed: " + join_names(known, 40) + nearest_hint(id, known));
  return (fs::path(root_) / kind / (id + ".json")).string();
}

}  // namespace tokenfab
