#include "sim/workload/spend_limit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/error.h"

namespace tokenfab {
namespace {

class SpendLimited final : public RequestSource {
 public:
  SpendLimited(std::unique_ptr<RequestSource> inner, const SpendLimit& limit, SpendControl& control)
      : inner_(std::move(inner)), limit_(limit), control_(control) {}

  bool closed_loop() const override { return inner_->closed_loop(); }

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    while (batch.requests.size() < limit) {
      if (at_ == ahead_.requests.size() && !ended_) refill(limit);
      const bool stream = at_ < ahead_.requests.size();
      if (!stream && held_.empty()) return;
      if (stream && (held_.empty() || ahead_.requests[at_].arrival <= held_.begin()->first.first)) {
        const Request r = ahead_.requests[at_++];
        offer(r, ahead_, batch);
      } else {
        const Held next = std::move(held_.extract(held_.begin()).mapped());
        RequestBatch one;
        one.hash_ids = next.hashes;
        offer(next.request, one, batch);
      }
    }
  }

  void ended(const Request& request, Ns end, bool served, RequestBatch& next) override {
    Interaction& i = open_[request.session];
    i.reserved = 0;
    if (served) i.spent += usd(request.input_tokens, request.output_tokens);
    control_.most_usd = std::max(control_.most_usd, i.spent);
    if (!served || (request.session_edge & kEndsSession) != 0) open_.erase(request.session);
    caused_.clear();
    inner_->ended(request, end, served, caused_);
    let_through(next);
  }

 private:
  struct Interaction {
    double spent = 0, reserved = 0;
  };
  struct Held {
    Request request;
    std::vector<std::uint64_t> hashes;
  };

  double usd(double input, double output) const {
    return (input * limit_.input_usd + output * limit_.output_usd) / 1e6;
  }

  void refill(std::size_t limit) {
    inner_->read(ahead_, limit);
    at_ = 0;
    ended_ = ahead_.requests.empty();
  }

  static void append(Request r, const RequestBatch& from, RequestBatch& to) {
    const auto begin = from.hash_ids.begin() + r.hash_begin;
    const std::vector<std::uint64_t> hashes(begin, begin + r.hash_count);
    r.hash_begin = static_cast<std::uint32_t>(to.hash_ids.size());
    to.hash_ids.insert(to.hash_ids.end(), hashes.begin(), hashes.end());
    to.requests.push_back(r);
  }

  /// The output that the next call of this interaction may produce; less than 1: none. The last comparison is the very
  /// sum that the call will make of what is spent, so rounding cannot break the ceiling.
  double allowed(const Interaction& i, const Request& r) const {
    double tokens = limit_.max_output_tokens;
    for (const auto& [before, most] :
         {std::pair(i.spent + i.reserved, limit_.usd_per_interaction), std::pair(admitted_usd_, limit_.usd_in_all)}) {
      if (!std::isfinite(most)) continue;
      if (limit_.output_usd > 0)
        tokens = std::min(
            tokens, std::max(0.0, std::floor((most - before - usd(r.input_tokens, 0)) / limit_.output_usd * 1e6) + 1));
      while (tokens > 0 && before + usd(r.input_tokens, tokens) > most) --tokens;
    }
    return tokens;
  }

  /// Decides on a call; true: it goes out, shortened if need be.
  bool admit(Request& r) {
    ++control_.calls;
    if (r.session == 0 || (r.session_edge & kOpensSession) != 0) open_[r.session] = {};
    Interaction& i = open_[r.session];
    const double most = allowed(i, r);
    const bool whole = most >= static_cast<double>(limit_.max_output_tokens);
    if (!whole && (limit_.over == SpendLimit::Over::refuse || most < 1)) {
      ++control_.refused;
      return false;
    }
    const auto cut = static_cast<std::int32_t>(std::min(most, static_cast<double>(r.output_tokens)));
    control_.truncated += cut < r.output_tokens;
    control_.output_tokens_cut += r.output_tokens - cut;
    r.output_tokens = cut;
    admitted_usd_ += usd(r.input_tokens, cut);
    if (r.session == 0 || !closed_loop()) {  // nobody says how it ends: it counts as served
      i.spent += usd(r.input_tokens, cut);
      control_.most_usd = std::max(control_.most_usd, i.spent);
    } else {
      i.reserved += usd(r.input_tokens, most);
    }
    return true;
  }

  /// A call of the stream: out, or refused, which may cause others later.
  void offer(Request r, const RequestBatch& from, RequestBatch& out) {
    if (admit(r)) return append(r, from, out);
    if (!closed_loop()) return;
    caused_.clear();
    inner_->ended(r, r.arrival, false, caused_);
    for (const Request& next : caused_.requests) hold(next);
  }

  void hold(const Request& r) {
    const auto begin = caused_.hash_ids.begin() + r.hash_begin;
    held_.emplace(std::pair(r.arrival, r.session), Held{unhashed(r), {begin, begin + r.hash_count}});
  }

  static Request unhashed(Request r) {
    r.hash_begin = 0;
    return r;
  }

  /// Calls that the end of another caused; where they are refused, what that causes in turn.
  void let_through(RequestBatch& next) {
    while (!caused_.requests.empty()) {
      const RequestBatch caused = std::move(caused_);
      caused_ = {};
      for (Request r : caused.requests) {
        if (admit(r)) append(r, caused, next);
        else inner_->ended(r, r.arrival, false, caused_);
      }
    }
  }

  std::unique_ptr<RequestSource> inner_;
  SpendLimit limit_;
  SpendControl& control_;
  RequestBatch ahead_, caused_;
  std::size_t at_ = 0;
  bool ended_ = false;
  double admitted_usd_ = 0;                                 // by all calls let through
  std::unordered_map<std::uint32_t, Interaction> open_;     // by session
  std::multimap<std::pair<Ns, std::uint32_t>, Held> held_;  // not yet offered, by arrival
};

}  // namespace

std::unique_ptr<RequestSource> limit_spend(std::unique_ptr<RequestSource> inner, const SpendLimit& limit,
                                           SpendControl& control) {
  require(!inner->closed_loop() || !std::isfinite(limit.usd_in_all), "a budget in all is for open loops");
  require(limit.max_output_tokens > 0 && limit.usd_per_interaction >= 0, "a ceiling allows some output length");
  return std::make_unique<SpendLimited>(std::move(inner), limit, control);
}

}  // namespace tokenfab
