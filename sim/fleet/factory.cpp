#include "sim/fleet/factory.h"

#include <new>
#include <optional>
#include <variant>

#include "base/error.h"
#include "base/memory_budget.h"
#include "sim/core/event_queue.h"
#include "sim/fleet/arrival_queue.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/handover.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/router.h"
#include "sim/fleet/usage.h"

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
using Event = std::variant<ArrivalDue, StepDone, PrefillOver, CacheThere, HorizonReached, FleetEvent>;

constexpr std::int64_t kProgressEvery = 1 << 16, kMemoryEvery = 1 << 16;  // steps; requests

class Simulation {
 public:
  Simulation(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
             const std::function<void(const SimulationProgress&)>& progress)
      : spec_(spec),
        ahead_(requests),
        arrivals_(Fleet::reads_ahead(spec) ? static_cast<RequestSource&>(ahead_) : requests),
        record_(record),
        recorder_(record),
        router_(Fleet::needed(spec) ? nullptr
                                    : Router::make({spec.router, spec.seed, spec.replication, cached_blocks(spec)})),
        progress_(progress) {
    for (std::size_t p = 0; p < spec.pools.size(); ++p) {
      prefixes_.emplace_back(spec.pools[p].prefix, spec.seed, spec.replication);
      for (int r = 0; r < spec.pools[p].slots(); ++r) {
        replicas_.push_back(make_replica(p, r));
        pool_of_.push_back(p);
      }
    }
    require(!replicas_.empty(), "a factory has at least one replica");
    handover_.emplace(spec.pools, replicas_);
    if (arrivals_.closed_loop())
      recorder_.watch([this](const Request& request, Ns end, bool served) {
        arrivals_.ended(request, end, served, now_);
        next_arrival();
      });
    if (Fleet::needed(spec)) make_fleet();
    load_ = [this](std::size_t i) { return replicas_[handover_->entries()[i]]->outstanding(); };
  }

  void run() {
    if (spec_.horizon_s > 0) queue_.push(ns_from_seconds(spec_.horizon_s), EventOrder::end, HorizonReached{});
    next_arrival();
    if (fleet_) fleet_->begin();
    try {
      while (!queue_.empty() && !stopped_) {
        const auto item = queue_.pop();
        now_ = item.time;
        std::visit([this](const auto& event) { on(event); }, item.event);
      }
    } catch (const std::bad_alloc&) {
      refuse_memory(record_.offered, spec_.expected_requests);
    }
    for (const auto& replica : replicas_) {
      replica->check();
      replica->abandon(now_);
    }
    if (fleet_) fleet_->abandon(now_);
    recorder_.close(end_);
    fill_usage();
  }

 private:
  std::unique_ptr<Replica> make_replica(std::size_t p, int index) {
    const PoolSpec& pool = spec_.pools[p];
    auto out = std::make_unique<Replica>(static_cast<int>(p), index, batcher_spec(pool), make_executor(pool),
                                         spec_.stepwise, recorder_, pool.front_end);
    out->speculate(pool.luck, spec_.seed, spec_.replication);
    return out;
  }

  void make_fleet() {
    Fleet::Host host{replicas_,
                     [this](std::size_t pool, int index) { return make_replica(pool, index); },
                     [this](Ns time, EventOrder order, const FleetEvent& event) { queue_.push(time, order, event); },
                     [this](std::size_t i) { schedule(i); },
                     [this] { return arrivals_.next_time() != kNever; },
                     [this](std::size_t pool, const Request& request, std::span<const std::uint64_t> hashes) {
                       return prefixes_[pool].of(request, hashes);
                     }};
    fleet_.emplace(spec_, std::move(host), record_, recorder_, &ahead_);
  }

  static BatcherSpec batcher_spec(const PoolSpec& pool) {
    BatcherSpec out = pool.batcher;
    out.hold_finished = pool.role == PoolRole::prefill;
    if (out.scheduling.max_step_s <= 0) return out;
    require(pool.model != nullptr, "a bound on steps needs a model that predicts them");
    out.step_seconds = [model = pool.model](const StepSums& sums) { return model->evaluate(sums).total(); };
    return out;
  }

  static std::unique_ptr<Executor> make_executor(const PoolSpec& pool) {
    return pool.executor ? pool.executor() : std::make_unique<SimulatedExecutor>(pool.model, pool.transfer_costs);
  }

  /// Prefix blocks that each replica can hold in all levels.
  static std::vector<std::int64_t> cached_blocks(const FactorySpec& spec) {
    std::vector<std::int64_t> out;
    for (const PoolSpec& pool : spec.pools) {
      if (pool.role == PoolRole::decode) continue;  // the router does not send there
      std::int64_t blocks = pool.batcher.kv_blocks / pool.batcher.prefix_pages;
      for (const CacheTierSpec& tier : pool.batcher.tiers) blocks += tier.blocks;
      out.insert(out.end(), static_cast<std::size_t>(pool.replicas), pool.batcher.prefix_cache ? blocks : 0);
    }
    return out;
  }

