#pragma once
#include <string>

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

 private:
  RunRecord& record_;
};

/// A number for a ledger's basis: nine significant digits.
std::string figure(double value);

/// Ledger rows and allocation cost (USD) of one pool over its paid time.
double pool_cost(const PoolUsage& usage, const Supply& supply, Books& books);

struct Carbon {
  double operational_g = 0, embodied_g = 0;
};
/// Operational emissions at the meter (PUE included); embodied ones by the paid share of the hardware's life.
Carbon pool_carbon(const PoolUsage& usage, const Site& site, Books& books);

/// Chips and their host share, before PUE, in J.
double it_energy_j(const PoolUsage& usage);

}  // namespace tokenfab
