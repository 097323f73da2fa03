#pragma once
#include <memory>
#include <string>

namespace tokenfab::engine {

/// A device's energy counter.
class PowerMeter {
 public:
  virtual ~PowerMeter() = default;
  virtual double joules() = 0;  // since some moment; never falls
  virtual std::string source() const = 0;

  /// Of a GPU: NVML's counter, the library opened at run time. Of a CPU: the packages' RAPL counters. Null where there is
  /// none that this process may read.
  static std::unique_ptr<PowerMeter> open(bool gpu);
};

}  // namespace tokenfab::engine
