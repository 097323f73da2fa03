#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab {

/// The member of `names` closest to `word` by edit distance, or "" when none is near enough to suggest.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

/// ` (nearest: "x")` for a message, or "" when there is no near name.
std::string nearest_hint(std::string_view word, const std::vector<std::string>& names);

/// "a, b, c", at most `limit` names, then "… (N in all)".
std::string join_names(const std::vector<std::string>& names, std::size_t limit = 12);

/// Shortest decimal text that reads back as the same double.
std::string shortest(double value);

/// Thousands separators: 22361870 -> "22,361,870".
std::string grouped(long long value);

/// `value` with a metric prefix and three significant digits: 3.35e12 -> "3.35 T".
std::string metric(double value);

/// Left-aligned first column, right-aligned others, two spaces between; the first row is the header.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace tokenfab
