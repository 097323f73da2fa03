#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "sim/workload/trace.h"

namespace {

using namespace tokenfab;

void expect(bool good) {
  if (!good) std::abort();
}

/// Reads the bytes as a trace; whatever they are, the requests are well formed or a UserError says why not.
void read_all(const std::string& bytes, bool skip_bad_lines) {
  TraceOptions options;
  options.path = "fuzz";
  options.format = TOKENFAB_FUZZ_FORMAT;
  options.skip_bad_lines = skip_bad_lines;
  options.columns.cached = "cached";
  if (!bytes.empty() && bytes.back() == 'z') options.columns.arrival_unit = "iso8601";
  if (!bytes.empty() && bytes.back() == 'd') options.transform.dejitter_s = 3;
  std::istringstream in(bytes);
  const auto report = std::make_shared<TraceReport>();
  const auto source = open_trace(in, options, report);
  RequestBatch batch;
  Ns last = 0;
  std::int64_t count = 0;
  for (source->read(batch, 100); !batch.requests.empty(); source->read(batch, 100))
    for (const Request& r : batch.requests) {
      expect(r.id == count++ && r.arrival >= last && r.input_tokens >= 1 && r.output_tokens >= 1);
      expect(r.cached_tokens >= 0 && r.cached_tokens <= r.input_tokens);
      expect(r.hash_begin + std::uint64_t{r.hash_count} <= batch.hash_ids.size());
      last = r.arrival;
    }
  expect(count == report->requests);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (bool skip : {false, true}) try {
      read_all(bytes, skip);
    } catch (const UserError& e) {
      expect(std::string(e.what()).find('\n') == std::string::npos);
    }
  return 0;
}
