#include "sim/fleet/streams.h"

#include <algorithm>
#include <cmath>

#include "sim/fleet/replica.h"
#include "sim/serving/simulated_executor.h"

namespace tokenfab {

void simulate_streams(const PoolSpec& pool, const StreamsSpec& streams, RunRecord& record) {
  RunRecorder recorder(record);
  Replica replica(0, 0, pool.batcher, std::make_unique<SimulatedExecutor>(pool.model, pool.transfer_costs), false,
                  recorder, pool.front_end);
  Request request;
  request.input_tokens = streams.input;
  request.output_tokens = streams.output;
  /// The golden ratio's multiples fill an interval evenly, whatever their number.
  const auto length = [&](std::int64_t i) {
    const double turn = std::fmod(0.5 + 0.6180339887498949 * static_cast<double>(i), 1.0);
    const double tokens = static_cast<double>(streams.output) * (1 + streams.spread * (2 * turn - 1));
    return std::max(1, static_cast<std::int32_t>(std::lround(tokens)));
  };
  Ns now = 0;
  bool busy = false;
  const auto send = [&](bool wait) {
    request.arrival = now;
    request.output_tokens = length(request.id);
    recorder.arrived(now, request);
    busy = replica.arrive(now, request, wait) || busy;
    ++request.id;
  };
  const auto refill = [&] {
    while (request.id < streams.requests && replica.outstanding() < streams.concurrency && record.rejected == 0)
      send(request.id + 1 < std::min(streams.requests, streams.concurrency));
  };
  refill();
  while (busy) {
    now = replica.due();
    recorder.advance(now);
    busy = replica.step_done();
    refill();
  }
  replica.check();
  recorder.close(now);
}

}  // namespace tokenfab
