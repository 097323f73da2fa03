#pragma once
#include <memory>

#include "base/rng.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// A source made of another one, request by request.
class Filter : public RequestSource {
 public:
  explicit Filter(std::unique_ptr<RequestSource> inner) : inner_(std::move(inner)) {}
  void read(RequestBatch& batch, std::size_t limit) final;

 protected:
  /// One request and its prefix blocks (owned by the batch being filled or read).
  struct Item {
    Request request;
    std::vector<std::uint64_t> hashes;
  };
  /// The next item, or false at the end.
  virtual bool next(Item& item) = 0;
  bool pull(Item& item);

 private:
  std::unique_ptr<RequestSource> inner_;
  RequestBatch ahead_;
  std::size_t at_ = 0;
  std::int64_t next_id_ = 0;
  Item item_;
};

std::unique_ptr<RequestSource> dejitter(std::unique_ptr<RequestSource> inner, Ns grid, RandomStream random);
std::unique_ptr<RequestSource> window(std::unique_ptr<RequestSource> inner, Ns from, Ns to);
std::unique_ptr<RequestSource> thin(std::unique_ptr<RequestSource> inner, double keep, RandomStream random);
std::unique_ptr<RequestSource> copies(std::unique_ptr<RequestSource> inner, std::int64_t copies, Ns jitter,
                                      RandomStream random);
std::unique_ptr<RequestSource> scale_rate(std::unique_ptr<RequestSource> inner, double factor);

}  // namespace tokenfab
