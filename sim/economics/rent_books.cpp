// What rented chips cost: commitments, blocks, spot markets and blends of them.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/economics/books.h"
#include "sim/economics/formulas.h"
#include "sim/economics/spot.h"

namespace tokenfab {
namespace {

std::string lessor(const Rent& rent) { return rent.provider.empty() ? "chip owner" : rent.provider; }

/// Rent that is owed for its term whatever the volume has an account of its own.
bool is_owed(const Rent& rent) {
  return rent.committed_chips > 0 || rent.block_hours > 0 || rent.kind.starts_with("reserved");
}

std::string account(const Rent& rent) { return is_owed(rent) ? "compute.committed" : "compute.rent"; }

std::string terms(const PoolUsage& u, const Rent& rent) {
  return " (" + u.chip + ", " + rent.kind + "; power and hosting included)";
}

/// Chip-hours paid for: held and not held.
struct Hours {
  double held = 0, unused = 0;
};

double spot_price(const Rent& rent, std::uint32_t index, const Books& books) {
  return mean_spot_price(rent.usd_per_chip_hour.value, rent.spot, books.hours(), books.seed(), books.replication(),
                         index);
}

double held_cost(const PoolUsage& u, const Rent& rent, double hours, double usd_per_hour, Books& books) {
  const bool moved = rent.spot.volatility > 0;
  const double usd = hours * usd_per_hour;
  books.entry(account(rent), lessor(rent), usd,
              u.name + ": " + figure(hours) + " paid chip-hours x $" + figure(usd_per_hour) +
                  (moved ? ", the spot price's mean over the run" : "") + terms(u, rent));
  return usd;
}

double unused_cost(const PoolUsage& u, const Rent& rent, double hours, double usd_per_hour, Books& books) {
  if (hours <= 0) return 0;
  const std::string why = rent.block_hours > 0 ? " of whole blocks of " + figure(rent.block_hours) + " hours"
                                               : " of " + figure(rent.committed_chips) + " committed chips";
  books.entry(
      account(rent) + ".unused", lessor(rent), hours * usd_per_hour,
      u.name + ": " + figure(hours) + " chip-hours" + why + " not held x $" + figure(usd_per_hour) + terms(u, rent));
  return hours * usd_per_hour;
}

double interruption_cost(const PoolUsage& u, const Rent& rent, double usd, Books& books) {
  const double factor = interruption_factor(rent.spot);
  if (factor == 1) return 0;
  books.entry(account(rent) + ".interruptions", lessor(rent), usd * (factor - 1),
              u.name + ": $" + figure(usd) + " x (" + figure(factor) + " - 1): expected time of restarts and of work " +
                  "done again, at " + figure(rent.spot.interruptions_per_hour) + " interruptions a chip-hour");
  return usd * (factor - 1);
}

/// Interest on the share paid at the start, over the contract's life as an annuity.
double upfront_cost(const PoolUsage& u, const Rent& rent, double usd, Books& books) {
  if (rent.upfront_share == 0 || rent.interest == 0) return 0;
  const double annuity = rent.term_years * capital_recovery_factor(rent.interest, rent.term_years);
  const double interest = usd * rent.upfront_share * (annuity - 1);
  books.entry(account(rent) + ".upfront", "investors", interest,
              u.name + ": $" + figure(usd) + " x " + figure(rent.upfront_share) + " paid upfront x (" +
                  figure(rent.term_years) + " years x CRF at " + figure(rent.interest) + " - 1)");
  return interest;
}

PoolBill part_bill(const PoolUsage& u, const Rent& rent, const Hours& hours, std::uint32_t index, Books& books) {
  const double price = spot_price(rent, index, books);
  PoolBill bill;
  const double held = held_cost(u, rent, hours.held, price, books);
  bill.unused_usd = unused_cost(u, rent, hours.unused, price, books);
  bill.usd = held + bill.unused_usd + interruption_cost(u, rent, held, books);
  bill.usd += upfront_cost(u, rent, held + bill.unused_usd, books);
  books.uses(u.chip + " rent, " + rent.kind + (rent.provider.empty() ? "" : ", " + rent.provider),
             rent.usd_per_chip_hour);
  return bill;
}

/// Whole blocks per chip that cover the run.
Hours block_hours(const Rent& rent, double held, double run_hours) {
  if (rent.block_hours == 0 || run_hours <= 0) return {held, 0};
  const double blocks = std::ceil(run_hours / rent.block_hours * (1 - 1e-12));
  return {held, held / run_hours * blocks * rent.block_hours - held};
}

/// Of `left` chip-hours, those that a commitment covers; `left` becomes the rest.
Hours committed_hours(const Rent& rent, double run_hours, double& left) {
  const double paid = rent.committed_chips * run_hours, held = std::min(left, paid);
  left = std::max(0.0, left - held);
  return {held, paid - held};
}

}  // namespace

PoolBill rent_bill(const PoolUsage& u, const std::vector<Rent>& rents, std::uint32_t index, Books& books) {
  const double all = u.paid_chip_seconds / 3600;
  double left = all, open_shares = 0;
  PoolBill bill;
  const auto add = [&](const Rent& rent, const Hours& hours) {
    const PoolBill part = part_bill(u, rent, hours, index, books);
    bill.usd += part.usd;
    bill.unused_usd += part.unused_usd;
  };
  for (const Rent& rent : rents)
    if (rent.committed_chips > 0) add(rent, committed_hours(rent, books.hours(), left));
    else open_shares += rent.share;
  if (open_shares == 0 && left > 1e-9 * all)
    throw UserError("pool \"" + u.name + "\" held " + figure(all) + " chip-hours, " + figure(left) +
                    " more than were committed, and no other rent is given for them");
  for (const Rent& rent : rents)
    if (rent.committed_chips == 0) add(rent, block_hours(rent, left * (rent.share / open_shares), books.hours()));
  return bill;
}

}  // namespace tokenfab
