#include "sim/workload/filters.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace tokenfab {
namespace {

constexpr std::size_t kAhead = 4096;

/// The deadline stays as far from the arrival as it was.
void move_to(Request& request, Ns arrival) {
  if (request.deadline != 0) request.deadline += arrival - request.arrival;
  request.arrival = arrival;
}

/// Rounds to the grid, then assigns the sorted uniforms of a tick to its requests in their order.
class Dejitter final : public Filter {
 public:
  Dejitter(std::unique_ptr<RequestSource> inner, Ns grid, RandomStream random)
      : Filter(std::move(inner)), grid_(grid), random_(random) {}

 private:
  Ns tick_of(Ns t) const { return (t + grid_ / 2) / grid_; }
  bool next(Item& item) override {
    if (at_ == tick_.size() && !load_tick()) return false;
    std::swap(item, tick_[at_]);
    move_to(item.request, spread_[at_++]);
    return true;
  }
  bool load_tick() {
    tick_.clear();
    at_ = 0;
    if (!pending_ && !(pending_ = pull(held_))) return false;
    const Ns tick = tick_of(held_.request.arrival);
    while (pending_ && tick_of(held_.request.arrival) == tick) {
      tick_.push_back(std::move(held_));
      pending_ = pull(held_);
    }
    spread_.resize(tick_.size());
    for (Ns& t : spread_) t = tick * grid_ + static_cast<Ns>(random_.below(static_cast<std::uint64_t>(grid_)));
    std::sort(spread_.begin(), spread_.end());
    return true;
  }

  Ns grid_;
  RandomStream random_;
  std::vector<Item> tick_;
  std::vector<Ns> spread_;
  std::size_t at_ = 0;
  Item held_;
  bool pending_ = false;
};

class Window final : public Filter {
 public:
  Window(std::unique_ptr<RequestSource> inner, Ns from, Ns to) : Filter(std::move(inner)), from_(from), to_(to) {}

 private:
  bool next(Item& item) override {
    do {
      if (!pull(item) || item.request.arrival >= to_) return false;
    } while (item.request.arrival < from_);
    move_to(item.request, item.request.arrival - from_);
    return true;
  }
  Ns from_, to_;
};

class Thin final : public Filter {
 public:
  Thin(std::unique_ptr<RequestSource> inner, double keep, RandomStream random)
      : Filter(std::move(inner)), keep_(keep), random_(random) {}

 private:
  bool next(Item& item) override {
    while (pull(item))
      if (random_.uniform() < keep_) return true;
    return false;
  }
  double keep_;
  RandomStream random_;
};

/// Delayed copies wait in arrival order until the source has passed them.
class Copies final : public Filter {
 public:
  Copies(std::unique_ptr<RequestSource> inner, std::int64_t count, Ns jitter, RandomStream random)
      : Filter(std::move(inner)), count_(count), jitter_(jitter), random_(random) {}

 private:
  bool next(Item& item) override {
    while (!ended_ && (waiting_.empty() || waiting_.begin()->first > newest_)) {
      Item original;
      if (ended_ = !pull(original); ended_) break;
      newest_ = original.request.arrival;
      for (std::int64_t c = 0; c < count_; ++c) add(original, static_cast<std::uint64_t>(c));
    }
    if (waiting_.empty()) return false;
    item = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    return true;
  }
  void add(const Item& original, std::uint64_t copy) {
    Item item = original;
    if (copy > 0 && jitter_ > 0)
      move_to(item.request, item.request.arrival + static_cast<Ns>(random_.below(static_cast<std::uint64_t>(jitter_))));
    for (auto& hash : item.hashes) hash ^= copy * 0x9E3779B97F4A7C15u;
    const Ns when = item.request.arrival;
    waiting_.emplace(when, std::move(item));
  }

  std::int64_t count_;
  Ns jitter_;
  RandomStream random_;
  std::multimap<Ns, Item> waiting_;
  Ns newest_ = -1;
  bool ended_ = false;
};

class ScaleRate final : public RequestSource {
 public:
  ScaleRate(std::unique_ptr<RequestSource> inner, double factor) : inner_(std::move(inner)), factor_(factor) {}
  void read(RequestBatch& batch, std::size_t limit) override {
    inner_->read(batch, limit);
    for (Request& r : batch.requests) {
      const double scaled = static_cast<double>(r.arrival) / factor_;
      move_to(r, scaled < 9e18 ? static_cast<Ns>(std::llround(scaled)) : kNever / 2);
    }
  }

 private:
  std::unique_ptr<RequestSource> inner_;
  double factor_;
};

}  // namespace

void Filter::read(RequestBatch& batch, std::size_t limit) {
  batch.clear();
  while (batch.requests.size() < std::min(limit, kAhead) && next(item_)) {
    Request r = item_.request;
    r.id = next_id_++;
    r.hash_begin = static_cast<std::uint32_t>(batch.hash_ids.size());
    r.hash_count = static_cast<std::uint32_t>(item_.hashes.size());
    batch.hash_ids.insert(batch.hash_ids.end(), item_.hashes.begin(), item_.hashes.end());
    batch.requests.push_back(r);
  }
}

bool Filter::pull(Item& item) {
  if (at_ == ahead_.requests.size()) {
    inner_->read(ahead_, kAhead);
    at_ = 0;
    if (ahead_.requests.empty()) return false;
  }
  item.request = ahead_.requests[at_++];
  const auto begin = ahead_.hash_ids.begin() + item.request.hash_begin;
  item.hashes.assign(begin, begin + item.request.hash_count);
  return true;
}

std::unique_ptr<RequestSource> dejitter(std::unique_ptr<RequestSource> inner, Ns grid, RandomStream random) {
  return std::make_unique<Dejitter>(std::move(inner), grid, random);
}
std::unique_ptr<RequestSource> window(std::unique_ptr<RequestSource> inner, Ns from, Ns to) {
  return std::make_unique<Window>(std::move(inner), from, to);
}
std::unique_ptr<RequestSource> thin(std::unique_ptr<RequestSource> inner, double keep, RandomStream random) {
  return std::make_unique<Thin>(std::move(inner), keep, random);
}
std::unique_ptr<RequestSource> copies(std::unique_ptr<RequestSource> inner, std::int64_t count, Ns jitter,
                                      RandomStream random) {
  return std::make_unique<Copies>(std::move(inner), count, jitter, random);
}
std::unique_ptr<RequestSource> scale_rate(std::unique_ptr<RequestSource> inner, double factor) {
  return std::make_unique<ScaleRate>(std::move(inner), factor);
}

}  // namespace tokenfab
