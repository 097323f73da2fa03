#include "sim/economics/money_rows.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/plans/read_time.h"
#include "sim/economics/plans/tariff_rows.h"

namespace tokenfab {
namespace {

constexpr double kMost = 10'000;  // USD per million tokens

void read_prices(const JsonObject& o, const TariffPlace& place, TariffRows& rows) {
  rows.read(o, place, [&](const std::string& key) { return read_price(o, key, kPerMillionTokens, 0, kMost); });
}

void read_brackets(const JsonObject& o, const std::string& tier, TariffRows& rows) {
  for (const JsonObject& row : o.objects("context")) {
    read_prices(row, {tier, read_bracket_bound(row), false}, rows);
    row.finish();
  }
}

TokenTariff read_row_tariff(const JsonObject& o) {
  TariffRows rows;
  read_prices(o, {}, rows);
  read_brackets(o, "standard", rows);
  std::optional<OffPeak> hours;
  if (o.has("off_peak")) {
    const JsonObject row = o.object("off_peak");
    hours = OffPeak{read_time_of_day(row, "from"), read_time_of_day(row, "to")};
    read_prices(row, {"standard", 0, true}, rows);
    row.finish();
  }
  for (const char* tier : {"batch", "flex", "priority"}) {
    if (!o.has(tier)) continue;
    const JsonObject row = o.object(tier);
    read_prices(row, {tier, 0, false}, rows);
    read_brackets(row, tier, rows);
    row.finish();
  }
  TokenTariff t = rows.tariff();
  t.off_peak = hours;
  return t;
}

}  // namespace

std::string read_money_text(const JsonObject& o, const std::string& key) {
  const std::string text = o.string(key);
  if (text.find_first_not_of(' ') == std::string::npos) o.fail(key, "is empty; a price needs its source and date");
  return text;
}

Price read_price(const JsonObject& parent, const std::string& key, const std::string& unit, double low, double high) {
  const JsonObject o = parent.object(key);
  Price p;
  p.value = o.number_in("value", low, high);
  p.unit = o.one_of("unit", {unit});
  p.source = read_money_text(o, "source");
  p.as_of = read_money_text(o, "as_of");
  o.finish();
  return p;
}

Price read_optional(const JsonObject& parent, const std::string& key, const std::string& unit, double low,
                    double high) {
  if (parent.has(key)) return read_price(parent, key, unit, low, high);
  Price none;
  none.unit = unit;
  return none;
}

void read_tokens(const JsonObject& top, MoneyFiles& out) {
  std::set<std::string> rows;
  for (const auto& o : top.objects("token_prices")) {
    MoneyFiles::TokenRow row;
    row.llm = read_money_text(o, "llm");
    row.provider = read_money_text(o, "provider");
    row.tariff = read_row_tariff(o);
    o.finish();
    if (!rows.insert(row.llm + " " + row.provider + " " + row.as_of()).second)
      o.fail("provider", "has this row already: " + row.llm + ", " + row.as_of());
    out.tokens.push_back(std::move(row));
  }
}

void read_capacity(const JsonObject& top, MoneyFiles& out) {
  std::set<std::string> rows;
  for (const auto& o : top.objects("capacity_prices")) {
    MoneyFiles::CapacityRow row;
    row.provider = read_money_text(o, "provider");
    row.item = read_money_text(o, "item");
    row.term = o.one_of("term", {"none", "1mo", "6mo", "1y"});
    const std::string unit = o.object("price").one_of("unit", {kPerUnitHour, kPerChipSecond});
    row.price = read_price(o, "price", unit, 0, 1e6);
    o.finish();
    if (!rows.insert(row.provider + " " + row.item + " " + row.term).second)
      o.fail("term", "has this row already: " + row.provider + " " + row.item);
    out.capacity.push_back(std::move(row));
  }
}

}  // namespace tokenfab
