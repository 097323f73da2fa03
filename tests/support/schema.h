#pragma once
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/json_object.h"

namespace tokenfab::testing {

/// Whether the JSON Schema (draft 7) in the file at `path` accepts `document`.
inline bool schema_accepts(const std::string& path, const nlohmann::json& document) {
  const nlohmann::json text = parse_json_file(path);
  valijson::Schema schema;
  const valijson::adapters::NlohmannJsonAdapter schema_adapter(text), adapter(document);
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(schema_adapter, schema);
  valijson::Validator validator;
  return validator.validate(schema, adapter, nullptr);
}

}  // namespace tokenfab::testing
