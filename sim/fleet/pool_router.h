#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tokenfab {

/// Chooses a pool for each request, by where the pools are, what they cost and how busy they are. Within the pool the
/// replica with the least outstanding takes it.
class PoolRouter {
 public:
  struct Pool {
    std::size_t index = 0;  // in the factory
    double rtt_s = 0;       // from the request's client, and back
    double price = 0;
    bool room = true;  // a replica has a free sequence slot
  };
  /// What the gateway expects of the first token's delay at a pool, in seconds.
  using Expected = std::function<double(const Pool&)>;
  struct Request {
    double ttft_slo_s = 0;  // 0: none
    const Expected& expected_ttft;
  };

  virtual ~PoolRouter() = default;
  /// Index into `pools`, which are not empty and in the factory's order.
  virtual std::size_t choose(const std::vector<Pool>& pools, const Request& request) = 0;
  /// Whether pools below the class's quality floor are out of the question.
  virtual bool keeps_floors() const { return false; }
  virtual bool needs_prices() const { return false; }

  /// "nearest" (least round trip), "cheapest" (lowest price with room; where none has any, least expected TTFT),
  /// "inverse-square-price" (at random, with weights price^-2), "latency-aware" (least expected TTFT), "failover" (the
  /// first in the factory's order) or "variant" (lowest price whose expected TTFT meets the SLO, among those of
  /// sufficient quality; where none does, least expected TTFT). Ties: the first.
  static std::unique_ptr<PoolRouter> make(const std::string& name, std::uint64_t seed, std::uint32_t replication);
  static const std::vector<std::string>& names();
};

}  // namespace tokenfab
