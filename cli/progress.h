#pragma once
#include <chrono>
#include <mutex>

#include "scenarios/runner.h"

namespace tokenfab::cli {

/// Rate and ETA on standard error where it is a terminal; silent otherwise. Safe to call from several threads.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  void operator()(const RunProgress& p);

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace tokenfab::cli
