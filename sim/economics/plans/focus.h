#pragma once
#include <string>
#include <string_view>

#include "sim/economics/plans/bill.h"

namespace tokenfab {

/// One bill as FOCUS rows: what was billed by whom for what, and when.
struct FocusCharge {
  const Bill* bill = nullptr;
  std::string resource;                  // the run
  std::string service;                   // its model
  std::string period_start, period_end;  // ISO 8601, UTC
};

/// The line of column names.
std::string_view focus_header();

/// Billing rows in the shape of the FinOps FOCUS specification (columns by its names; one row per bill line; UTF-8, RFC
/// 4180), to follow the header. A commitment's purchase is billed and has no effective cost; its use has, and so has
/// what was not used: per commitment, the sum of EffectiveCost over Usage rows (Used and Unused) is that of BilledCost
/// over Purchase rows.
std::string focus_csv(const FocusCharge& charge);

/// "1970-01-02T00:00:00Z" for 86,400 s after midnight UTC of "1970-01-01" (`date`: YYYY-MM-DD). UserError on another
/// form.
std::string utc_time(const std::string& date, double seconds);

}  // namespace tokenfab
