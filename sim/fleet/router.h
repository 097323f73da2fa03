#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tokenfab {

/// Chooses a replica for each arrival. `outstanding(i)` is the number of requests inside replica i.
class Router {
 public:
  using Load = std::function<std::int64_t(std::size_t)>;
  virtual ~Router() = default;
  virtual std::size_t pick(std::size_t replicas, const Load& outstanding) = 0;

  /// "round-robin", "least-outstanding" (ties: lowest index) or "power-of-two" (two drawn at random, less loaded one).
  static std::unique_ptr<Router> make(const std::string& name, std::uint64_t seed, std::uint32_t replication);
  static const std::vector<std::string>& names();
};

}  // namespace tokenfab
