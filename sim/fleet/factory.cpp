#include "sim/fleet/factory.h"

#include <optional>
#include <variant>

#include "base/error.h"
#include "sim/core/event_queue.h"
#include "sim/fleet/handover.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/router.h"
#include "sim/fleet/usage.h"
#include "sim/serving/simulated_executor.h"

namespace tokenfab {
namespace {

struct ArrivalDue {};
struct StepDone {
  std::uint32_t replica = 0, epoch = 0;
};
struct PrefillOver {
  std::uint32_t replica = 0;
};
struct CacheThere {
  std::uint32_t replica = 0;  // that it comes from
  Slot slot = kNoSlot;        // there
};
struct HorizonReached {};
using Event = std::variant<ArrivalDue, StepDone, PrefillOver, CacheThere, HorizonReached>;

constexpr std::size_t kReadAhead = 4096;
constexpr std::int64_t kProgressEvery = 1 << 16;

class Simulation {
 public:
  Simulation(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
             const std::function<void(const SimulationProgress&)>& progress)
      : spec_(spec),
        requests_(requests),
        record_(record),
        recorder_(record),
        router_(Router::make(spec.router, spec.seed, spec.replication)),
        progress_(progress) {
    for (std::size_t p = 0; p < spec.pools.size(); ++p)
      for (int r = 0; r < spec.pools[p].replicas; ++r) {
        replicas_.push_back(std::make_unique<Replica>(static_cast<int>(p), r, batcher_spec(spec.pools[p]),
                                                      make_executor(spec.pools[p]), spec.stepwise, recorder_,
                                                      spec.pools[p].front_end));
        replicas_.back()->speculate(spec.pools[p].luck, spec.seed, spec.replication);
      }
    require(!replicas_.empty(), "a factory has at least one replica");
    handover_.emplace(spec.pools, replicas_);
    load_ = [this](std::size_t i) { return replicas_[handover_->entries()[i]]->outstanding(); };
  }

  void run() {
    if (spec_.horizon_s > 0) queue_.push(ns_from_seconds(spec_.horizon_s), EventOrder::end, HorizonReached{});
    next_arrival();
    while (!queue_.empty() && !stopped_) {
      const auto item = queue_.pop();
      now_ = item.time;
      std::visit([this](const auto& event) { on(event); }, item.event);
    }
    for (const auto& replica : replicas_) {
      replica->check();
      replica->abandon(now_);
    }
    recorder_.close(end_);
    fill_usage();
  }

 private:
  static BatcherSpec batcher_spec(const PoolSpec& pool) {
    BatcherSpec out = pool.batcher;
    out.hold_finished = pool.role == PoolRole::prefill;
    return out;
  }

  static std::unique_ptr<Executor> make_executor(const PoolSpec& pool) {
    return pool.executor ? pool.executor() : std::make_unique<SimulatedExecutor>(pool.model);
  }

  void next_arrival() {
    if (position_ == batch_.requests.size()) {
      requests_.read(batch_, kReadAhead);
      position_ = 0;
      if (batch_.requests.empty()) return;
    }
    queue_.push(batch_.requests[position_].arrival, EventOrder::arrival, ArrivalDue{});
  }

  void schedule(std::size_t i) {
    queue_.push(replicas_[i]->due(), EventOrder::step_done,
                StepDone{static_cast<std::uint32_t>(i), replicas_[i]->epoch()});
  }

  void on(const ArrivalDue&) {
    end_ = now_;
    recorder_.advance(now_);
    const Request& request = batch_.requests[position_++];
    recorder_.arrived(now_, request);
    const auto& entries = handover_->entries();
    const std::uint32_t i = entries[entries.size() == 1 ? 0 : router_->pick(entries.size(), load_)];
    if (handover_->strands(i, request)) recorder_.rejected(now_, request, false);
    else if (replicas_[i]->arrive(now_, request)) schedule(i);
    next_arrival();
  }

  void on(const StepDone& event) {
    Replica& replica = *replicas_[event.replica];
    if (replica.epoch() != event.epoch) return;
    end_ = now_;
    recorder_.advance(now_);
    if (replica.step_done()) schedule(event.replica);
    if (replica.has_prefilled()) queue_.push(now_, EventOrder::handover, PrefillOver{event.replica});
    if (progress_ && ++steps_ % kProgressEvery == 0)
      progress_({record_.offered, record_.served + record_.rejected, seconds_from_ns(now_)});
  }

  void on(const PrefillOver& event) {
    for (const Slot slot : replicas_[event.replica]->take_prefilled())
      queue_.push(handover_->start(event.replica, slot), EventOrder::arrival, CacheThere{event.replica, slot});
  }

  void on(const CacheThere& event) {
    end_ = now_;
    recorder_.advance(now_);
    const auto [to, changed] = handover_->deliver(event.replica, event.slot, now_);
    if (changed) schedule(to);
    if (replicas_[event.replica]->resume(now_)) schedule(event.replica);
  }

  void on(const HorizonReached&) {
    if (record_.offered == record_.served + record_.rejected && position_ == batch_.requests.size()) return;
    end_ = now_;
    recorder_.advance(now_);
    for (const auto& replica : replicas_) replica->stop(now_);
    stopped_ = true;
  }

  void fill_usage() {
    std::size_t first = 0;
    for (const PoolSpec& pool : spec_.pools) {
      std::vector<const Replica*> members;
      for (int r = 0; r < pool.replicas; ++r) members.push_back(replicas_[first++].get());
      record_.pools.push_back(pool_usage(pool, members, record_.makespan_s));
    }
  }

  const FactorySpec& spec_;
  RequestSource& requests_;
  RunRecord& record_;
  RunRecorder recorder_;
  std::unique_ptr<Router> router_;
  Router::Load load_;
  const std::function<void(const SimulationProgress&)>& progress_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::optional<Handover> handover_;
  EventQueue<Event> queue_;
  RequestBatch batch_;
  std::size_t position_ = 0;
  Ns now_ = 0, end_ = 0;
  std::int64_t steps_ = 0;
  bool stopped_ = false;
};

}  // namespace

void simulate(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
              const std::function<void(const SimulationProgress&)>& progress) {
  Simulation(spec, requests, record, progress).run();
}

}  // namespace tokenfab
