#include "sim/fleet/factory.h"

namespace tokenfab {

void fit_to_model(PoolSpec& pool) {
  const StepModel& model = *pool.model;
  const Deployment& d = model.deployment();
  BatcherSpec& b = pool.batcher;
  b.max_sequences = d.max_sequences;
  b.token_budget = d.token_budget;
  b.context = d.llm.context;
  b.kv_blocks = model.memory().kv_blocks;
  b.kv_block_tokens = d.kv_block_tokens;
  if (d.llm.window) b.window = {d.llm.window->tokens, model.memory().full_pages, model.memory().window_pages};
  if (!d.speculation) return;
  b.pace.quanta = d.kv_quanta();
  b.pace.lookahead = d.speculation->drafted;
  for (std::int64_t n = 0; n <= d.max_sequences; ++n) b.pace.by_sequences.push_back(model.pace(n));
  pool.luck = std::make_shared<DraftLuck>(d.speculation->gains());
}

}  // namespace tokenfab
