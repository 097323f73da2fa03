#include "sim/economics/plans/litellm.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr double kMostPerToken = 1;
enum Kind : std::size_t { kInput, kCached, kWrite, kOutput, kKinds };
constexpr std::array<const char*, kKinds> kNames = {"input_cost_per_token", "cache_read_input_token_cost",
                                                    "cache_creation_input_token_cost", "output_cost_per_token"};

constexpr std::size_t kLongestKey = 100;

using Place = std::pair<std::string, std::int32_t>;     // tier, above
using Row = std::array<std::optional<double>, kKinds>;  // USD per million tokens

std::string tier_of(const std::string& suffix) {
  return suffix.empty() ? "standard" : suffix == "_batches" ? "batch" : suffix.substr(1);
}

std::map<Place, Row> read_rows(const JsonObject& model) {
  static const std::regex pattern(
      "(input_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost|output_cost_per_token)"
      "(?:_above_([0-9]{1,6})k_tokens)?(_batches|_flex|_priority)?");
  std::map<Place, Row> rows;
  for (const auto& key : model.keys()) {
    std::smatch m;
    if (key.size() > kLongestKey) continue;  // the library's matcher recurses by character
    if (!std::regex_match(key, m, pattern) || model.raw(key).is_null()) continue;
    const auto above = static_cast<std::int32_t>(m[2].matched ? 1000 * std::stol(m[2]) : 0);
    if (above > 0 && std::find(kMeterBrackets.begin(), kMeterBrackets.end(), above) == kMeterBrackets.end())
      model.fail(key, "is for a length of prompts at which usage is not metered; known: 128k, 200k, 256k, 272k");
    const auto kind = std::find(kNames.begin(), kNames.end(), m[1].str()) - kNames.begin();
    rows[{tier_of(m[3]), above}][static_cast<std::size_t>(kind)] = model.number_in(key, 0, kMostPerToken) * 1e6;
  }
  return rows;
}

class Lookup {
 public:
  Lookup(const std::map<Place, Row>& rows, std::string source, std::string as_of)
      : rows_(rows), source_(std::move(source)), as_of_(std::move(as_of)) {}

  TokenPlan prices(const Place& place) const {
    TokenPlan out{price(place, kInput), price(place, kCached), price(place, kOutput), price(place, kWrite)};
    if (out.cached_input.source.empty()) {
      out.cached_input = out.input;
      out.cached_input.source += " (input price: the list names no price of cached input)";
    }
    return out;
  }

 private:
  Price price(const Place& place, Kind kind) const {
    for (const Place& at : {place, Place{"standard", place.second}, Place{"standard", 0}})
      if (const auto row = rows_.find(at); row != rows_.end() && row->second[kind])
        return {*row->second[kind], kPerMillionTokens, source_, as_of_};
    return {0, kPerMillionTokens, "", ""};
  }

  const std::map<Place, Row>& rows_;
  std::string source_, as_of_;
};

}  // namespace

TokenTariff litellm_tariff(const std::string& path, const std::string& model, const std::string& as_of) {
  const nlohmann::json document = parse_json_file(path);
  const JsonObject top(document, path);
  if (!document.contains(model))
    throw UserError(path + ": holds no prices of \"" + model + "\"" + nearest_hint(model, top.keys()) +
                    "; choose with --model");
  const JsonObject entry = top.object(model);
  const auto rows = read_rows(entry);
  const auto base = rows.find({"standard", 0});
  for (const Kind kind : {kInput, kOutput})
    if (base == rows.end() || !base->second[kind])
      entry.fail(kNames[kind], "is missing: not a model with token prices");
  const Lookup lookup(rows, path + " (" + model + ")", as_of);
  TokenTariff out = flat_tariff(lookup.prices({"standard", 0}));
  for (const auto& [place, row] : rows)
    if (place != Place{"standard", 0}) out.rates.push_back({place.first, place.second, false, lookup.prices(place)});
  return out;
}

}  // namespace tokenfab
