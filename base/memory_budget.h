#pragma once
#include <cstdint>

namespace tokenfab {

/// How much memory this process may use. A limit, not a reservation: what grows with its input asks check_memory() from
/// time to time; what asks for too much at once gets std::bad_alloc, for the system is told the limit as well.

/// Three quarters of the machine's memory, or of what its control group allows where that is less; bytes.
std::int64_t default_memory_budget();
/// Sets the budget, in bytes. Not for use while other threads run.
void set_memory_budget(std::int64_t bytes);
std::int64_t memory_budget();  // bytes; default_memory_budget() before any other was set
/// Anonymous memory that the process holds now, bytes; 0 where the system does not say.
std::int64_t memory_in_use();

/// Throws Infeasible where the budget is used up. `done` of `total` requests (0: unknown) tell what all would need.
void check_memory(std::int64_t done, std::int64_t total);
/// The same where the system gave no more: for handlers of std::bad_alloc.
[[noreturn]] void refuse_memory(std::int64_t done, std::int64_t total);

}  // namespace tokenfab
