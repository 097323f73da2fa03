#include "sim/workload/clients.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/mix.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kMostClients = 100'000;
constexpr std::size_t kBatch = 4096;
constexpr std::size_t kAhead = 64;  // of one client: there may be many

void check(const GeneratorSpec& s) {
  std::int64_t clients = 0;
  double shares = 0;
  for (std::size_t i = 0; i < s.clients.size(); ++i) {
    const ClientSpec& c = s.clients[i];
    const std::string name = "workload: client " + std::to_string(i);
    if (!(c.share >= 0 && c.share <= 1e12))
      throw UserError(name + ": share is " + shortest(c.share) + "; it must not be negative");
    if (c.count < 1 || c.count > kMostClients)
      throw UserError(name + ": count is " + std::to_string(c.count) + "; it must be in 1.." +
                      std::to_string(kMostClients));
    clients += c.count;
    shares += c.share;
  }
  if (shares <= 0) throw UserError("workload: the clients' shares add up to 0");
  if (clients > kMostClients)
    throw UserError("workload: " + grouped(clients) + " clients; at most " + grouped(kMostClients) + " are allowed");
  if (s.arrivals.all_at_once || s.arrivals.markov)
    throw UserError("workload: clients have gaps of their own; arrivals say only rate and profile");
}

/// The client's own generator; its draws depend on its place among the clients alone.
GeneratorSpec alone(const GeneratorSpec& all, const ClientSpec& client, double rate, std::uint64_t place) {
  GeneratorSpec out;
  out.arrivals = all.arrivals;
  out.arrivals.law = client.law;
  out.arrivals.cv = client.cv;
  out.arrivals.shape = 0;
  out.arrivals.rate = rate;
  out.input = client.input;
  out.output = client.output;
  out.max_requests = all.max_requests;
  out.duration_s = all.duration_s;
  out.seed = mix64(all.seed ^ mix64(place + 1));
  out.replication = all.replication;
  return out;
}

class Clients final : public RequestSource {
 public:
  explicit Clients(const GeneratorSpec& s) : left_(s.max_requests > 0 ? s.max_requests : INT64_MAX) {
    double shares = 0;
    for (const ClientSpec& c : s.clients) shares += c.share;
    for (const ClientSpec& c : s.clients)
      for (std::int64_t i = 0; i < c.count && c.share > 0; ++i) {
        const double rate = s.arrivals.rate * c.share / shares / static_cast<double>(c.count);
        clients_.push_back({make_generator(alone(s, c, rate, clients_.size())), {}, 0});
      }
    for (std::size_t i = 0; i < clients_.size(); ++i) queue(i);
    std::make_heap(heap_.begin(), heap_.end());
  }

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    for (; batch.requests.size() < std::min(limit, kBatch) && left_ > 0 && !heap_.empty(); --left_) {
      std::pop_heap(heap_.begin(), heap_.end());
      const std::size_t i = heap_.back().client;
      heap_.pop_back();
      Client& c = clients_[i];
      batch.requests.push_back(c.ahead.requests[c.at++]);
      batch.requests.back().id = next_id_++;
      if (queue(i)) std::push_heap(heap_.begin(), heap_.end());
    }
  }

 private:
  struct Client {
    std::unique_ptr<RequestSource> source;
    RequestBatch ahead;
    std::size_t at = 0;
  };
  struct Next {
    Ns arrival;
    std::size_t client;
    /// The standard heap keeps the greatest on top: the earliest, then the first client.
    bool operator<(const Next& o) const { return arrival != o.arrival ? arrival > o.arrival : client > o.client; }
  };

  /// Puts the client's next arrival at the back of the heap's vector; false where there is none.
  bool queue(std::size_t i) {
    Client& c = clients_[i];
    if (c.at == c.ahead.requests.size()) {
      c.source->read(c.ahead, kAhead);
      c.at = 0;
    }
    if (c.at == c.ahead.requests.size()) return false;
    heap_.push_back({c.ahead.requests[c.at].arrival, i});
    return true;
  }

  std::int64_t left_, next_id_ = 0;
  std::vector<Client> clients_;
  std::vector<Next> heap_;
};

}  // namespace

std::unique_ptr<RequestSource> make_clients(const GeneratorSpec& spec) {
  check(spec);
  return std::make_unique<Clients>(spec);
}

}  // namespace tokenfab
