#pragma once
#include <string>

#include "hwmodels/types.h"

namespace tokenfab {

// One catalogue file each. Errors: UserError, one line with file and JSON pointer.
Chip load_chip(const std::string& path);
Llm load_llm(const std::string& path);
EngineProfile load_engine(const std::string& path);

class JsonObject;

Chip read_chip(const JsonObject& file);
Grade read_grade(const JsonObject& file);
/// Every "<class>" or "<class>:<dtype>" of an object; refuses other keys.
std::map<std::string, OpEfficiency> read_op_overrides(const JsonObject& ops);

/// The file's "id", which must equal its file name without ".json".
std::string read_id(const JsonObject& file);

}  // namespace tokenfab
