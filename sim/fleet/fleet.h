#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "sim/core/event_queue.h"
#include "sim/fleet/arrival_queue.h"
#include "sim/fleet/demand_peaks.h"
#include "sim/fleet/factory.h"
#include "sim/fleet/pool_router.h"
#include "sim/fleet/pool_scaler.h"
#include "sim/fleet/read_ahead.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/replica_life.h"
#include "sim/fleet/router.h"
#include "sim/fleet/service_rate.h"

namespace tokenfab {

struct FleetEvent {
  enum class Kind : std::uint8_t { tick, booted, notice, reclaim, landing, outage_begins, outage_ends, retry };
  Kind kind = Kind::tick;
  std::uint32_t index = 0;  // of a pool, a replica, or a request under way
  std::uint32_t epoch = 0;  // of the replica
};

/// The gateway and the comings and goings behind it: holds requests while no replica is ready, sends them to regions,
/// boots and releases replicas, takes them away, and sends what was inside elsewhere. Its decisions rest on arrivals,
/// ends and numbers of requests only, which are the same whether replicas run in spans or in single steps.
class Fleet {
 public:
  struct Host {
    std::vector<std::unique_ptr<Replica>>& replicas;  // pool by pool, PoolSpec::slots() each
    std::function<std::unique_ptr<Replica>(std::size_t pool, int index)> make;
    std::function<void(Ns, EventOrder, const FleetEvent&)> push;
    std::function<void(std::size_t)> schedule;  // the replica's due() changed
    std::function<bool()> more_arrivals;
    /// The pool's prefix blocks of a request.
    std::function<std::span<const std::uint64_t>(std::size_t, const Request&, std::span<const std::uint64_t>)> prefix;
  };
  /// Whether the factory needs one. Without, requests go straight to replicas that are always there.
  static bool needed(const FactorySpec& spec);
  /// Whether it needs to know arrivals to come.
  static bool reads_ahead(const FactorySpec& spec);
  /// `ahead`: where reads_ahead().
  Fleet(const FactorySpec& spec, Host host, const RunRecord& record, RunRecorder& recorder, ReadAhead* ahead);

  void begin();
  void arrived(Ns now, const ArrivalQueue::Arrival& arrival);
  /// A step of the replica is over, in which so many requests ended.
  void stepped(Ns now, std::size_t replica, std::int64_t ended);
  void on(Ns now, const FleetEvent& event);
  /// Requests in the factory, on their way or inside.
  bool busy() const { return record_.offered > record_.served + record_.rejected; }
  /// The run is over with requests at the gateway or under way.
  void abandon(Ns now);

  /// All replicas that a pool ever had.
  std::vector<const Replica*> members(std::size_t pool) const;
  PaidTime paid(std::size_t pool, Ns from, Ns to) const { return lives_.paid(pool, from, to); }
  FleetStats stats(Ns from, Ns to) const;

 private:
  struct Item {
    Request request;
    std::vector<std::uint64_t> hashes;
    std::uint8_t origin = 0;
    std::int32_t preemptions = 0;
  };
  struct Flight {
    Item item;
    std::size_t replica = 0;
    std::uint32_t epoch = 0;
    bool used = false;
  };

  // fleet_dispatch.cpp
  void offer(Ns now, Item&& item, bool fresh);
  void drain(Ns now);
  std::optional<std::size_t> pick(Ns now, const Item& item);
  std::size_t pick_by_pool(Ns now, const Item& item);
  std::size_t least_loaded(std::size_t pool, Ns now) const;
  double expected_ttft(Ns now, const Item& item, const PoolRouter::Pool& pool);
  bool open(std::size_t replica, Ns now) const;
  bool allowed(std::size_t pool, const Item& item) const;
  double floor_of(const Request& request) const;
  double rtt(std::size_t pool, const Item& item) const;
  void send(Ns now, std::size_t replica, Item&& item, bool wait);
  void land(Ns now, std::size_t replica, const Item& item, bool wait);
  void landed(Ns now, std::uint32_t flight);
  void exclude(Ns now, std::size_t pool);
  void take_back(Ns now, std::size_t replica);
  std::int64_t load(std::size_t replica) const { return host_.replicas[replica]->outstanding() + coming_[replica]; }

  void tick(Ns now, std::size_t pool);
  void adjust(Ns now, std::size_t pool, int want);
  void grow(Ns now, std::size_t pool, int by);
  void shrink(Ns now, std::size_t pool, int by);
  void boot(Ns now, std::size_t replica, double seconds);
  void ready(Ns now, std::size_t replica);
  void arm(Ns now, std::size_t replica);
  void notice(Ns now, std::size_t replica);
  void reclaim(Ns now, std::size_t replica);
  void outage(Ns now, std::size_t pool, bool begins);
  void release_if_empty(Ns now, std::size_t replica);
  void renew(std::size_t replica);
  std::int64_t outstanding(std::size_t pool) const;

  const FactorySpec& spec_;
  Host host_;
  const RunRecord& record_;
  RunRecorder& recorder_;
  ReadAhead* ahead_;
  ReplicaLives lives_;
  std::unique_ptr<Router> router_;  // one of the two
  std::unique_ptr<PoolRouter> pool_router_;
  std::vector<std::optional<PoolScaler>> scalers_;  // by pool
  std::size_t home_;                                // pool whose demand the gateway's queue is; none: SIZE_MAX
  std::vector<ServiceRate> rates_;                  // by pool
  std::vector<RandomStream> luck_;                  // by replica
  std::vector<std::int64_t> coming_;                // by replica
  std::vector<std::vector<std::unique_ptr<Replica>>> retired_;  // by pool
  std::vector<Ns> excluded_until_;                              // by pool
  std::deque<Item> gateway_;                                    // in order of arrival
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> landed_;  // unused entries of flights_
  DemandPeaks peaks_;
  std::vector<std::vector<std::int64_t>> flows_;  // by origin and pool
  std::vector<PoolFleet> used_;                   // by pool
  std::int64_t waited_ = 0, most_waiting_ = 0, gateway_full_ = 0, unreachable_ = 0, floor_violations_ = 0;
  std::vector<std::size_t> candidates_;
  std::vector<PoolRouter::Pool> pools_;  // to choose from
};

}  // namespace tokenfab
