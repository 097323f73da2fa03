#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "reports/sqlite.h"
#include "sim/core/records.h"

namespace tokenfab {

/// Tables latency_sketch and latency of a run, class_total and session_total; no rows for what a run has not.
void write_latency(sqlite::Connection& db, std::int64_t run, const Latencies& latencies);
void read_latency(sqlite::Connection& db, std::int64_t run, Latencies& latencies);
void write_classes(sqlite::Connection& db, std::int64_t run, const std::vector<ClassStats>& classes);
std::vector<ClassStats> read_classes(sqlite::Connection& db, std::int64_t run);
void write_sessions(sqlite::Connection& db, std::int64_t run, const std::optional<SessionStats>& sessions);
std::optional<SessionStats> read_sessions(sqlite::Connection& db, std::int64_t run);

}  // namespace tokenfab
