#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/economics/money_catalog.h"

// What the readers of rents, ownership and sites share (supply.h is the public side).
namespace tokenfab {

/// A catalogue look-up whose failure is reported at `key`.
template <class Look>
auto looked_up(const JsonObject& object, const std::string& key, Look look) {
  try {
    return look();
  } catch (const UserError& e) {
    object.fail(key, e.what());
  }
}

/// object[key] as a price of the scenario's own.
Price given_price(const JsonObject& object, const std::string& key, double low, double high, const std::string& unit);

/// Takes object[key] where given; else keeps the catalogue's price as an assumption, or says that it is missing.
class PriceDefaults {
 public:
  PriceDefaults(const JsonObject& object, std::string about, std::vector<Assumption>& assumptions)
      : object_(object), about_(std::move(about)), assumptions_(assumptions) {}

  void take(const std::string& key, double low, double high, Price& price);

 private:
  const JsonObject& object_;
  std::string about_;
  std::vector<Assumption>& assumptions_;
};

/// "rent": a kind, an object, or an array of objects (a blend), into supply.rent or supply.blend.
void read_rents(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
                std::vector<Assumption>& assumptions, Supply& out);
/// "own"; the site's name fixes the electricity price.
Owned read_owned(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
                 std::vector<Assumption>& assumptions);
Site read_site(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
               std::vector<Assumption>& assumptions);

}  // namespace tokenfab
