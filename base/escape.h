#pragma once
#include <string>
#include <string_view>

namespace tokenfab {

/// Longest line of an error, in bytes.
inline constexpr std::size_t kLongestErrorLine = 470;

bool is_utf8(std::string_view text);

/// `text` as printable UTF-8 on one line: control characters, line and paragraph separators, marks that turn the
/// writing direction, and bytes that are not UTF-8 come as \n, \t, \u001b, \u2028, \xff.
std::string escaped(std::string_view text);

/// The same with line feeds left as they are: text for a terminal.
std::string escaped_lines(std::string_view text);

/// escaped(), its middle left out where it is longer than `limit` bytes.
std::string one_line(std::string_view text, std::size_t limit = kLongestErrorLine);

/// A cell of a CSV file that no spreadsheet runs as a formula: escaped, quoted where CSV asks for it, and with an
/// apostrophe before a first =, +, -, @ of text that is not a number (OWASP, "CSV Injection").
std::string csv_cell(std::string_view text);

}  // namespace tokenfab
