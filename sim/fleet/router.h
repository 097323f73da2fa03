#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tokenfab {

/// Chooses a replica for each arrival. `outstanding(i)` is the number of requests inside replica i; `prefix` the
/// chained hashes of the request's prompt blocks, empty where nothing is cached.
class Router {
 public:
  using Load = std::function<std::int64_t(std::size_t)>;
  virtual ~Router() = default;
  virtual std::size_t pick(std::size_t replicas, const Load& outstanding, std::span<const std::uint64_t> prefix) = 0;

  struct Spec {
    std::string name = "least-outstanding";
    std::uint64_t seed = 1;
    std::uint32_t replication = 0;
    std::vector<std::int64_t> cached_blocks =
        {};  // prefix blocks that each replica can hold, all levels: "cache-aware"
  };
  /// "round-robin", "least-outstanding" (ties: lowest index), "power-of-two" (two drawn at random, less loaded one) or
  /// "cache-aware" (cache_router.h).
  static std::unique_ptr<Router> make(const Spec& spec);
  static const std::vector<std::string>& names();
};

}  // namespace tokenfab
