#include "sim/economics/books.h"
#include "sim/economics/plans/plans.h"

namespace tokenfab {

void bill_chip_time(const ChipTime& t, const Metered& used, Bill& bill) {
  const double price = t.usd_per_chip_second.value, running = t.idle ? used.paid_chip_s : used.busy_chip_s;
  const auto add = [&](const char* account, double seconds, const char* what) {
    bill.charge(account, seconds, "chip-seconds", seconds * price,
                figure(seconds) + std::string(what) + " chip-seconds x $" + figure(price));
  };
  add("chip_time", running, t.idle ? " paid" : " busy");
  if (t.boot_s > 0) add("boot", t.boot_s * used.chips, " boot");
  bill.uses("price of a chip-second", t.usd_per_chip_second);
  if (!t.idle)
    bill.note("break-even at other volumes is not known: busy time, which is charged, was simulated at this one only");
}

}  // namespace tokenfab
