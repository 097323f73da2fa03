#include "calibration/published_steps.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab::calibration {
namespace {

using Row = SuiteGroup::Row;
using CalibrationPtr = std::shared_ptr<const Calibration>;

constexpr double kNodeChips = 8;

Deployment plain_deployment(const SuiteGroup& g, const Catalog& catalog, const CalibrationPtr& calibration) {
  Deployment d;
  d.chip = catalog.chip(g.chip), d.llm = catalog.llm(g.llm), d.engine = catalog.engine(g.engine);
  d.calibration = calibration;
  d.weights = g.weights, d.kv = g.kv, d.activations = g.activations;
  d.memory_share = d.engine.memory_share.value;
  d.kv_block_tokens = static_cast<int>(d.engine.kv_block_tokens.value);
  return d;
}

/// Chunks of whole prompts on all chips, or one decode step; null columns are of the other kind of step.
PublishedPoint large_ep_point(const SuiteGroup& g, std::size_t i, Deployment d) {
  const Row& r = g.rows[i];
  const bool prefill = g.get(r, "prefill_tokens").has_value();
  const double chips = g.at(r, "data_parallel"), context = g.at(r, "context");
  const double each = g.at(r, prefill ? "prefill_tokens" : "decode_sequences");
  d.data_parallel = static_cast<int>(chips);
  d.expert_parallel = true;
  d.routing = {g.zipf, g.redundant_experts};
  d.overlap = g.overlap;
  const auto all = static_cast<std::int64_t>(each * chips);
  d.token_budget = prefill ? all : 1;
  d.max_sequences = prefill ? 1 : all;
  StepSums sums;
  if (prefill)
    for (std::int64_t done = 0; done < all; done += static_cast<std::int64_t>(context))
      sums.add_chunk(0, std::min<std::int64_t>(static_cast<std::int64_t>(context), all - done), true);
  sums.decode_sequences = prefill ? 0 : all;
  sums.decode_kv_tokens = sums.decode_sequences * static_cast<std::int64_t>(context);
  const double seconds = StepModel(std::move(d)).evaluate(sums).total();
  return {prefill ? "prefill rate" : "decode rate", i, r.check, g.at(r, "node_tok_s"), kNodeChips * each / seconds};
}

PublishedPoint speculation_point(const SuiteGroup& g, std::size_t i, Deployment d) {
  const Row& r = g.rows[i];
  const auto batch = static_cast<std::int64_t>(g.at(r, "batch"));
  const auto context = static_cast<std::int64_t>(g.at(r, "context"));
  d.tensor_parallel = static_cast<int>(g.at(r, "tensor_parallel"));
  d.max_sequences = batch;
  const auto seconds = [&](const Deployment& one) {
    StepSums sums;
    sums.decode_sequences = batch;
    sums.decode_kv_tokens = batch * context * one.kv_quanta();
    return StepModel(one).evaluate(sums).total();
  };
  const double plain = seconds(d), tokens = g.at(r, "tokens_per_step");
  Speculation s;
  s.drafter = draft_layers(d.llm, 1);
  s.depth = s.drafted = static_cast<int>(g.at(r, "depth"));
  s.acceptance = acceptances(s.depth, tokens);
  s.pass_gap = g.pass_gap, s.sequence_gap = g.sequence_gap;
  d.speculation = s;
  return {"speed-up", i, r.check, g.at(r, "speed_up"), tokens * plain / seconds(d)};
}

}  // namespace

bool is_step_suite(const Suite& suite) { return suite.kind == "large-ep" || suite.kind == "speculation"; }

std::vector<double> acceptances(int depth, double tokens) {
  if (tokens < 1 || tokens > depth + 1)
    throw UserError(shortest(tokens) + " tokens a step do not come from " + std::to_string(depth) +
                    " drafts; allowed: 1 to " + std::to_string(depth + 1));
  Speculation s;
  double low = 0, high = 1;
  for (int round = 0; round < 60; ++round) {
    const double middle = (low + high) / 2;
    s.acceptance.assign(static_cast<std::size_t>(depth), middle);
    (s.expected_tokens(depth) < tokens ? low : high) = middle;
  }
  return s.acceptance;
}

std::vector<PublishedPoint> predict_steps(const Suite& suite, const SuiteGroup& g, const Catalog& catalog,
                                          const CalibrationPtr& calibration, bool only_fit) {
  std::vector<PublishedPoint> out;
  const Deployment d = plain_deployment(g, catalog, calibration);
  for (std::size_t i = 0; i < g.rows.size(); ++i)
    if (!only_fit || !g.rows[i].check)
      out.push_back(suite.kind == "large-ep" ? large_ep_point(g, i, d) : speculation_point(g, i, d));
  return out;
}

}  // namespace tokenfab::calibration
