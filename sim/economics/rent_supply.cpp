// Rents as scenarios write them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/economics/supply_parts.h"

namespace tokenfab {
namespace {

constexpr double kDayHours = 24;

/// A catalogue row; where the provider was left out, the default row is an assumption. `at` is the place of the rent.
Rent listed_rent(const JsonObject& at, const std::string& key, const std::string& chip, const std::string& kind,
                 const std::string& provider, const MoneyCatalog& money, std::vector<Assumption>& assumptions) {
  const Rent rent = looked_up(at, key, [&] { return money.rent(chip, kind, provider); });
  const Price& p = rent.usd_per_chip_hour;
  if (provider.empty())
    assumptions.push_back({at.pointer() + (key.empty() ? "" : "/" + key) + "/provider",
                           rent.provider + ": $" + shortest(p.value) + " per hour",
                           "the default row of " + chip + " " + kind + ": " + p.source + ", " + p.as_of});
  return rent;
}

void read_spot(const JsonObject& rent, SpotTerms& out) {
  const JsonObject o = rent.object("spot");
  out.volatility = o.number_in("volatility", 0, 5, 0);
  out.reversion_per_hour = o.number_in("reversion_per_hour", 1e-6, 1e3, 1);
  out.interruptions_per_hour = o.number_in("interruptions_per_hour", 0, 1e3, 0);
  out.restart_s = o.number_in("restart_s", 0, 1e6, 0);
  out.lost_work_s = o.number_in("lost_work_s", 0, 1e6, 0);
  out.notice_s = o.number_in("notice_s", 0, 1e6, 0);
  o.finish();
}

void read_upfront(const JsonObject& o, Rent& rent) {
  if (o.has("upfront_share")) rent.upfront_share = o.number_in("upfront_share", 0, 1);
  if (o.has("interest")) rent.interest = o.number_in("interest", 0, 1);
  const double named = rent.kind == "reserved-3y" ? 3 : 1;
  rent.term_years = o.number_in("term_years", 0.01, 100, named);
}

void read_terms(const JsonObject& o, Rent& rent, std::vector<Assumption>& assumptions) {
  rent.committed_chips = o.number_in("committed_chips", 0, 1e7, 0);
  const bool blocks = rent.kind == "capacity-block";
  if (blocks && !o.has("block_hours"))
    assumptions.push_back({o.pointer() + "/block_hours", "24", "capacity blocks are sold by the whole day"});
  rent.block_hours = o.number_in("block_hours", 0, 1e5, blocks ? kDayHours : 0);
  read_upfront(o, rent);
  if (o.has("spot")) read_spot(o, rent.spot);
  if (rent.committed_chips > 0 && rent.block_hours > 0)
    o.fail("committed_chips", "cannot stand beside whole blocks, which are paid for whether held or not already");
  if (rent.committed_chips > 0 && o.has("spot")) o.fail("committed_chips", "cannot stand beside \"spot\"");
}

Rent read_rent(const JsonObject& o, const std::string& chip, const MoneyCatalog& money,
               std::vector<Assumption>& assumptions) {
  const bool own_price = o.has("usd_per_chip_hour");
  const std::string kind = o.string("kind", own_price ? "own price" : "on-demand");
  const std::string provider = o.string("provider", "");
  Rent rent;
  if (own_price) {
    rent.kind = kind;
    rent.usd_per_chip_hour = given_price(o, "usd_per_chip_hour", 0, 1e6, "USD per chip-hour");
    rent.usd_per_chip_hour.source = o.string("source", "scenario");
    rent.usd_per_chip_hour.as_of = o.string("as_of", "");
    rent.provider = provider;
  } else {
    rent = listed_rent(o, "", chip, kind, provider, money, assumptions);
  }
  read_terms(o, rent, assumptions);
  return rent;
}

/// Shares of rents without a commitment add up to one.
void check_shares(const JsonObject& supply, const std::vector<Rent>& rents) {
  double shares = 0;
  bool any = false;
  for (const Rent& r : rents)
    if (r.committed_chips == 0) shares += r.share, any = true;
  if (rents.empty()) supply.fail("rent", "is an empty list; a blend needs at least one rent");
  if (any && std::fabs(shares - 1) > 1e-9)
    supply.fail("rent",
                "shares add up to " + shortest(shares) + "; those of rents without committed_chips must add up to 1");
}

}  // namespace

void read_rents(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
                std::vector<Assumption>& assumptions, Supply& out) {
  const nlohmann::json& rent = supply.raw("rent");
  if (rent.is_string()) {
    Rent listed = listed_rent(supply, "rent", chip, supply.string("rent"), "", money, assumptions);
    read_terms(JsonObject(nlohmann::json::object(), supply.file(), supply.pointer() + "/rent"), listed, assumptions);
    out.rent = listed;
  } else if (rent.is_array()) {
    for (const JsonObject& o : supply.objects("rent")) {
      Rent part = read_rent(o, chip, money, assumptions);
      if (part.committed_chips > 0 && o.has("share"))
        o.fail("share", "cannot stand beside committed_chips, which take what they cover first");
      if (part.committed_chips == 0) part.share = o.number_in("share", 1e-9, 1);
      o.finish();
      out.blend.push_back(part);
    }
    check_shares(supply, out.blend);
  } else {
    const JsonObject o = supply.object("rent");
    out.rent = read_rent(o, chip, money, assumptions);
    o.finish();
  }
}

}  // namespace tokenfab
