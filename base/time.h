#pragma once
#include <cmath>
#include <cstdint>

namespace tokenfab {

/// Simulated time outside a span: integer nanoseconds since the run's start.
using Ns = std::int64_t;
inline constexpr Ns kNever = INT64_MAX;

__extension__ typedef __int128 Int128;

/// Exact time inside a replica: fixed point, 2^-32 ns. Sums of step times are integer sums, so that
/// a span of k steps in closed form and k single steps end at the same tick, not merely close.
using Ticks = Int128;
inline constexpr int kTickBits = 32;

constexpr Ticks ticks_from_ns(Ns ns) { return static_cast<Ticks>(ns) << kTickBits; }
constexpr Ns floor_ns(Ticks t) { return static_cast<Ns>(t >> kTickBits); }
inline Ticks ticks_from_seconds(double s) { return static_cast<Ticks>(std::ldexp(s * 1e9, kTickBits)); }
inline double seconds_from_ticks(Ticks t) { return std::ldexp(static_cast<double>(t), -kTickBits) * 1e-9; }
constexpr double seconds_from_ns(Ns ns) { return static_cast<double>(ns) * 1e-9; }
inline Ns ns_from_seconds(double s) { return std::llround(s * 1e9); }

}  // namespace tokenfab
