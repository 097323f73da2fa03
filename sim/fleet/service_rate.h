#pragma once
#include <algorithm>
#include <deque>

#include "base/time.h"

namespace tokenfab {

/// How many requests a pool ends a second, over the last minute or since its first one came.
class ServiceRate {
 public:
  static constexpr Ns kWindow = 60'000'000'000;

  void began(Ns now) { since_ = std::min(since_, now); }
  void ended(Ns now, std::int64_t requests) {
    if (requests == 0) return;
    ends_.push_back({now, requests});
    inside_ += requests;
  }
  /// 0 where none has ended.
  double per_second(Ns now) {
    for (; !ends_.empty() && ends_.front().time <= now - kWindow; ends_.pop_front()) inside_ -= ends_.front().requests;
    const Ns span = std::min(kWindow, now - std::min(since_, now));
    return span > 0 ? static_cast<double>(inside_) / seconds_from_ns(span) : 0;
  }

 private:
  struct End {
    Ns time;
    std::int64_t requests;
  };
  std::deque<End> ends_;
  std::int64_t inside_ = 0;
  Ns since_ = kNever;
};

}  // namespace tokenfab
