#include "hwmodels/speculation.h"

#include "base/error.h"

namespace tokenfab {

double Speculation::expected_tokens(int d) const {
  require(d <= static_cast<int>(acceptance.size()), "an acceptance for every depth");
  double tokens = 1, run = 1;
  for (int i = 0; i < d; ++i) tokens += run *= acceptance[static_cast<std::size_t>(i)];
  return tokens;
}

std::vector<double> Speculation::gains() const {
  std::vector<double> out;
  double run = 1;
  for (const double a : acceptance) {
    out.push_back(run * (1 - a));
    run *= a;
  }
  out.push_back(run);
  return out;
}

Llm draft_layers(const Llm& llm, int layers) {
  Llm draft = llm;
  draft.id = llm.id + "/draft";
  draft.layers = layers;
  draft.window.reset();
  draft.mtp_layers = 0;
  if (draft.moe) draft.moe->first_dense_layers = std::min(draft.moe->first_dense_layers, layers - 1);
  return draft;
}

}  // namespace tokenfab
