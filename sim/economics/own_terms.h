#pragma once
#include "sim/economics/capital.h"
#include "sim/economics/economics.h"

namespace tokenfab {

/// How the capital of owned chips is paid back.
CapitalTerms capital_terms(const Owned& owned);

}  // namespace tokenfab
