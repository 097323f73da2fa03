#pragma once
#include <string>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/economics/money_catalog.h"
#include "sim/economics/plans/plan.h"

namespace tokenfab {

/// Where a plan is read: the model that list prices are looked up for, and where defaults are noted.
struct PlanContext {
  const std::string& llm;
  const MoneyCatalog& money;
  std::vector<Assumption>& assumptions;
};

/// Reads "plan": exactly one of the kinds of plan of docs/definitions.md, and "name" and "sla". Errors: UserError with
/// file and pointer.
///   {"pay_per_token": "together"}                                    the latest list of a provider
///   {"pay_per_token": {"provider": "deepseek", "as_of": "2025-02-26", …}}
///   {"pay_per_token": {"input": 0.55, "cached_input": 0.14, "output": 2.19, "per": "1M", …}}
///   {"gpu_second": …} {"provisioned": …} {"subscription": …} {"token_pools": …} {"unlimited": …}
///   {"revenue_share": …} {"free_tier": …} {"fixed_output": …}
PricePlan read_price_plan(const JsonObject& plan, const PlanContext& context);

/// The value of "pay_per_token": a provider's name, or an object.
TokenTariff read_tariff(const JsonObject& parent, const std::string& key, const PlanContext& context);

}  // namespace tokenfab
