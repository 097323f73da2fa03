#pragma once
#include <array>
#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/json_object.h"
#include "sim/economics/plans/tariff.h"

namespace tokenfab {

/// Where a list states prices.
struct TariffPlace {
  std::string tier = "standard";
  std::int32_t above = 0;  // as TokenRates
  bool off_peak = false;
  auto operator<=>(const TariffPlace&) const = default;
};

/// The prices that a list states, by place and kind of token. The one rule for those that it does not: the standard
/// tier's at the same length and hours, then its base price; without any, a token that is read from the cache costs
/// what a fresh one does, and a written or reasoning one is one like others (no source). A fallback for cached tokens
/// is never above the place's price of fresh ones.
class TariffRows {
 public:
  void set(const TariffPlace& place, TokenKind kind, const Price& price) { rows_[place][index(kind)] = price; }
  bool has(const TariffPlace& place, TokenKind kind) const;
  /// Takes an object's prices: input and output, and where given the other kinds of token. `price(key)` reads one.
  void read(const JsonObject& object, const TariffPlace& place,
            const std::function<Price(const std::string& key)>& price);
  /// All places of the standard tier again in `tier`, times `factor`.
  void scale_tier(const std::string& tier, double factor);
  /// The standard tier first; needs its base prices of input and output.
  TokenTariff tariff() const;

 private:
  using Row = std::array<std::optional<Price>, kTokenKinds>;
  static std::size_t index(TokenKind kind) { return static_cast<std::size_t>(kind); }
  const Price* find(const TariffPlace& place, TokenKind kind) const;
  TokenPlan plan(const TariffPlace& place) const;

  std::map<TariffPlace, Row> rows_;
};

}  // namespace tokenfab
