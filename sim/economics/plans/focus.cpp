#include "sim/economics/plans/focus.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr const char* kHeader =
    "BillingCurrency,BilledCost,EffectiveCost,ListCost,ContractedCost,ListUnitPrice,ContractedUnitPrice,"
    "PricingCategory,PricingQuantity,PricingUnit,ConsumedQuantity,ConsumedUnit,ChargeCategory,ChargeDescription,"
    "ChargePeriodStart,ChargePeriodEnd,ResourceId,ServiceName,ServiceCategory,SkuId,CommitmentDiscountId,"
    "CommitmentDiscountStatus,CommitmentDiscountQuantity,CommitmentDiscountUnit\r\n";

std::string category(Charge charge) {
  switch (charge) {
    case Charge::purchase:
      return "Purchase";
    case Charge::credit:
      return "Credit";
    case Charge::usage:
    case Charge::unused:
      return "Usage";
  }
  throw InternalError("unknown kind of charge");
}

std::string row(const BillLine& l, const FocusCharge& c) {
  const bool committed = !l.commitment.empty(), purchase = l.charge == Charge::purchase;
  const bool consumed = l.charge == Charge::usage;
  const double contracted = committed && !purchase ? l.list_usd : l.usd;
  const auto unit_price = [&](double usd) { return l.quantity > 0 ? shortest(usd / l.quantity) : std::string(); };
  const std::array<std::string, 24> fields = {
      "USD",
      shortest(l.usd),
      shortest(l.effective_usd),
      shortest(l.list_usd),
      shortest(contracted),
      unit_price(l.list_usd),
      unit_price(contracted),
      l.charge == Charge::credit ? ""
      : committed && !purchase   ? "Committed"
                                 : "Standard",
      shortest(l.quantity),
      l.unit,
      consumed ? shortest(l.quantity) : "",
      consumed ? l.unit : "",
      category(l.charge),
      l.basis,
      c.period_start,
      c.period_end,
      c.resource,
      c.service,
      "AI and Machine Learning",
      l.account,
      l.commitment,
      !committed || purchase       ? ""
      : l.charge == Charge::unused ? "Unused"
                                   : "Used",
      committed ? shortest(l.quantity) : "",
      committed ? l.unit : "",
  };
  std::string out;
  for (const std::string& field : fields) out += (out.empty() ? "" : ",") + csv_cell(field);
  return out + "\r\n";
}

}  // namespace

std::string_view focus_header() { return kHeader; }

std::string focus_csv(const FocusCharge& charge) {
  std::string out;
  for (const BillLine& l : charge.bill->lines) out += row(l, charge);
  return out;
}

std::string utc_time(const std::string& date, double seconds) {
  using namespace std::chrono;
  int y = 0;
  unsigned m = 0, d = 0;
  char rest = 0;
  const bool read = date.size() == 10 && std::sscanf(date.c_str(), "%4d-%2u-%2u%c", &y, &m, &d, &rest) == 3;
  const year_month_day day{year(y), month(m), std::chrono::day(d)};
  if (!read || !day.ok()) throw UserError("\"" + date + "\" is not a date of the form 2026-01-31");
  const auto at = sys_days(day) + std::chrono::seconds(static_cast<std::int64_t>(std::floor(seconds)));
  const auto on = floor<days>(at);
  const year_month_day then(on);
  const hh_mm_ss clock(at - on);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(then.year()),
                static_cast<unsigned>(then.month()), static_cast<unsigned>(then.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace tokenfab
