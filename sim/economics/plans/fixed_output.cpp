#include "sim/economics/books.h"
#include "sim/economics/plans/plans.h"

namespace tokenfab {

void bill_fixed_output(const FixedOutput& t, const Metered& used, Bill& bill) {
  const bool request = t.per == FixedOutput::Per::request;
  const double quantity = request ? used.requests : static_cast<double>(used.total().output);
  const double usd = quantity * t.usd.value / (request ? 1 : 1e6);
  bill.charge("fixed_output", quantity, request ? "requests" : "tokens", usd,
              figure(quantity) + (request ? " requests x $" : " output tokens x $") + figure(t.usd.value) +
                  (request ? "" : " a million"));
  bill.uses(request ? "fixed price, a request" : "fixed price, output", t.usd);
}

}  // namespace tokenfab
