#include "sim/fleet/router.h"

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "sim/fleet/cache_router.h"

namespace tokenfab {
namespace {

class RoundRobin final : public Router {
 public:
  std::size_t pick(std::size_t replicas, const Load&, std::span<const std::uint64_t>) override {
    return next_++ % replicas;
  }

 private:
  std::size_t next_ = 0;
};

class LeastOutstanding final : public Router {
 public:
  std::size_t pick(std::size_t replicas, const Load& outstanding, std::span<const std::uint64_t>) override {
    return least_outstanding(replicas, outstanding);
  }
};

class PowerOfTwo final : public Router {
 public:
  PowerOfTwo(std::uint64_t seed, std::uint32_t replication) : stream_(seed, replication, StreamPurpose::router) {}
  std::size_t pick(std::size_t replicas, const Load& outstanding, std::span<const std::uint64_t>) override {
    const std::size_t a = stream_.below(replicas);
    if (replicas == 1) return a;
    std::size_t b = stream_.below(replicas - 1);
    if (b >= a) ++b;
    return outstanding(b) < outstanding(a) ? b : a;
  }

 private:
  RandomStream stream_;
};

}  // namespace

const std::vector<std::string>& Router::names() {
  static const std::vector<std::string> all = {"round-robin", "least-outstanding", "power-of-two", "cache-aware"};
  return all;
}

std::unique_ptr<Router> Router::make(const Spec& spec) {
  const std::string& name = spec.name;
  if (name == "round-robin") return std::make_unique<RoundRobin>();
  if (name == "least-outstanding") return std::make_unique<LeastOutstanding>();
  if (name == "power-of-two") return std::make_unique<PowerOfTwo>(spec.seed, spec.replication);
  if (name == "cache-aware") return std::make_unique<CacheAwareRouter>(spec.cached_blocks);
  throw UserError("router \"" + name + "\" is not known; allowed: " + join_names(names()) +
                  nearest_hint(name, names()));
}

}  // namespace tokenfab
