#include "base/memory_budget.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

std::int64_t budget = 0;

std::string bytes_text(double bytes) { return metric(bytes) + "B"; }

/// memory.max of the control group (version 2); INT64_MAX where there is none.
std::int64_t group_limit() {
  std::ifstream in("/sys/fs/cgroup/memory.max");
  std::int64_t bytes = 0;
  return in >> bytes ? bytes : INT64_MAX;
}

/// The system's own limit counts what is asked for, touched or not; sanitizers ask for terabytes.
constexpr bool has_hard_limit() {
#if defined(__SANITIZE_ADDRESS__)
  return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return false;
#else
  return true;
#endif
#else
  return true;
#endif
}

}  // namespace

std::int64_t default_memory_budget() {
  const std::int64_t machine = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return std::min(machine, group_limit()) / 4 * 3;
}

void set_memory_budget(std::int64_t bytes) {
  budget = bytes;
  if (!has_hard_limit()) return;
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, static_cast<rlim_t>(bytes));
  setrlimit(RLIMIT_DATA, &limit);
}

std::int64_t memory_budget() { return budget > 0 ? budget : default_memory_budget(); }

std::int64_t memory_in_use() {
  // Pages: size, resident, shared (proc(5)).
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  long long size = 0, resident = 0, shared = 0;
  const int got = std::fscanf(file, "%lld %lld %lld", &size, &resident, &shared);
  std::fclose(file);
  return got == 3 ? (resident - shared) * sysconf(_SC_PAGESIZE) : 0;
}

void check_memory(std::int64_t done, std::int64_t total) {
  // The last eighth is left for what is asked for at once.
  const std::int64_t allowed = memory_budget();
  if (memory_in_use() > allowed - allowed / 8) refuse_memory(done, total);
}

void refuse_memory(std::int64_t done, std::int64_t total) {
  const auto used = static_cast<double>(memory_in_use());
  std::string need = "more than " + bytes_text(used);
  if (done > 0 && total > done)
    need = "some " + bytes_text(used * static_cast<double>(total) / static_cast<double>(done)) + " (" +
           bytes_text(used) + " held at request " + grouped(done) + " of " + grouped(total) + ")";
  throw Infeasible("memory: the run needs " + need + "; the budget is " +
                   bytes_text(static_cast<double>(memory_budget())) + " (--max-memory)");
}

}  // namespace tokenfab
