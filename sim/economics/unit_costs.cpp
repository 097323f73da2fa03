#include "sim/economics/unit_costs.h"

#include <cmath>
#include <variant>

#include "base/error.h"

namespace tokenfab {
namespace {

struct Tokens {
  long double input, cached, output;  // input: uncached
  long double all() const { return input + cached + output; }
};

Tokens tokens_of(const RunRecord& r) {
  return {static_cast<long double>(r.input_served - r.cached_tokens), static_cast<long double>(r.cached_tokens),
          static_cast<long double>(r.output_served)};
}

long double sum(const TokenBill& b) { return b.input + b.cached + b.output; }

TokenBill scaled(const TokenBill& b, long double factor) {
  return {b.input * factor, b.cached * factor, b.output * factor};
}

void add(TokenBill& to, const TokenBill& b) {
  to.input += b.input;
  to.cached += b.cached;
  to.output += b.output;
}

/// Replica-seconds of a pool's busy time that each kind of token took.
TokenBill busy_seconds(const PoolUsage& u) {
  long double read = 0;
  for (const StepTimeRow& row : u.step_time)
    if (row.op_class == "cache_read" && row.phase == "prefill") read += row.seconds;
  read = std::min(read, static_cast<long double>(u.prefill_busy_seconds));
  return {u.prefill_busy_seconds - read, read, u.decode_busy_seconds};
}

/// `usd` in proportion to `parts`, which sum to more than zero.
TokenBill in_proportion(long double usd, const TokenBill& parts) { return scaled(parts, usd / sum(parts)); }

/// `usd` of a pool's prefill, uncached and cached in proportion to their time.
TokenBill prefill_bill(long double usd, const TokenBill& seconds) {
  const TokenBill prefill = {seconds.input, seconds.cached, 0};
  return sum(prefill) > 0 ? in_proportion(usd, prefill) : TokenBill{usd, 0, 0};
}

/// Bills of some pools, brought to `total` and to the kinds of tokens that were served.
TokenBill settled(TokenBill known, long double total, const Tokens& t) {
  if (t.all() == 0) return {0, 0, total};
  if (sum(known) <= 0) known = {t.input, t.cached, t.output};
  const auto leave = [](long double& from, long double& to) { to += from, from = 0; };
  if (t.cached == 0) leave(known.cached, known.input);
  if (t.input == 0) leave(known.input, t.cached > 0 ? known.cached : known.output);
  if (t.output == 0) leave(known.output, t.input > 0 ? known.input : known.cached);
  return scaled(known, total / sum(known));
}

long double total_of(const std::vector<PoolBill>& bills) {
  long double total = 0;
  for (const PoolBill& b : bills) total += b.usd;
  return total;
}

/// The bill with each pool's part from `part(usage, bill, busy seconds)`.
template <class Part>
TokenBill by_pool(const RunRecord& r, const std::vector<PoolBill>& bills, Part part) {
  TokenBill known;
  for (std::size_t i = 0; i < bills.size(); ++i) add(known, part(r.pools[i], bills[i], busy_seconds(r.pools[i])));
  return settled(known, total_of(bills), tokens_of(r));
}

TokenBill by_time(const PoolUsage&, const PoolBill& bill, const TokenBill& seconds) {
  return sum(seconds) > 0 ? in_proportion(bill.usd, seconds) : TokenBill{};
}

TokenBill by_role(const PoolUsage& u, const PoolBill& bill, const TokenBill& seconds) {
  if (u.role == "prefill") return prefill_bill(bill.usd, seconds);
  if (u.role == "decode") return {0, 0, bill.usd};
  return by_time(u, bill, seconds);
}

TokenBill by_shapley(const PoolUsage& u, const PoolBill& bill, const TokenBill& seconds) {
  const double share = u.paid_chip_seconds > 0 ? std::min(1.0, u.busy_chip_seconds / u.paid_chip_seconds) : 0;
  const long double busy = sum(seconds) > 0 ? (bill.usd - bill.unused_usd) * static_cast<long double>(share) : 0;
  const long double idle = bill.usd - busy;
  TokenBill out = busy > 0 ? in_proportion(busy, seconds) : TokenBill{};
  const long double to_prefill = u.role == "decode" ? 0 : u.role == "prefill" ? 1 : 0.5L;
  add(out, prefill_bill(idle * to_prefill, seconds));
  out.output += idle * (1 - to_prefill);
  return out;
}

UnitCost per_token(const std::string& method, const std::string& basis, const TokenBill& bill, const Tokens& t) {
  const auto per_million = [](long double usd, long double tokens) {
    return tokens > 0 ? static_cast<double>(usd / tokens * 1e6L) : kUnknown;
  };
  return {method, basis, per_million(bill.input, t.input), per_million(bill.cached, t.cached),
          per_million(bill.output, t.output)};
}

void check(const UnitCost& c, long double total, const Tokens& t) {
  long double usd = 0;
  const auto take = [&](double price, long double tokens) { usd += tokens > 0 ? price * tokens / 1e6L : 0; };
  take(c.usd_per_mtok_input, t.input);
  take(c.usd_per_mtok_cached, t.cached);
  take(c.usd_per_mtok_output, t.output);
  require(std::fabs(usd - total) <= 1e-9L * std::fabs(total) + 1e-15L, "every split of the bill adds up to the bill");
}

bool apart(const RunRecord& r) {
  for (const PoolUsage& u : r.pools)
    if (u.role != "both") return true;
  return false;
}

}  // namespace

TokenBill busy_time_bill(const RunRecord& r, const std::vector<PoolBill>& bills) { return by_pool(r, bills, by_time); }

PriceRatio price_ratio(const std::optional<PricePlan>& plan) {
  const auto* tariff = plan ? std::get_if<TokenTariff>(&plan->terms) : nullptr;
  if (tariff == nullptr || tariff->rates.front().prices.input.value <= 0)
    return {1, 1, "no price list: every token costs the same"};
  const TokenPlan& p = tariff->rates.front().prices;
  return {p.cached_input.value / p.input.value, p.output.value / p.input.value, "the plan's prices: " + p.input.source};
}

std::vector<UnitCost> unit_costs(const RunRecord& r, const std::vector<PoolBill>& bills, const PriceRatio& ratio) {
  const Tokens t = tokens_of(r);
  if (t.all() == 0) return {};
  const long double total = total_of(bills);
  const TokenBill prices = {t.input, t.cached * ratio.cached, t.output * ratio.output};
  std::vector<UnitCost> out = {
      per_token("busy-time", "busy time of prefill, cache reads and decode", busy_time_bill(r, bills), t),
      per_token("pool", apart(r) ? "prefill pools to input, decode pools to output" : "no pools apart: as busy-time",
                by_pool(r, bills, by_role), t),
      per_token("price-ratio", ratio.basis, settled(prices, total, t), t),
      per_token("shapley", "own busy time; idle time in equal parts to the phases of a pool",
                by_pool(r, bills, by_shapley), t)};
  for (const UnitCost& c : out) check(c, total, t);
  return out;
}

}  // namespace tokenfab
