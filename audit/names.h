#pragma once
#include <map>
#include <string>

#include "audit/claim.h"

namespace tokenfab::audit {

/// Refuses a claim whose formulas or tools read a name that is none of its inputs, whose inputs are computed from
/// themselves, or which brings an input (`own`) that nothing reads. Errors: UserError with file and JSON pointer.
void check_names(const Claim& claim, const std::map<std::string, InputSpec>& own);

}  // namespace tokenfab::audit
