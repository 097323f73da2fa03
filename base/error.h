#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace tokenfab {

/// The user's input is wrong (exit 2). what() is one line: where, value, what was allowed.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The scenario is well formed but cannot work on this hardware (exit 3). what() carries the arithmetic.
class Infeasible : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A broken invariant of ours (exit 70).
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws InternalError unless `condition`; `what` names the invariant.
inline void require(bool condition, const char* what) {
  if (!condition) throw InternalError(std::string("invariant broken: ") + what);
}

}  // namespace tokenfab
