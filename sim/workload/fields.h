#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tokenfab {

enum class TimeUnit { s, ms, us, ns, iso8601 };

/// "s", "ms", "us", "ns" or "iso8601". Errors: UserError with the nearest name.
TimeUnit time_unit(const std::string& name);

/// Instants from 1824 to 2116 (as unix time, whatever their origin), so that differences fit 64 bits.
inline constexpr Ns kTimeLimit = INT64_MAX / 2;

/// Decimal text in `unit`, exact to the nanosecond (further digits are cut), or ISO 8601 with or without a zone
/// (none = UTC). On false, `why` says what is wrong with the text.
bool parse_time(std::string_view text, TimeUnit unit, Ns& out, std::string& why);

/// `value` in `unit`, from a number that is not text.
bool time_from_double(double value, TimeUnit unit, Ns& out, std::string& why);

/// A whole number of tokens in [low, 100 million]; "374.0" counts as whole.
bool parse_tokens(std::string_view text, std::int64_t low, std::int64_t& out, std::string& why);

/// Checks a number of tokens that is already a number.
bool check_tokens(std::int64_t value, std::int64_t low, std::string& why);

/// `text` in quotes, control characters replaced, cut at 40 characters: for messages.
std::string shown(std::string_view text);

std::string_view trimmed(std::string_view text);

}  // namespace tokenfab