  /// The request's blocks in the eyes of the first pool that caches prefixes: what the router goes by.
  std::span<const std::uint64_t> routed_prefix(const ArrivalQueue::Arrival& a) const {
    for (std::size_t p = 0; p < spec_.pools.size(); ++p)
      if (spec_.pools[p].batcher.prefix_cache) return prefixes_[p].of(a.request, a.hashes);
    return {};
  }

  std::uint32_t route(const ArrivalQueue::Arrival& a) {
    const auto& entries = handover_->entries();
    return entries[entries.size() == 1 ? 0 : router_->pick(entries.size(), load_, routed_prefix(a))];
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
    const ArrivalQueue::Arrival& arrival = arrivals_.take();
    recorder_.arrived(now_, arrival.request);
    if (record_.offered % kMemoryEvery == 0) check_memory(record_.offered, spec_.expected_requests);
    if (fleet_) fleet_->arrived(now_, arrival);
    else enter(arrival);
    next_arrival();
  }

  void enter(const ArrivalQueue::Arrival& arrival) {
    const std::uint32_t i = route(arrival);
    const auto prefix = prefixes_[pool_of_[i]].of(arrival.request, arrival.hashes);
    if (handover_->strands(i, arrival.request))
      recorder_.rejected(now_, arrival.request, RunRecorder::Rejection::too_long);
    else if (replicas_[i]->arrive(now_, arrival.request, false, prefix)) schedule(i);
  }

  void on(const StepDone& event) {
    Replica& replica = *replicas_[event.replica];
    if (replica.epoch() != event.epoch) return;
    end_ = now_;
    recorder_.advance(now_);
    const std::int64_t before = fleet_ ? replica.outstanding() : 0;
    if (replica.step_done()) schedule(event.replica);
    if (fleet_) fleet_->stepped(now_, event.replica, before - replica.outstanding());
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

  void on(const FleetEvent& event) {
    const bool busy = fleet_->busy();
    if (!busy && arrivals_.next_time() == kNever) return;
    if (busy) end_ = now_;
    refuse_standstill(busy);
    recorder_.advance(now_);
    fleet_->on(now_, event);
  }

  /// Where replicas come and go for ever and none serves, the clock alone would go on.
  void refuse_standstill(bool busy) {
    constexpr std::int64_t kMost = 5'000'000;  // two years at Kubernetes' period
    const std::int64_t ended = record_.served + record_.rejected;
    if (!busy || ended != ended_) ended_ = ended, decisions_ = 0;
    if (++decisions_ > kMost)
      throw Infeasible("fleet: " + std::to_string(record_.offered - ended) +
                       " requests wait, and none has ended for 5 million decisions of the fleet; see \"autoscale\", "
                       "\"spot\" and \"outages\"");
  }

  void on(const HorizonReached&) {
    if (record_.offered == record_.served + record_.rejected && arrivals_.next_time() == kNever) return;
    end_ = now_;
    recorder_.advance(now_);
    for (const auto& replica : replicas_) replica->stop(now_);
    stopped_ = true;
  }

  void fill_usage() {
    if (fleet_) return fill_fleet_usage();
    std::size_t first = 0;
    for (const PoolSpec& pool : spec_.pools) {
      std::vector<const Replica*> members;
      for (int r = 0; r < pool.replicas; ++r) members.push_back(replicas_[first++].get());
      record_.pools.push_back(pool_usage(pool, members, record_.makespan_s));
    }
  }

  void fill_fleet_usage() {
    const Ns from = end_ - ns_from_seconds(record_.makespan_s);
    for (std::size_t p = 0; p < spec_.pools.size(); ++p)
      record_.pools.push_back(
          pool_usage(spec_.pools[p], fleet_->members(p), record_.makespan_s, fleet_->paid(p, from, end_)));
    record_.fleet = fleet_->stats(from, end_);
  }

  const FactorySpec& spec_;
  ReadAhead ahead_;
  ArrivalQueue arrivals_;
  RunRecord& record_;
  RunRecorder recorder_;
  std::unique_ptr<Router> router_;
  Router::Load load_;
  const std::function<void(const SimulationProgress&)>& progress_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<std::size_t> pool_of_;    // of each replica
  std::vector<PromptPrefix> prefixes_;  // by pool
  std::optional<Handover> handover_;
  std::optional<Fleet> fleet_;  // where replicas come and go, or pools differ in place or price
  EventQueue<Event> queue_;
  Ns now_ = 0, end_ = 0, arrival_due_ = kNever;
  std::int64_t steps_ = 0;
  std::int64_t ended_ = 0, decisions_ = 0;  // requests; events of the fleet since the last one that ended
  bool stopped_ = false;
};

}  // namespace

void simulate(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
              const std::function<void(const SimulationProgress&)>& progress) {
  Simulation(spec, requests, record, progress).run();
}

}  // namespace tokenfab
