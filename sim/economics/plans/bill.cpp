#include "sim/economics/plans/bill.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"

namespace tokenfab {

void Bill::charge(const std::string& account, double quantity, const std::string& unit, double amount,
                  const std::string& basis) {
  lines.push_back({account, Charge::usage, quantity, unit, amount, amount, amount, "", basis});
}

void Bill::commit(const std::string& account, double amount, double list_usd, const std::string& basis, double capacity,
                  double used, const std::string& unit, double use_list_usd) {
  used = std::min(used, capacity);
  const double share = capacity > 0 ? used / capacity : 0, spent = amount * share;
  lines.push_back(
      {account, Charge::purchase, capacity, unit, amount, list_usd > 0 ? list_usd : amount, 0, account, basis});
  lines.push_back({account + "_use", Charge::usage, used, unit, 0, use_list_usd >= 0 ? use_list_usd : spent, spent,
                   account, "covered by " + account});
  lines.push_back({account + "_unused", Charge::unused, capacity - used, unit, 0, amount - spent, amount - spent,
                   account, "bought and not used"});
}

void Bill::uses(const std::string& item, const Price& price) {
  const auto same = [&](const auto& q) { return q.first == item && q.second.value == price.value; };
  if (std::none_of(prices.begin(), prices.end(), same)) prices.emplace_back(item, price);
}

void Bill::figure(const std::string& name, const std::string& unit, double value) {
  figures.push_back({name, unit, value});
}

void Bill::note(const std::string& text) {
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
}

void Bill::close() {
  long double total = 0;
  std::map<std::string, long double> open;
  for (const BillLine& l : lines) {
    require(std::isfinite(l.usd) && std::isfinite(l.effective_usd), "amounts of a bill are finite");
    total += l.usd;
    if (!l.commitment.empty()) open[l.commitment] += static_cast<long double>(l.usd) - l.effective_usd;
  }
  usd = static_cast<double>(total);
  for (const auto& [name, left] : open)
    require(std::fabs(left) <= 1e-9L * (1 + std::fabs(total)), "a commitment's effective cost is its price");
}

}  // namespace tokenfab
