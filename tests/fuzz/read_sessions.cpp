#include "sim/workload/recorded_sessions.h"
#include "tests/fuzz/read_bytes.h"

// Recorded sessions of agents.
void tokenfab::fuzz::read_bytes(const std::string& path) { session_reuse(*read_sessions(path), kNever); }
