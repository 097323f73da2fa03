#include "scenarios/techniques.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/dtype.h"
#include "scenarios/workload_plan.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kDeepest = 64;

std::vector<double> read_acceptance(const JsonObject& s, int depth) {
  const nlohmann::json& value = s.raw("acceptance");
  if (value.is_number()) return std::vector<double>(static_cast<std::size_t>(depth), s.number_in("acceptance", 0, 1));
  std::vector<double> each = s.numbers("acceptance");
  if (static_cast<int>(each.size()) != depth)
    s.fail("acceptance", "has " + std::to_string(each.size()) + " entries; allowed: one for each of the " +
                             std::to_string(depth) + " drafted positions, or one number for all");
  for (const double a : each)
    if (a < 0 || a > 1) s.fail("acceptance", shortest(a) + " is no chance; allowed: 0 to 1");
  return each;
}

std::optional<Llm> read_drafter(const JsonObject& s, const Catalog& catalog, const Llm& llm, bool& parallel) {
  const std::string draft = s.string("draft");
  if (draft == "n-gram") return std::nullopt;
  parallel = draft == "medusa";
  if (draft == "mtp" && llm.mtp_layers == 0) s.fail("draft", llm.id + " has no multi-token-prediction module");
  if (draft == "eagle" || draft == "medusa" || draft == "mtp") return draft_layers(llm, 1);
  try {
    return catalog.llm(catalogue_id(draft, s.file()));
  } catch (const UserError& e) {
    s.fail("draft", std::string(e.what()) + "; also allowed: n-gram, eagle, medusa, mtp");
  }
}

}  // namespace

void read_parallelism(const JsonObject& pool, Deployment& d, std::vector<Assumption>& assumptions) {
  const auto split = [&](const char* key) {
    if (!pool.has(key)) assumptions.push_back({pool.pointer() + "/" + key, "1", "no split"});
    return static_cast<int>(pool.integer(key, 1, 4096, 1));
  };
  d.tensor_parallel = split("tensor_parallel");
  d.pipeline_parallel = split("pipeline_parallel");
  d.data_parallel = static_cast<int>(pool.integer("data_parallel", 1, 4096, 1));
  d.expert_parallel = pool.boolean("expert_parallel", false);
  d.overlap = pool.number_in("overlap", 0, 1, 0);
  if (pool.has("broken"))
    for (const nlohmann::json& name : pool.raw("broken")) {
      if (!name.is_string()) pool.fail("broken", "holds something that is not a name like \"server0/chip3\"");
      d.faults.broken.push_back(name.get<std::string>());
    }
  if (pool.has("expert_routing")) {
    const JsonObject routing = pool.object("expert_routing");
    d.routing.zipf = routing.number_in("zipf", 0, 4, 0);
    d.routing.redundant = static_cast<int>(routing.integer("redundant", 0, 100'000, 0));
    routing.finish();
  } else if (d.llm.moe) {
    assumptions.push_back({pool.pointer() + "/expert_routing", "balanced", "every expert is asked for alike"});
  }
}

std::optional<Speculation> read_speculation(const JsonObject& pool, const Catalog& catalog, const Llm& llm) {
  if (!pool.has("speculation")) return std::nullopt;
  const JsonObject s = pool.object("speculation");
  Speculation out;
  out.drafter = read_drafter(s, catalog, llm, out.parallel);
  out.depth = static_cast<int>(s.integer("depth", 1, kDeepest));
  out.drafted = static_cast<int>(s.integer("tree_tokens", out.depth, 4096, out.depth));
  out.acceptance = read_acceptance(s, out.depth);
  out.weights = *dtype_named(s.one_of("weights", dtype_names(), "bf16"));
  out.adaptive = s.boolean("adaptive", false);
  out.pass_gap = s.number_in("pass_gap_us", 0, 1e6, 0) * 1e-6;
  out.sequence_gap = s.number_in("sequence_gap_us", 0, 1e5, 0) * 1e-6;
  s.finish();
  return out;
}

}  // namespace tokenfab
