#include "sim/economics/plans/tariff_rows.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

const std::string kStandard = "standard";

}  // namespace

bool TariffRows::has(const TariffPlace& place, TokenKind kind) const {
  const auto row = rows_.find(place);
  return row != rows_.end() && row->second[index(kind)].has_value();
}

void TariffRows::read(const JsonObject& object, const TariffPlace& place,
                      const std::function<Price(const std::string&)>& price) {
  set(place, TokenKind::input, price("input"));
  set(place, TokenKind::output, price("output"));
  for (const auto& [key, kind] : {std::pair("cached_input", TokenKind::cached),
                                  {"cache_write", TokenKind::write},
                                  {"cache_write_1h", TokenKind::write_hour},
                                  {"reasoning", TokenKind::reasoning}})
    if (object.has(key)) set(place, kind, price(key));
}

void TariffRows::scale_tier(const std::string& tier, double factor) {
  const auto known = rows_;
  for (const auto& [place, row] : known) {
    if (place.tier != kStandard) continue;
    Row& scaled = rows_[{tier, place.above, place.off_peak}] = row;
    for (auto& price : scaled) {
      if (!price) continue;
      price->value *= factor;
      price->source += " x " + shortest(factor);
    }
  }
}

const Price* TariffRows::find(const TariffPlace& place, TokenKind kind) const {
  for (const TariffPlace& at :
       {place, TariffPlace{kStandard, place.above, place.off_peak}, TariffPlace{kStandard, 0, false}}) {
    const auto row = rows_.find(at);
    if (row != rows_.end() && row->second[index(kind)]) return &*row->second[index(kind)];
  }
  return nullptr;
}

TokenPlan TariffRows::plan(const TariffPlace& place) const {
  TokenPlan out;
  for (std::size_t k = 0; k < kTokenKinds; ++k) {
    const auto kind = static_cast<TokenKind>(k);
    Price& price = out.at(kind);
    if (const Price* found = find(place, kind)) price = *found;
    else price.unit = kPerMillionTokens;
  }
  Price& cached = out.cached_input;
  if (!has(place, TokenKind::cached) && (cached.source.empty() || cached.value > out.input.value)) {
    cached = out.input;
    cached.source += " (input price: no price of cached input given)";
  }
  return out;
}

TokenTariff TariffRows::tariff() const {
  require(has({}, TokenKind::input) && has({}, TokenKind::output), "a tariff has base prices of input and output");
  TokenTariff out;
  out.rates.push_back({kStandard, 0, false, plan({})});
  for (const bool standard : {true, false})
    for (const auto& [place, row] : rows_)
      if (place != TariffPlace{} && (place.tier == kStandard) == standard)
        out.rates.push_back({place.tier, place.above, place.off_peak, plan(place)});
  return out;
}

}  // namespace tokenfab
