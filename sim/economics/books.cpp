#include "sim/economics/books.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sim/economics/formulas.h"

namespace tokenfab {
Books::Books(RunRecord& record) : record_(record) {
  record.ledger.clear();
  record.prices.clear();
}

void Books::entry(const std::string& account, const std::string& party, double usd, const std::string& basis) {
  record_.ledger.push_back({account, party, basis, usd});
}

void Books::uses(const std::string& item, const Price& p) {
  const auto same = [&](const PriceUsed& q) {
    return q.item == item && q.value == p.value && q.unit == p.unit && q.source == p.source && q.as_of == p.as_of;
  };
  if (std::any_of(record_.prices.begin(), record_.prices.end(), same)) return;
  record_.prices.push_back({item, p.unit, p.source, p.as_of, p.value});
}

std::string figure(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

double it_energy_j(const PoolUsage& u) { return u.idle_energy_j + u.dynamic_energy_j; }

PoolBill pool_bill(const PoolUsage& u, const Supply& s, std::uint32_t index, Books& books) {
  if (s.owned) return {owner_cost(u, *s.owned, s.site, books), 0};
  return rent_bill(u, s.rent ? std::vector<Rent>{*s.rent} : s.blend, index, books);
}

}  // namespace tokenfab
