#include "sim/economics/plans/litellm.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "base/escape.h"
#include "base/json_object.h"
#include "base/text.h"
#include "sim/economics/plans/tariff_rows.h"

namespace tokenfab {
namespace {

constexpr double kMostPerToken = 1e-3, kRemarkable = 2e-4;  // no list of 2026 has a price above 6e-4
constexpr std::size_t kLongestKey = 100, kMostNamed = 12;

const std::map<std::string, TokenKind>& kinds() {
  static const std::map<std::string, TokenKind> all = {
      {"input_cost_per_token", TokenKind::input},
      {"cache_read_input_token_cost", TokenKind::cached},
      {"cache_creation_input_token_cost", TokenKind::write},
      {"cache_creation_input_token_cost_above_1hr", TokenKind::write_hour},
      {"output_cost_per_reasoning_token", TokenKind::reasoning},
      {"output_cost_per_token", TokenKind::output}};
  return all;
}

struct Key {
  TariffPlace place = {};
  TokenKind kind = TokenKind::input;
};

/// What a key of the list states, where it is one of ours: name, length of prompts, tier.
std::optional<Key> parse_key(const JsonObject& model, const std::string& key) {
  static const std::regex pattern(
      "((?:input|output)_cost_per_token|output_cost_per_reasoning_token|cache_read_input_token_cost|"
      "cache_creation_input_token_cost(?:_above_1hr)?)(?:_above_([0-9]{1,6})k_tokens)?(_batches|_flex|_priority)?");
  std::smatch m;
  // The library's matcher recurses by character.
  if (key.size() > kLongestKey || !std::regex_match(key, m, pattern)) return std::nullopt;
  const std::string tier = !m[3].matched ? "standard" : m[3] == "_batches" ? "batch" : m[3].str().substr(1);
  const auto above = static_cast<std::int32_t>(m[2].matched ? 1000 * std::stol(m[2]) : 0);
  const auto kind = kinds().at(m[1]);
  if (above > 0 && !is_metered(above))
    model.fail(key, "is for a length of prompts at which usage is not metered; known: 128k, 200k, 256k, 272k");
  return Key{{tier, above, false}, kind};
}

Price price(const JsonObject& model, const std::string& key, const std::string& source, const std::string& as_of) {
  return {model.number_in(key, 0, kMostPerToken) * 1e6, kPerMillionTokens, source, as_of};
}

/// "tiered_pricing": the whole request is charged at the row in whose range its prompt is.
void read_ranges(const JsonObject& model, const std::string& source, const std::string& as_of, TariffRows& rows) {
  for (const JsonObject& row : model.objects("tiered_pricing")) {
    const auto range = row.numbers("range");
    if (range.size() != 2 || !(range[0] >= 0 && range[0] < range[1])) row.fail("range", "is not [from, to]");
    const auto above = static_cast<std::int32_t>(std::min(range[0], 1e9));
    if (above > 0 && !is_metered(above))
      row.fail("range",
               "of tiered_pricing begins at a length of prompts at which usage is not metered; known: 0, 128000, "
               "200000, 256000, 272000");
    for (const auto& [key, kind] : kinds())
      if (row.has(key) && !row.raw(key).is_null())
        rows.set({"standard", above, false}, kind, price(row, key, source, as_of));
  }
}

/// Fields with a price in their name that no bill of tokens charges; one line.
std::string passed_over(const JsonObject& model, const std::vector<std::string>& used) {
  std::vector<std::string> names;
  for (const auto& key : model.keys()) {
    const bool priced = key.find("cost") != std::string::npos || key.find("pric") != std::string::npos;
    const bool zero = model.raw(key).is_null() || (model.raw(key).is_number() && model.raw(key).get<double>() == 0);
    if (priced && !zero && std::find(used.begin(), used.end(), key) == used.end())
      names.push_back(one_line(key, kLongestKey));
  }
  if (names.empty()) return "";
  const std::size_t more = names.size() > kMostNamed ? names.size() - kMostNamed : 0;
  names.resize(names.size() - more);
  return "not charged, though the list states it: " + join_names(names) +
         (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

}  // namespace

TokenTariff litellm_tariff(const std::string& path, const std::string& model, const std::string& as_of) {
  const nlohmann::json document = parse_json_file(path);
  const JsonObject top(document, path);
  if (!document.contains(model))
    throw UserError(path + ": holds no prices of \"" + model + "\"" + nearest_hint(model, top.keys()) +
                    "; choose with --model");
  const JsonObject entry = top.object(model);
  const std::string source = path + " (" + model + ")";
  TariffRows rows;
  std::vector<std::string> used = {"tiered_pricing"};
  std::string high;
  if (entry.has("tiered_pricing") && !entry.raw("tiered_pricing").is_null()) read_ranges(entry, source, as_of, rows);
  for (const auto& key : entry.keys()) {
    const auto at = parse_key(entry, key);
    if (!at || entry.raw(key).is_null()) continue;
    const Price p = price(entry, key, source, as_of);
    if (p.value > kRemarkable * 1e6) high = key;
    rows.set(at->place, at->kind, p);
    used.push_back(key);
  }
  for (const char* key : {"input_cost_per_token", "output_cost_per_token"})
    if (!rows.has({}, kinds().at(key))) entry.fail(key, "is missing: not a model with token prices");
  TokenTariff out = rows.tariff();
  if (const std::string note = passed_over(entry, used); !note.empty()) out.notes.push_back(note);
  if (!high.empty())
    out.notes.push_back(high + " is " + shortest(entry.number(high)) + " USD a token, " +
                        shortest(entry.number(high) * 1e6) + " a million: is the list per token?");
  return out;
}

}  // namespace tokenfab
