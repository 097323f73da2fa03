#pragma once
#include <string>
#include <vector>

#include "sim/workload/generator.h"

namespace tokenfab {

/// Workloads that come with tokenfab: generators fitted to public traces.
const std::vector<std::string>& builtin_names();

/// Errors: UserError with the nearest name.
GeneratorSpec builtin_workload(const std::string& name, std::uint64_t seed, std::uint32_t replication);

/// Which public data it was fitted to, by whom, under which licence.
std::string builtin_source(const std::string& name);

}  // namespace tokenfab
