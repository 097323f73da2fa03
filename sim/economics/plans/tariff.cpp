#include "sim/economics/plans/tariff.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "sim/economics/books.h"

namespace tokenfab {
namespace {

constexpr int kDay = 24 * 60, kBinMinutes = 15;

struct Kind {
  const char *account, *item;
};
constexpr std::array<Kind, 4> kKinds = {Kind{"input", "input"}, Kind{"cached_input", "cached input"},
                                        Kind{"output", "output"}, Kind{"cache_write", "cache write"}};

const Price& price_of(const TokenPlan& p, std::size_t kind) {
  if (kind == 3) return p.cache_write.source.empty() ? p.input : p.cache_write;
  return *std::array{&p.input, &p.cached_input, &p.output}[kind];
}

std::array<long double, 4> quantities(const TokenTariff& t, const MeteredTokens& used) {
  const long double fresh = used.input - used.cached, written = fresh * t.cache_write_share;
  return {fresh - written, used.cached, used.output, written};
}

bool is_off_peak(const TokenTariff& t, std::int64_t bin) {
  if (!t.off_peak) return false;
  const int minute = static_cast<int>((t.clock_start + bin % (kDay / kBinMinutes) * kBinMinutes) % kDay);
  const auto [from, to] = *t.off_peak;
  return from < to ? from <= minute && minute < to : minute >= from || minute < to;
}

/// Tokens that cost the same; equal prices are one line, whatever made them equal.
struct Sum {
  std::size_t kind = 0;
  const TokenRates* rates = nullptr;
  long double tokens = 0;
};

std::vector<Sum> sums(const TokenTariff& t, const Metered& used) {
  std::vector<Sum> out;
  for (std::size_t kind = 0; kind < 3; ++kind) out.push_back({kind, &t.rates.front(), 0});
  for (const MeteredTokens& cell : used.cells) {
    const TokenRates& rates = rates_for(t, cell.priority, cell.bracket, cell.bin);
    const auto tokens = quantities(t, cell);
    for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
      if (tokens[kind] == 0) continue;
      const double value = price_of(rates.prices, kind).value;
      auto at = std::find_if(out.begin(), out.end(), [&](const Sum& s) {
        return s.kind == kind && price_of(s.rates->prices, kind).value == value;
      });
      if (at == out.end()) at = out.insert(at, {kind, &rates, 0});
      at->tokens += tokens[kind];
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Sum& a, const Sum& b) { return a.kind < b.kind; });
  return out;
}

std::string count(long double tokens) {
  if (tokens == std::floor(tokens) && tokens < 9e18L) return std::to_string(static_cast<std::int64_t>(tokens));
  return figure(static_cast<double>(tokens));
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

const TokenRates& rates_for(const TokenTariff& t, int priority, int bracket, std::int64_t bin) {
  const auto i = static_cast<std::size_t>(priority);
  const std::string tier = i < t.tier_of_class.size() ? t.tier_of_class[i] : "standard";
  const std::int32_t longer_than = bracket == 0 ? 0 : kMeterBrackets[static_cast<std::size_t>(bracket) - 1];
  const bool off_peak = is_off_peak(t, bin);
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
  const TokenPlan& prices = rates_for(t, used.priority, used.bracket, used.bin).prices;
  const auto tokens = quantities(t, used);
  long double usd = 0;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) usd += tokens[kind] * price_of(prices, kind).value;
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

void bill_tokens(const TokenTariff& t, const Metered& used, Bill& bill) {
  const double factor = volume_factor(t, static_cast<double>(used.total().all()), used.months());
  for (const Sum& s : sums(t, used)) {
    const Price& price = price_of(s.rates->prices, s.kind);
    const auto list = static_cast<double>(s.tokens * price.value / 1e6L);
    const std::string what = conditions(*s.rates);
    bill.charge(kKinds[s.kind].account, static_cast<double>(s.tokens), "tokens", list * factor,
                count(s.tokens) + " tokens x $" + figure(price.value) + " a million" + what +
                    (factor != 1 ? " x " + figure(factor) + " by volume" : ""));
    bill.lines.back().list_usd = list;
    bill.uses(std::string("list price, ") + kKinds[s.kind].item + what, price);
  }
}

}  // namespace tokenfab
