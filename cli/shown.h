#pragma once
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <type_traits>

namespace tokenfab::cli {

/// A number in a text for people: a dash where it does not exist.
struct ShownNumber {
  double value;
};

template <class T>
using Shown = std::conditional_t<std::is_floating_point_v<T>, ShownNumber, const T&>;

}  // namespace tokenfab::cli

template <>
struct fmt::formatter<tokenfab::cli::ShownNumber> : fmt::formatter<double> {
  template <class Context>
  auto format(const tokenfab::cli::ShownNumber& number, Context& context) const {
    if (!std::isfinite(number.value)) return fmt::format_to(context.out(), "-");
    return fmt::formatter<double>::format(number.value, context);
  }
};

namespace tokenfab::cli {

/// fmt::format() for texts that people read: no "nan" and no "inf".
template <class... Args>
std::string shown(fmt::format_string<Shown<Args>...> format, const Args&... args) {
  return fmt::vformat(format, fmt::make_format_args(Shown<Args>{args}...));
}

}  // namespace tokenfab::cli
