#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/economics/economics.h"

namespace tokenfab {

/// The writing side of a record's money: ledger entries, and each price used, once.
class Books {
 public:
  /// Starts from an empty ledger and price list.
  explicit Books(RunRecord& record);

  /// `party` is who is paid (cost, usd > 0) or who pays (revenue, usd < 0).
  void entry(const std::string& account, const std::string& party, double usd, const std::string& basis);
  void uses(const std::string& item, const Price& price);

  /// The run's length and random streams.
  double hours() const { return record_.makespan_s / 3600; }
  std::uint64_t seed() const { return record_.seed; }
  std::uint32_t replication() const { return static_cast<std::uint32_t>(record_.replication); }

 private:
  RunRecord& record_;
};

/// A number for a ledger's basis: nine significant digits.
std::string figure(double value);

/// Ledger rows and bill of pool number `index` over the time it held its chips. UserError where it held more
/// than was committed and no other rent covers the rest.
PoolBill pool_bill(const PoolUsage& usage, const Supply& supply, std::uint32_t index, Books& books);
PoolBill rent_bill(const PoolUsage& usage, const std::vector<Rent>& rents, std::uint32_t index, Books& books);
double owner_cost(const PoolUsage& usage, const Owned& owned, const Site& site, Books& books);

/// Chips and their host share, before PUE, in J.
double it_energy_j(const PoolUsage& usage);

}  // namespace tokenfab
