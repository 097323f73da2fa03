#include "sim/economics/plans/tariff.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "sim/core/service_tier.h"
#include "sim/economics/books.h"

namespace tokenfab {
namespace {

constexpr int kDay = 24 * 60, kBinMinutes = 15;

struct Account {
  const char *name, *item;
};
/// By TokenKind.
constexpr std::array<Account, kTokenKinds> kAccounts = {Account{"input", "input"},
                                                        Account{"cached_input", "cached input"},
                                                        Account{"output", "output"},
                                                        Account{"cache_write", "cache write"},
                                                        Account{"cache_write_hour", "cache write for an hour"},
                                                        Account{"reasoning", "reasoning output"}};
constexpr std::array<TokenKind, kTokenKinds> kKinds = {TokenKind::input, TokenKind::cached,     TokenKind::output,
                                                       TokenKind::write, TokenKind::write_hour, TokenKind::reasoning};

const Account& account(TokenKind kind) { return kAccounts[static_cast<std::size_t>(kind)]; }

/// Tokens by the kind whose price they are charged at.
using Quantities = std::array<long double, kTokenKinds>;
Quantities quantities(const TokenTariff& t, const TokenPlan& prices, const MeteredTokens& used) {
  const long double fresh = used.input - used.cached - used.written;
  const long double assumed = fresh * t.cache_write_share;
  Quantities out{};
  const auto add = [&](TokenKind kind, long double tokens) {
    out[static_cast<std::size_t>(prices.charged_as(kind))] += tokens;
  };
  add(TokenKind::input, fresh - assumed);
  add(TokenKind::cached, used.cached);
  add(TokenKind::output, used.output - used.reasoning);
  add(TokenKind::write, used.written - used.written_hour + assumed);
  add(TokenKind::write_hour, used.written_hour);
  add(TokenKind::reasoning, used.reasoning);
  return out;
}

bool is_off_peak(const TokenTariff& t, std::int64_t bin) {
  if (!t.off_peak) return false;
  const int minute = static_cast<int>((t.clock_start + bin % (kDay / kBinMinutes) * kBinMinutes) % kDay);
  const auto [from, to] = *t.off_peak;
  return from < to ? from <= minute && minute < to : minute >= from || minute < to;
}

/// Tokens that cost the same; equal prices are one line, whatever made them equal.
struct Sum {
  TokenKind kind = TokenKind::input;
  const TokenRates* rates = nullptr;
  long double tokens = 0;
};

std::vector<Sum> sums(const TokenTariff& t, const Metered& used) {
  std::vector<Sum> out;
  for (const TokenKind kind : {TokenKind::input, TokenKind::cached, TokenKind::output})
    out.push_back({kind, &t.rates.front(), 0});
  for (const MeteredTokens& cell : used.cells) {
    const TokenRates& rates = rates_for(t, cell);
    const Quantities tokens = quantities(t, rates.prices, cell);
    for (const TokenKind kind : kKinds) {
      const long double n = tokens[static_cast<std::size_t>(kind)];
      if (n == 0) continue;
      const double value = rates.prices.at(kind).value;
      auto at = std::find_if(out.begin(), out.end(),
                             [&](const Sum& s) { return s.kind == kind && s.rates->prices.at(kind).value == value; });
      if (at == out.end()) at = out.insert(at, {kind, &rates, 0});
      at->tokens += n;
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Sum& a, const Sum& b) { return a.kind < b.kind; });
  return out;
}

std::string count(long double tokens) {
  if (tokens == std::floor(tokens) && tokens < 9e18L) return std::to_string(static_cast<std::int64_t>(tokens));
  return figure(static_cast<double>(tokens));
}

/// What the tariff does not tell apart in this usage, and what it gives away.
void note_gaps(const TokenTariff& t, const Metered& used, Bill& bill) {
  for (const std::string& note : t.notes) bill.note(note);
  const TokenPlan& base = t.rates.front().prices;
  const MeteredTokens all = used.total();
  if (all.written > 0 && base.charged_as(TokenKind::write) != TokenKind::write)
    bill.note("cache writes (cache_write): the usage states " + count(all.written) +
              " tokens, the plan no price of them; charged as input");
  else if (all.written_hour > 0 && base.charged_as(TokenKind::write_hour) != TokenKind::write_hour)
    bill.note("cache writes for an hour (cache_write_1h): the usage states " + count(all.written_hour) +
              " tokens, the plan no price of them; charged as other writes");
  for (const MeteredTokens& c : used.cells) {
    const std::string& tier = service_tier_names()[static_cast<std::size_t>(c.tier)];
    if (!tier.empty() && tier != "standard" && !has_tier(t, tier))
      bill.note("service_tier \"" + tier + "\": the usage names it, the plan has no such tier; charged by class");
  }
  std::string zero;
  for (const auto& [kind, tokens] : {std::pair(TokenKind::input, all.input), std::pair(TokenKind::output, all.output)})
    if (base.at(kind).value == 0 && tokens > 0) zero += std::string(zero.empty() ? "" : " and ") + account(kind).item;
  if (!zero.empty()) bill.note("a price of 0: the plan gives " + zero + " tokens away");
}

}  // namespace

std::string conditions(const TokenRates& r) {
  std::string out;
  if (r.tier != "standard") out += ", " + r.tier;
  if (r.above > 0) out += ", prompts above " + std::to_string(r.above) + " tokens";
  if (r.off_peak) out += ", off-peak";
  return out;
}

TokenTariff flat_tariff(const TokenPlan& prices) {
  TokenTariff out;
  out.rates.push_back({"standard", 0, false, prices});
  return out;
}

bool has_tier(const TokenTariff& t, const std::string& tier) {
  return std::any_of(t.rates.begin(), t.rates.end(), [&](const TokenRates& r) { return r.tier == tier; });
}

TokenTariff for_usage(TokenTariff t, const Metered& used) {
  if (t.cache_write_share == 0 || used.total().written == 0) return t;
  t.cache_write_share = 0;
  t.notes.push_back("cache_write_share is not used: the usage states its cache writes");
  return t;
}

const TokenRates& rates_for(const TokenTariff& t, const MeteredTokens& used) {
  const auto i = static_cast<std::size_t>(used.priority);
  std::string tier = i < t.tier_of_class.size() ? t.tier_of_class[i] : "standard";
  if (const std::string& named = service_tier_names()[static_cast<std::size_t>(used.tier)];
      !named.empty() && has_tier(t, named))
    tier = named;
  const std::int32_t longer_than = used.bracket == 0 ? 0 : kMeterBrackets[static_cast<std::size_t>(used.bracket) - 1];
  const bool off_peak = is_off_peak(t, used.bin);
  const TokenRates* best = nullptr;
  for (const TokenRates& r : t.rates) {
    if (r.tier != tier || r.above > longer_than || (r.off_peak && !off_peak)) continue;
    const auto rank = [](const TokenRates& x) { return std::pair(x.off_peak, x.above); };
    if (!best || rank(*best) < rank(r)) best = &r;
  }
  require(best != nullptr, "every tier that a class has is priced");
  return *best;
}

long double list_usd(const TokenTariff& t, const MeteredTokens& used) {
  const TokenPlan& prices = rates_for(t, used).prices;
  const Quantities tokens = quantities(t, prices, used);
  long double usd = 0;
  for (const TokenKind kind : kKinds) usd += tokens[static_cast<std::size_t>(kind)] * prices.at(kind).value;
  return usd / 1e6L;
}

double volume_factor(const TokenTariff& t, double tokens, double months) {
  if (t.volume.empty() || tokens <= 0) return 1;
  double paid = 0, from = 0, factor = 1;
  for (const VolumeTier& tier : t.volume) {
    const double at = std::min(tokens, tier.above_tokens * months);
    paid += (at - from) * factor;
    from = at;
    factor = tier.factor;
  }
  return (paid + (tokens - from) * factor) / tokens;
}

void bill_tokens(const TokenTariff& tariff, const Metered& used, Bill& bill) {
  const TokenTariff t = for_usage(tariff, used);
  const double factor = volume_factor(t, static_cast<double>(used.total().all()), used.months());
  for (const Sum& s : sums(t, used)) {
    const Price& price = s.rates->prices.at(s.kind);
    const auto list = static_cast<double>(s.tokens * price.value / 1e6L);
    const std::string what = conditions(*s.rates);
    bill.charge(account(s.kind).name, static_cast<double>(s.tokens), "tokens", list * factor,
                count(s.tokens) + " tokens x $" + figure(price.value) + " a million" + what +
                    (factor != 1 ? " x " + figure(factor) + " by volume" : ""));
    bill.lines.back().list_usd = list;
    bill.uses(std::string("list price, ") + account(s.kind).item + what, price);
  }
  note_gaps(t, used, bill);
}

}  // namespace tokenfab
