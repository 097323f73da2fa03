#pragma once
#include <deque>

#include "sim/workload/request.h"

namespace tokenfab {

/// Passes requests on unchanged, and knows when those to come arrive. For open workloads only: what a closed loop will
/// ask is not known.
class ReadAhead final : public RequestSource {
 public:
  explicit ReadAhead(RequestSource& source) : source_(source) {}
  void read(RequestBatch& batch, std::size_t limit) override;

  /// Arrivals in (from, to]; reads on as far as it takes.
  std::int64_t count(Ns from, Ns to);
  /// Nobody will ask for what came by then.
  void forget(Ns until);

 private:
  static constexpr std::size_t kBatch = 4096;
  void fetch();

  RequestSource& source_;
  std::deque<RequestBatch> ahead_;
  std::deque<Ns> times_;
  bool exhausted_ = false;
};

}  // namespace tokenfab
