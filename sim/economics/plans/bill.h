#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sim/economics/price.h"

namespace tokenfab {

/// usage: something consumed; purchase: something committed to, used or not; unused: the part of a commitment that was
/// not used; credit: given back.
enum class Charge { usage, purchase, unused, credit };

/// One line of a customer's bill. Amounts in USD, > 0: the customer pays.
struct BillLine {
  std::string account;  // "input", "cached_input", "subscription", ...
  Charge charge = Charge::usage;
  double quantity = 0;
  std::string unit;          // of quantity: "tokens", "chip-seconds", ...
  double usd = 0;            // billed
  double list_usd = 0;       // at list prices: before volume discounts, without the commitment
  double effective_usd = 0;  // a commitment's price spread over what was or was not used of it; else as billed
  std::string commitment;    // its name; "" = none
  std::string basis;         // the arithmetic
};

/// A quantity that a plan is judged by: a share of unused tokens, a break-even volume.
struct Figure {
  std::string name, unit;
  double value = 0;  // NaN: does not exist
};

struct Bill {
  std::vector<BillLine> lines;
  std::vector<std::pair<std::string, Price>> prices;  // that entered it, each once
  std::vector<Figure> figures;
  std::vector<std::string> notes;  // what the plan could not tell apart, or charges nothing for
  double usd = 0;                  // sum of the lines
  double turned_away = 0;          // share of the tokens that the plan would not carry: they are in no line

  /// A line whose list and effective amounts are what is billed.
  void charge(const std::string& account, double quantity, const std::string& unit, double amount,
              const std::string& basis);
  /// A fee of `amount`, at list price `list_usd` (0: as billed), for `capacity` of a unit of which `used` was used;
  /// three lines: purchase, use and unused. `use_list_usd`: what the use would cost at list prices without the
  /// commitment; < 0: not known.
  void commit(const std::string& account, double amount, double list_usd, const std::string& basis, double capacity,
              double used, const std::string& unit, double use_list_usd);
  void uses(const std::string& item, const Price& price);
  void figure(const std::string& name, const std::string& unit, double value);
  void note(const std::string& text);  // once
  /// Sums the lines into `usd`. Checks (InternalError, 1e-9) that a commitment's effective amounts are its price.
  void close();
};

}  // namespace tokenfab
