#include "engine/power_meter.h"

#include <dlfcn.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace tokenfab::engine {
namespace {

namespace fs = std::filesystem;

/// First device's total energy, in mJ (nvmlDeviceGetTotalEnergyConsumption; Volta and later).
class NvmlMeter final : public PowerMeter {
 public:
  static std::unique_ptr<PowerMeter> open() {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (!library) return nullptr;
    auto meter = std::make_unique<NvmlMeter>();
    const auto init = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
    const auto device = reinterpret_cast<int (*)(unsigned, void**)>(dlsym(library, "nvmlDeviceGetHandleByIndex_v2"));
    meter->energy_ =
        reinterpret_cast<int (*)(void*, unsigned long long*)>(dlsym(library, "nvmlDeviceGetTotalEnergyConsumption"));
    unsigned long long mj = 0;
    if (!init || !device || !meter->energy_ || init() != 0 || device(0, &meter->device_) != 0 ||
        meter->energy_(meter->device_, &mj) != 0)
      return nullptr;
    return meter;
  }
  double joules() override {
    unsigned long long mj = 0;
    energy_(device_, &mj);
    return static_cast<double>(mj) * 1e-3;
  }
  std::string source() const override { return "NVML total energy of the first GPU"; }

 private:
  void* device_ = nullptr;
  int (*energy_)(void*, unsigned long long*) = nullptr;
};

/// Sum over CPU packages of energy_uj, which wraps at max_energy_range_uj.
class RaplMeter final : public PowerMeter {
 public:
  static std::unique_ptr<PowerMeter> open() {
    auto meter = std::make_unique<RaplMeter>();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/sys/class/powercap", error)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("intel-rapl:", 0) != 0 || name.find(':', 11) != std::string::npos) continue;  // packages only
      Package p;
      p.counter = entry.path() / "energy_uj";
      if (!read(p.counter, p.last) || !read(entry.path() / "max_energy_range_uj", p.range)) continue;
      meter->packages_.push_back(p);
    }
    return meter->packages_.empty() ? nullptr : std::move(meter);
  }
  double joules() override {
    for (Package& p : packages_) {
      double now = p.last;
      read(p.counter, now);
      total_ += now >= p.last ? now - p.last : now + p.range - p.last;
      p.last = now;
    }
    return total_ * 1e-6;
  }
  std::string source() const override { return "RAPL energy of the CPU packages"; }

 private:
  struct Package {
    fs::path counter;
    double last = 0, range = 0;
  };
  static bool read(const fs::path& file, double& out) {
    std::ifstream in(file);
    return static_cast<bool>(in >> out);
  }
  std::vector<Package> packages_;
  double total_ = 0;  // microjoules
};

}  // namespace

std::unique_ptr<PowerMeter> PowerMeter::open(bool gpu) { return gpu ? NvmlMeter::open() : RaplMeter::open(); }

}  // namespace tokenfab::engine
