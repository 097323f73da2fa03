#pragma once
#include <string>

#include "base/json_object.h"
#include "sim/economics/money_files.h"
#include "sim/economics/price.h"

// Parts of the files in money/. Errors: UserError with file and JSON pointer.
namespace tokenfab {

/// A text that is not blank.
std::string read_money_text(const JsonObject& object, const std::string& key);
/// {"value", "unit", "source", "as_of"} with low <= value <= high.
Price read_price(const JsonObject& parent, const std::string& key, const std::string& unit, double low, double high);
/// The same; without a source where `key` is absent.
Price read_optional(const JsonObject& parent, const std::string& key, const std::string& unit, double low, double high);

/// "token_prices" of tokens.json.
void read_tokens(const JsonObject& top, MoneyFiles& out);
/// "capacity_prices" of capacity.json.
void read_capacity(const JsonObject& top, MoneyFiles& out);

}  // namespace tokenfab
