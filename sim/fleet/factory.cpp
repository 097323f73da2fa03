#include "sim/fleet/factory.h"

#include <variant>

#include "base/error.h"
#include "sim/core/event_queue.h"
#include "sim/fleet/arrival_queue.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/router.h"
#include "sim/fleet/usage.h"

namespace tokenfab {
namespace {

struct ArrivalDue {};
struct StepDone {
  std::uint32_t replica = 0, epoch = 0;
};
struct HorizonReached {};
using Event = std::variant<ArrivalDue, StepDone, HorizonReached>;

constexpr std::int64_t kProgressEvery = 1 << 16;

class Simulation {
 public:
  Simulation(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
             const std::function<void(const SimulationProgress&)>& progress)
      : spec_(spec),
        arrivals_(requests),
        record_(record),
        recorder_(record),
        router_(Router::make(spec.router, spec.seed, spec.replication)),
        progress_(progress) {
    for (std::size_t p = 0; p < spec.pools.size(); ++p)
      for (int r = 0; r < spec.pools[p].replicas; ++r) {
        replicas_.push_back(std::make_unique<Replica>(static_cast<int>(p), r, spec.pools[p].batcher,
                                                      make_executor(spec.pools[p]), spec.stepwise, recorder_,
                                                      spec.pools[p].front_end));
        replicas_.back()->speculate(spec.pools[p].luck, spec.seed, spec.replication);
      }
    require(!replicas_.empty(), "a factory has at least one replica");
    if (arrivals_.closed_loop())
      recorder_.watch([this](const Request& request, Ns end, bool served) {
        arrivals_.ended(request, end, served, now_);
        next_arrival();
      });
    load_ = [this](std::size_t i) { return replicas_[i]->outstanding(); };
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
  static std::unique_ptr<Executor> make_executor(const PoolSpec& pool) {
    return pool.executor ? pool.executor() : std::make_unique<SimulatedExecutor>(pool.model, pool.transfers);
  }

  /// An event for the earliest arrival known, unless there is one already.
  void next_arrival() {
    const Ns next = arrivals_.next_time();
    if (next >= arrival_due_) return;
    arrival_due_ = next;
    queue_.push(next, EventOrder::arrival, ArrivalDue{});
  }

  void schedule(std::size_t i) {
    queue_.push(replicas_[i]->due(), EventOrder::step_done,
                StepDone{static_cast<std::uint32_t>(i), replicas_[i]->epoch()});
  }

  void on(const ArrivalDue&) {
    if (now_ != arrival_due_) return;  // an earlier follow-up came up; this one got another event
    arrival_due_ = kNever;
    end_ = now_;
    recorder_.advance(now_);
    const Request& request = arrivals_.take().request;
    recorder_.arrived(now_, request);
    const std::size_t i = replicas_.size() == 1 ? 0 : router_->pick(replicas_.size(), load_);
    if (replicas_[i]->arrive(now_, request)) schedule(i);
    next_arrival();
  }

  void on(const StepDone& event) {
    Replica& replica = *replicas_[event.replica];
    if (replica.epoch() != event.epoch) return;
    end_ = now_;
    recorder_.advance(now_);
    if (replica.step_done()) schedule(event.replica);
    if (progress_ && ++steps_ % kProgressEvery == 0)
      progress_({record_.offered, record_.served + record_.rejected, seconds_from_ns(now_)});
  }

  void on(const HorizonReached&) {
    if (record_.offered == record_.served + record_.rejected && arrivals_.next_time() == kNever) return;
    end_ = now_;
    recorder_.advance(now_);
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
  ArrivalQueue arrivals_;
  RunRecord& record_;
  RunRecorder recorder_;
  std::unique_ptr<Router> router_;
  Router::Load load_;
  const std::function<void(const SimulationProgress&)>& progress_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  EventQueue<Event> queue_;
  Ns now_ = 0, end_ = 0, arrival_due_ = kNever;
  std::int64_t steps_ = 0;
  bool stopped_ = false;
};

}  // namespace

void simulate(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
              const std::function<void(const SimulationProgress&)>& progress) {
  Simulation(spec, requests, record, progress).run();
}

}  // namespace tokenfab
