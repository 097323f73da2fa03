#pragma once
#include "base/json_object.h"
#include "hwmodels/step_model.h"
#include "sim/core/records.h"

namespace tokenfab {

/// Reads a pool's "tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel", "expert_routing",
/// "overlap" and "broken".
void read_parallelism(const JsonObject& pool, Deployment& deployment, std::vector<Assumption>& assumptions);

/// Reads a pool's "speculation" for its model; none where absent. Errors: UserError at the pointer.
std::optional<Speculation> read_speculation(const JsonObject& pool, const Catalog& catalog, const Llm& llm);

}  // namespace tokenfab
