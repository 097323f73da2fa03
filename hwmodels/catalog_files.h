#pragma once
#include <string>

#include "hwmodels/types.h"

namespace tokenfab {

// One catalogue file each. Errors: UserError, one line with file and JSON pointer.
Chip load_chip(const std::string& path);
Llm load_llm(const std::string& path);
EngineProfile load_engine(const std::string& path);

class JsonObject;

/// The file's "id", which must equal its file name without ".json".
std::string read_id(const JsonObject& file);

}  // namespace tokenfab
