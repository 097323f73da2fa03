#include <algorithm>
#include <cmath>

#include "engine/measure_points.h"

namespace tokenfab::engine {
namespace {

struct StepShape {
  const char* op;
  std::int64_t batch = 0, context = 0;  // decoding sequences, and the tokens that each then has cached
  std::int64_t drafts = 0;              // drafted tokens that each verifies
  std::int64_t chunk = 0, prior = 0;    // prompt tokens of one more sequence, after `prior` cached ones
};

StepSums sums_of(const StepShape& s) {
  StepSums sums;
  if (s.drafts > 0) {  // a short prompt on a cached context, each of whose tokens is judged
    const std::int64_t tokens = 1 + s.drafts, prior = s.context - tokens;
    sums.prefill_sequences = s.batch;
    sums.prefill_tokens = sums.prefill_outputs = s.batch * tokens;
    sums.prefill_attention = s.batch * (tokens * prior + tokens * (tokens + 1) / 2);
    sums.prefill_kv_tokens = s.batch * s.context;
    return sums;
  }
  sums.decode_sequences = s.batch;
  sums.decode_kv_tokens = s.batch * s.context;
  if (s.chunk == 0) return sums;
  sums.prefill_sequences = sums.prefill_outputs = 1;
  sums.prefill_tokens = s.chunk;
  sums.prefill_attention = s.chunk * s.prior + s.chunk * (s.chunk + 1) / 2;
  sums.prefill_kv_tokens = s.prior + s.chunk;
  return sums;
}

/// Weights that a step of `rows` tokens reads: no embedding table (a row each), and of the experts the share that
/// random routing touches, 1 - (1 - k / E)^rows.
double weights_read(const Model& model, std::int64_t rows) {
  const ModelConfig& c = model.config();
  double bytes = static_cast<double>(model.weight_bytes());
  if (!c.tied_embeddings) bytes -= static_cast<double>(model.weights().embedding.bytes());
  if (c.experts == 0) return bytes;
  const double idle =
      std::pow(1 - static_cast<double>(c.top_k) / static_cast<double>(c.experts), static_cast<double>(rows));
  for (const LayerWeights& l : model.weights().layers)
    for (std::size_t e = 0; e < l.expert_down.size(); ++e)
      bytes -= idle * static_cast<double>(l.expert_gate_up[e].bytes() + l.expert_down[e].bytes());
  return bytes;
}

void add_step(Probe& probe, std::vector<Point>& points, const StepShape& s) {
  Model& model = probe.model();
  const std::int64_t sequences = s.batch + (s.chunk > 0), longest = std::max(s.context, s.prior + s.chunk);
  const std::int64_t decode_rows = s.batch * (1 + s.drafts);
  if (!probe.fits(sequences, longest) || s.chunk + decode_rows > model.capacity().rows ||
      decode_rows + 1 > model.capacity().outputs)
    return;
  StepBatch step(model.capacity().page_tokens);
  for (std::int64_t i = 0; i < s.batch; ++i)
    step.add(std::vector<std::int32_t>(static_cast<std::size_t>(1 + s.drafts), static_cast<std::int32_t>(i % 97)),
             s.context - 1 - s.drafts, probe.table(i, longest), StepBatch::Outputs::all);
  if (s.chunk > 0)
    step.add(std::vector<std::int32_t>(static_cast<std::size_t>(s.chunk), 11), s.prior, probe.table(s.batch, longest),
             StepBatch::Outputs::last);
  Measurement m;
  m.kind = "step", m.op = s.op, m.batch = s.batch, m.context = s.context, m.chunk = s.chunk, m.rows = step.rows();
  m.key = std::string("step ") + s.op + " b" + std::to_string(s.batch) + " c" + std::to_string(s.context) + " q" +
          std::to_string(s.chunk) + " p" + std::to_string(s.prior) + " d" + std::to_string(s.drafts);
  m.sums = sums_of(s);
  m.bytes = weights_read(model, step.rows()) +
            probe.kv_bytes(static_cast<double>(m.sums.decode_kv_tokens + m.sums.prefill_kv_tokens));
  m.flop = 2.0 * static_cast<double>(step.rows()) * static_cast<double>(model.config().active_parameters());
  points.push_back({m, [&probe, step] { probe.choose(probe.model().forward(step)); }, false});
}

}  // namespace

void add_decode_steps(Probe& probe, std::vector<Point>& points) {
  for (const std::int64_t context : ladder(probe.options(), 128, probe.options().most_context))
    for (const std::int64_t batch : row_counts(probe.options(), probe.options().most_batch))
      add_step(probe, points, {"decode", batch, context});
}

void add_other_steps(Probe& probe, std::vector<Point>& points) {
  const MeasureOptions& o = probe.options();
  for (const std::int64_t prior : {std::int64_t{0}, o.most_context / 2})
    for (const std::int64_t chunk : ladder(probe.options(), 16, o.most_prefill))
      add_step(probe, points, {"prefill", 0, 0, 0, chunk, prior});
  for (const std::int64_t batch : ladder(probe.options(), 4, o.most_batch))
    for (const std::int64_t chunk : ladder(probe.options(), 32, o.most_prefill / 2))
      add_step(probe, points, {"mixed", batch, o.most_context / 4, 0, chunk, 0});
  for (const std::int64_t drafts : {1, 2, 4, 7})
    for (const std::int64_t batch : ladder(probe.options(), 1, std::min<std::int64_t>(o.most_batch, 16)))
      add_step(probe, points, {"verify", batch, o.most_context / 4, drafts});
}

}  // namespace tokenfab::engine
