#include "sim/fleet/router.h"

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"

namespace tokenfab {
namespace {

class RoundRobin final : public Router {
 public:
  std::size_t pick(std::size_t replicas, const Load&) override { return next_++ % replicas; }

 private:
  std::size_t next_ = 0;
};

class LeastOutstanding final : public Router {
 public:
  std::size_t pick(std::size_t replicas, const Load& outstanding) override {
    std::size_t best = 0;
    std::int64_t least = outstanding(0);
    for (std::size_t i = 1; i < replicas && least > 0; ++i) {
      const std::int64_t load = outstanding(i);
      if (load < least) best = i, least = load;
    }
    return best;
  }
};

class PowerOfTwo final : public Router {
 public:
  PowerOfTwo(std::uint64_t seed, std::uint32_t replication) : stream_(seed, replication, StreamPurpose::router) {}
  std::size_t pick(std::size_t replicas, const Load& outstanding) override {
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
  static const std::vector<std::string> all = {"round-robin", "least-outstanding", "power-of-two"};
  return all;
}

std::unique_ptr<Router> Router::make(const std::string& name, std::uint64_t seed, std::uint32_t replication) {
  if (name == "round-robin") return std::make_unique<RoundRobin>();
  if (name == "least-outstanding") return std::make_unique<LeastOutstanding>();
  if (name == "power-of-two") return std::make_unique<PowerOfTwo>(seed, replication);
  throw UserError("router \"" + name + "\" is not known; allowed: " + join_names(names()) +
                  nearest_hint(name, names()));
}

}  // namespace tokenfab
