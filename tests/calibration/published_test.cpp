// What published measurements state about clients and engines, and what the model makes of it.
#include "calibration/published.h"

#include "calibration/defaults.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::calibration;

namespace {

/// A closed loop of Llama 3.1 8B on one H100.
Suite closed_loop(const std::string& engine, double concurrency, double input, double output) {
  Suite s;
  s.id = "made-up", s.kind = "closed-loop";
  SuiteGroup g;
  g.chip = "h100-sxm", g.engine = engine, g.version = "1", g.llm = "llama-3.1-8b";
  g.columns = {"tensor_parallel", "concurrency", "input", "output", "ttft_ms", "tpot_ms"};
  g.rows = {{false, {1, concurrency, input, output, 100, 10}}};
  s.groups = {g};
  return s;
}

std::vector<PublishedPoint> predict(const Suite& s) {
  const Catalog& catalog = Catalog::standard();
  return predict_group(s, s.groups[0], catalog, datasheet_roofline(s.groups[0].engine, s.groups[0].chip));
}

}  // namespace

TEST_CASE("a stream without a slot adds its share of the outputs to every wait") {
  Suite s = closed_loop("tensorrt-llm", 16, 1024, 512);
  const std::vector<PublishedPoint> all = predict(s);
  s.groups[0].streams_beyond_slots = 1;
  const std::vector<PublishedPoint> short_of_one = predict(s);
  REQUIRE(all.size() == 2);
  const double wait = 512 * all[1].predicted / 16;  // output x TPOT / concurrency
  CHECK(short_of_one[0].predicted - all[0].predicted == Approx(wait).epsilon(0.25));
  CHECK(short_of_one[1].predicted == Approx(all[1].predicted).epsilon(0.05));
}

TEST_CASE("streams in step make every turn a burst") {
  Suite s = closed_loop("sglang", 64, 2048, 512);
  const double apart = predict(s)[0].predicted;
  s.groups[0].streams_in_step = true;
  CHECK(predict(s)[0].predicted > 1.5 * apart);
}

TEST_CASE("an engine that takes whole prompts serves outputs of any length behind long prompts") {
  for (const PublishedPoint& p : predict(closed_loop("sglang", 4, 8192, 2048))) CHECK(p.predicted > 0);
}
