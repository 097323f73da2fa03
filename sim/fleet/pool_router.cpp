#include "sim/fleet/pool_router.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"

namespace tokenfab {
namespace {

using Pool = PoolRouter::Pool;

template <class Key>
std::size_t least(const std::vector<Pool>& pools, Key key) {
  std::size_t best = 0;
  double lowest = key(pools[0]);
  for (std::size_t i = 1; i < pools.size(); ++i)
    if (const double k = key(pools[i]); k < lowest) best = i, lowest = k;
  return best;
}

/// The lowest price among those that qualify; where none does, the least expected TTFT.
template <class Qualifies>
std::size_t cheapest(const std::vector<Pool>& pools, const PoolRouter::Expected& expected, Qualifies qualifies) {
  std::size_t best = pools.size();
  for (std::size_t i = 0; i < pools.size(); ++i)
    if (qualifies(pools[i]) && (best == pools.size() || pools[i].price < pools[best].price)) best = i;
  return best < pools.size() ? best : least(pools, expected);
}

class Nearest final : public PoolRouter {
  std::size_t choose(const std::vector<Pool>& pools, const Request&) override {
    return least(pools, [](const Pool& p) { return p.rtt_s; });
  }
};

class Cheapest final : public PoolRouter {
  bool needs_prices() const override { return true; }
  std::size_t choose(const std::vector<Pool>& pools, const Request& r) override {
    return cheapest(pools, r.expected_ttft, [](const Pool& p) { return p.room; });
  }
};

class InverseSquarePrice final : public PoolRouter {
 public:
  InverseSquarePrice(std::uint64_t seed, std::uint32_t replication)
      : stream_(seed, replication, StreamPurpose::pool_choice) {}
  bool needs_prices() const override { return true; }
  std::size_t choose(const std::vector<Pool>& pools, const Request&) override {
    double all = 0;
    for (const Pool& p : pools) all += 1 / (p.price * p.price);
    double left = stream_.uniform() * all;
    for (std::size_t i = 0; i + 1 < pools.size(); ++i)
      if ((left -= 1 / (pools[i].price * pools[i].price)) < 0) return i;
    return pools.size() - 1;
  }

 private:
  RandomStream stream_;
};

class LatencyAware final : public PoolRouter {
  std::size_t choose(const std::vector<Pool>& pools, const Request& r) override {
    return least(pools, r.expected_ttft);
  }
};

class Failover final : public PoolRouter {
  std::size_t choose(const std::vector<Pool>&, const Request&) override { return 0; }
};

class Variant final : public PoolRouter {
  bool keeps_floors() const override { return true; }
  bool needs_prices() const override { return true; }
  std::size_t choose(const std::vector<Pool>& pools, const Request& r) override {
    return cheapest(pools, r.expected_ttft,
                    [&](const Pool& p) { return r.ttft_slo_s <= 0 || r.expected_ttft(p) <= r.ttft_slo_s; });
  }
};

}  // namespace

const std::vector<std::string>& PoolRouter::names() {
  static const std::vector<std::string> all = {"nearest",       "cheapest", "inverse-square-price",
                                               "latency-aware", "failover", "variant"};
  return all;
}

std::unique_ptr<PoolRouter> PoolRouter::make(const std::string& name, std::uint64_t seed, std::uint32_t replication) {
  if (name == "nearest") return std::make_unique<Nearest>();
  if (name == "cheapest") return std::make_unique<Cheapest>();
  if (name == "inverse-square-price") return std::make_unique<InverseSquarePrice>(seed, replication);
  if (name == "latency-aware") return std::make_unique<LatencyAware>();
  if (name == "failover") return std::make_unique<Failover>();
  if (name == "variant") return std::make_unique<Variant>();
  throw InternalError("no pool router is called " + name);
}

}  // namespace tokenfab
