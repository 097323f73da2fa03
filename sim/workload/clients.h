#pragma once
#include "sim/workload/generator.h"

namespace tokenfab {

/// The superposition of spec.clients, each with arrivals and lengths of its own. Errors: UserError.
std::unique_ptr<RequestSource> make_clients(const GeneratorSpec& spec);

}  // namespace tokenfab
