#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "base/text.h"

namespace tokenfab::cli {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0), start_(Clock::now()), last_(start_) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::operator()(const RunProgress& p) {
  if (!terminal_) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(p.finished) / elapsed;
  std::string line = p.alternative + " #" + std::to_string(p.replication) + ": " + grouped(p.finished);
  if (p.expected > 0) line += " of " + grouped(p.expected);
  line += " requests, " + metric(rate) + "requests/s";
  if (p.expected > p.finished && rate > 0) {
    line += ", ";
    line += grouped(static_cast<long long>(static_cast<double>(p.expected - p.finished) / rate) + 1);
    line += " s left";
  }
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace tokenfab::cli
