#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "sim/core/fleet_record.h"

namespace tokenfab {

enum class LifeState : std::uint8_t {
  off,
  booting,
  ready,
  draining,  // takes no more requests; off when it is empty, or ready again if wanted
  doomed,    // notice was given: takes no more, and is lost soon
  down       // of a pool in an outage
};

/// Replica-time in ns, and the most replicas at once.
struct PaidTime {
  Int128 paid_ns = 0, boot_ns = 0;
  int most = 0;
};

/// The states of a factory's replicas through time. All but those that are off are paid for.
class ReplicaLives {
 public:
  /// `slots`: replicas that each pool may have; the first `ready` of them are at time 0.
  ReplicaLives(const std::vector<int>& slots, const std::vector<int>& ready);

  LifeState state(std::size_t replica) const { return lives_[replica].state; }
  std::size_t pool(std::size_t replica) const { return lives_[replica].pool; }
  /// Changes whenever a replica is lost or released: what was meant for it before does not concern the next one.
  std::uint32_t epoch(std::size_t replica) const { return lives_[replica].epoch; }
  /// First replica of the pool, and one past its last.
  std::size_t begin(std::size_t pool) const { return first_[pool]; }
  std::size_t end(std::size_t pool) const { return first_[pool + 1]; }
  std::size_t size() const { return lives_.size(); }
  std::size_t pools() const { return first_.size() - 1; }
  int count(std::size_t pool, LifeState state) const { return counts_[pool][static_cast<std::size_t>(state)]; }

  void set(Ns now, std::size_t replica, LifeState to);
  void next_epoch(std::size_t replica) { ++lives_[replica].epoch; }

  std::int64_t boots(std::size_t pool) const { return boots_[pool]; }
  /// Between the two instants; replicas that are not off at `to` are paid until then.
  PaidTime paid(std::size_t pool, Ns from, Ns to) const;
  const std::vector<ReplicaCount>& series() const { return series_; }

 private:
  static constexpr std::size_t kStates = 6;
  struct Stay {
    Ns from, to;
    bool boot;
  };
  struct Life {
    std::size_t pool = 0;
    LifeState state = LifeState::off;
    Ns since = 0;
    std::uint32_t epoch = 0;
    std::vector<Stay> stays;  // over, and paid for
  };
  void note(Ns now, std::size_t pool);

  std::vector<Life> lives_;
  std::vector<std::size_t> first_;
  std::vector<std::array<int, kStates>> counts_;
  std::vector<std::int64_t> boots_;
  std::vector<ReplicaCount> series_;
  std::vector<std::size_t> latest_;  // entry of series_, by pool
};

}  // namespace tokenfab
