#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/plans/read_time.h"
#include "sim/economics/plans/tariff_rows.h"

namespace tokenfab {
namespace {

constexpr double kMost = 1e6;  // USD per million tokens

Price price(const JsonObject& o, const std::string& key, double to_million) {
  return {o.number_in(key, 0, kMost / to_million) * to_million, kPerMillionTokens, o.string("source", "scenario"),
          o.string("as_of", "")};
}

void read_prices(const JsonObject& o, double to_million, const TariffPlace& place, TariffRows& rows) {
  rows.read(o, place, [&](const std::string& key) { return price(o, key, to_million); });
}

/// Whether there are any.
bool read_context(const JsonObject& o, double to_million, const std::string& tier, TariffRows& rows) {
  std::int32_t last = 0;
  for (const JsonObject& row : o.objects("context")) {
    const std::int32_t above = read_bracket_bound(row);
    read_prices(row, to_million, {tier, above, false}, rows);
    row.finish();
    if (above <= last) row.fail("above", "must be larger than in the row before");
    last = above;
  }
  return last > 0;
}

std::optional<OffPeak> read_off_peak(const JsonObject& o, double to_million, bool has_context, TariffRows& rows) {
  if (!o.has("off_peak")) return std::nullopt;
  if (has_context) o.fail("off_peak", "cannot be combined with \"context\" prices");
  const JsonObject row = o.object("off_peak");
  const OffPeak hours{read_time_of_day(row, "from"), read_time_of_day(row, "to")};
  read_prices(row, to_million, {"standard", 0, true}, rows);
  row.finish();
  return hours;
}

/// A number multiplies all standard prices; an object has prices of its own, and brackets.
void read_tiers(const JsonObject& o, double to_million, TariffRows& rows) {
  const JsonObject tiers = o.object_or_empty("tiers");
  for (const auto& name : tiers.keys()) {
    if (name == "standard") tiers.fail(name, "is the tier of the prices outside \"tiers\"");
    if (tiers.raw(name).is_number()) {
      rows.scale_tier(name, tiers.number_in(name, 0, 1000));
      continue;
    }
    const JsonObject row = tiers.object(name);
    read_prices(row, to_million, {name, 0, false}, rows);
    read_context(row, to_million, name, rows);
    row.finish();
  }
  tiers.finish();
}

std::vector<std::string> tier_names(const TokenTariff& t) {
  std::vector<std::string> out;
  for (const TokenRates& r : t.rates)
    if (std::find(out.begin(), out.end(), r.tier) == out.end()) out.push_back(r.tier);
  return out;
}

void read_classes(const JsonObject& o, TokenTariff& t) {
  if (!o.has("classes")) return;
  const nlohmann::json& list = o.raw("classes");
  if (!list.is_array()) o.fail("classes", "must be a list of tiers, by class of service from 0");
  const auto known = tier_names(t);
  for (const auto& item : list) {
    const std::string name = item.is_string() ? item.get<std::string>() : item.dump();
    if (std::find(known.begin(), known.end(), name) == known.end())
      o.fail("classes",
             "\"" + name + "\" is not a tier of this plan; known: " + join_names(known) + nearest_hint(name, known));
    t.tier_of_class.push_back(name);
  }
}

void read_volume(const JsonObject& o, TokenTariff& t) {
  for (const JsonObject& row : o.objects("volume")) {
    const VolumeTier tier{row.number_in("above_tokens_per_month", 0, 1e18), row.number_in("factor", 0, 10)};
    row.finish();
    if (!t.volume.empty() && tier.above_tokens <= t.volume.back().above_tokens)
      row.fail("above_tokens_per_month", "must be larger than in the row before");
    t.volume.push_back(tier);
  }
}

void read_clock(const JsonObject& o, const PlanContext& context, TokenTariff& t) {
  if (o.has("clock_start_utc")) t.clock_start = read_time_of_day(o, "clock_start_utc");
  else if (t.off_peak)
    context.assumptions.push_back(
        {o.pointer() + "/clock_start_utc", "00:00", "no time of the day given for the workload's start: midnight UTC"});
}

TokenTariff listed(const JsonObject& o, const std::string& key, const std::string& provider, const std::string& llm,
                   const std::string& as_of, const MoneyCatalog& money) {
  try {
    return money.tariff(llm, provider, as_of);
  } catch (const UserError& e) {
    o.fail(key, e.what());
  }
}

}  // namespace

TokenTariff read_tariff(const JsonObject& parent, const std::string& key, const PlanContext& context) {
  if (parent.raw(key).is_string()) {
    TokenTariff t = listed(parent, key, parent.string(key), context.llm, "", context.money);
    if (t.off_peak)
      context.assumptions.push_back({parent.pointer() + "/" + key + "/clock_start_utc", "00:00",
                                     "no time of the day given for the workload's start: midnight UTC"});
    return t;
  }
  const JsonObject o = parent.object(key);
  TokenTariff t;
  if (o.has("provider")) {
    t = listed(parent, key, o.string("provider"), o.string("llm", context.llm), o.string("as_of", ""), context.money);
  } else {
    const double to_million = o.one_of("per", {"1M", "1K"}, "1M") == "1K" ? 1000 : 1;
    TariffRows rows;
    read_prices(o, to_million, {}, rows);
    const bool has_context = read_context(o, to_million, "standard", rows);
    const std::optional<OffPeak> hours = read_off_peak(o, to_million, has_context, rows);
    read_tiers(o, to_million, rows);
    t = rows.tariff();
    t.off_peak = hours;
  }
  read_classes(o, t);
  read_volume(o, t);
  read_clock(o, context, t);
  t.cache_write_share = o.number_in("cache_write_share", 0, 1, 0);
  if (t.cache_write_share > 0 && t.rates.front().prices.cache_write.source.empty())
    o.fail("cache_write_share", "is given, but the plan has no \"cache_write\" price");
  o.finish();
  return t;
}

}  // namespace tokenfab
