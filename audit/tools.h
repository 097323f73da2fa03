#pragma once
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/core/records.h"

namespace tokenfab::audit {

/// The simulator and its step model as instruments of an audit. Each run and each step is computed once.
class Tools {
 public:
  /// The object that `tokenfab run --json` prints for one run.
  using RunToJson = std::function<nlohmann::json(const RunRecord&)>;

  struct Place {
    std::string file, pointer;
  };

  explicit Tools(RunToJson to_json);
  ~Tools();

  /// {"step": POOL, "sequences": n, "context": n, "prompt": n, "read": WHAT}: POOL as in a scenario. WHAT is one of
  ///   decode_s, output_tok_s (tokens/s of the replica), tok_s_per_user, bandwidth_share (of the decode step's time),
  ///   prefill_s, attention_share (of the prefill's time), input_tok_s, weight_bytes (per chip), chips,
  ///   most_sequences (whose caches fit at this context).
  /// `place` is where the tool stands, for messages. Errors: UserError; Infeasible where the model does not fit.
  double step(const nlohmann::json& tool, const Place& place);

  /// {"run": SCENARIO.json (relative to the claim file), "set": {POINTER: value}, "alternative": NAME, "read":
  /// POINTER}: a number in the JSON of the first replication of the alternative (default: the first). Errors as above.
  double run(const nlohmann::json& tool, const Place& place);

 private:
  RunToJson to_json_;
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace tokenfab::audit
