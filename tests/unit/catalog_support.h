#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab::test {

inline const std::vector<std::string> kKinds = {"chips", "llms", "engines", "calibrations"};

inline Catalog shipped() { return Catalog(TOKENFAB_SOURCE_DIR "/hwmodels"); }

nlohmann::json shipped_json(const std::string& kind, const std::string& id);

/// Loads an entry from its path, whatever its kind.
void load(const std::string& kind, const std::string& path);

/// What a loader says about this text: its one-line error with the folder cut off, or "" where it is accepted.
std::string load_error(const std::string& kind, const std::string& id, const nlohmann::json& text);

}  // namespace tokenfab::test
