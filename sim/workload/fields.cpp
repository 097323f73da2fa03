#include "sim/workload/fields.h"

#include <charconv>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/escape.h"
#include "base/text.h"
#include "sim/workload/lengths.h"

namespace tokenfab {
namespace {

constexpr Ns kUnit[] = {1'000'000'000, 1'000'000, 1'000, 1};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool too_far(std::string& why) {
  why = "the time is too far from 0";
  return false;
}

/// Digits of a fraction as nanoseconds of a unit, cutting what is below.
Ns fraction_ns(std::string_view digits, Ns unit) {
  Ns sum = 0;
  for (char c : digits) {
    unit /= 10;
    sum += (c - '0') * unit;
  }
  return sum;
}

/// Reads exactly `n` digits off the front.
bool take(std::string_view& text, std::size_t n, int& out) {
  if (text.size() < n) return false;
  out = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_digit(text[i])) return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(n);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_zone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (text.empty() || text == "Z" || text == "z") {
    text = {};
    return true;
  }
  const int sign = text[0] == '-' ? -1 : 1;
  int hour = 0, minute = 0;
  if (!take(text, '+') && !take(text, '-')) return false;
  if (!take(text, 2, hour)) return false;
  take(text, ':');
  if (!text.empty() && !take(text, 2, minute)) return false;
  minutes = sign * (hour * 60 + minute);
  return text.empty() && hour <= 15 && minute < 60;
}

bool parse_iso(std::string_view text, Ns& out) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  if (!take(text, 4, year) || !take(text, '-') || !take(text, 2, month) || !take(text, '-') || !take(text, 2, day))
    return false;
  if (!take(text, ' ') && !take(text, 'T')) return false;
  if (!take(text, 2, hour) || !take(text, ':') || !take(text, 2, minute) || !take(text, ':') || !take(text, 2, second))
    return false;
  Ns fraction = 0;
  if (take(text, '.')) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    if (n == 0) return false;
    fraction = fraction_ns(text.substr(0, n), kUnit[0]);
    text.remove_prefix(n);
  }
  if (!take_zone(text, zone)) return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1900 || year > 2100 || hour > 23 || minute > 59 || second > 60) return false;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  out = (((days * 24 + hour) * 60 + minute - zone) * 60 + second) * kUnit[0] + fraction;
  return true;
}

}  // namespace

TimeUnit time_unit(const std::string& name) {
  static const std::vector<std::string> names = {"s", "ms", "us", "ns", "iso8601"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<TimeUnit>(i);
  throw UserError("trace: arrival unit \"" + name + "\" is not known; allowed: " + join_names(names) +
                  nearest_hint(name, names));
}

bool time_from_double(double value, TimeUnit unit, Ns& out, std::string& why) {
  if (std::isnan(value)) {
    why = "the time is not a number";
    return false;
  }
  const double ns = value * static_cast<double>(kUnit[static_cast<int>(unit)]);
  if (!(std::abs(ns) < static_cast<double>(kTimeLimit))) return too_far(why);
  out = std::llround(ns);
  return true;
}

bool parse_time(std::string_view text, TimeUnit unit, Ns& out, std::string& why) {
  text = trimmed(text);
  if (unit == TimeUnit::iso8601) {
    if (parse_iso(text, out)) return true;
    why = shown(text) + " is not a time such as 2023-11-16 18:15:46.6805900";
    return false;
  }
  const Ns scale = kUnit[static_cast<int>(unit)];
  std::string_view rest = text;
  const bool negative = take(rest, '-');
  Ns whole = 0;
  std::size_t digits = 0;
  for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
    if (whole > kTimeLimit / scale / 10) return too_far(why);
    whole = whole * 10 + (rest[digits] - '0');
  }
  if (whole > kTimeLimit / scale - 1) return too_far(why);
  rest.remove_prefix(digits);
  std::size_t decimals = 0;
  if (digits > 0 && take(rest, '.'))
    while (decimals < rest.size() && is_digit(rest[decimals])) ++decimals;
  if (digits > 0 && decimals == rest.size()) {
    const Ns ns = whole * scale + fraction_ns(rest, scale);
    out = negative ? -ns : ns;
    return true;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return time_from_double(value, unit, out, why);
  why = shown(text) + " is not a time";
  return false;
}

bool check_tokens(std::int64_t value, std::int64_t low, std::string& why) {
  if (value >= low && value <= kMaxTokens) return true;
  why = "is " + std::to_string(value) + "; it must be in " + std::to_string(low) + "..100000000";
  return false;
}

bool parse_tokens(std::string_view text, std::int64_t low, std::int64_t& out, std::string& why) {
  text = trimmed(text);
  const char* end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, out); error == std::errc() && at == end)
    return check_tokens(out, low, why);
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || !(std::abs(value) < 1e15) || value != std::floor(value)) {
    why = shown(text) + " is not a whole number of tokens";
    return false;
  }
  out = static_cast<std::int64_t>(value);
  return check_tokens(out, low, why);
}

std::string shown(std::string_view text) { return "\"" + one_line(text, 44) + "\""; }

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace tokenfab
