#pragma once
#include "sim/workload/generator.h"

namespace tokenfab {

/// The requests of `source` with images, classes and variants drawn for each. Errors: UserError.
std::unique_ptr<RequestSource> mark(std::unique_ptr<RequestSource> source, const MarkSpec& spec, std::uint64_t seed,
                                    std::uint32_t replication);

}  // namespace tokenfab
