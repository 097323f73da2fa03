#include "base/escape.h"

#include <charconv>
#include <cstdio>

namespace tokenfab {
namespace {

/// Bytes of the UTF-8 character at the front of `text`, and its code point; 0 where there is none (RFC 3629).
std::size_t utf8_length(std::string_view text, char32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  code = first & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3F);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < kLeast[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

bool is_hidden(char32_t c) {
  const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  const bool separator = c == 0x2028 || c == 0x2029;
  const bool direction = c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return control || separator || direction || c == 0xFEFF;
}

void append_escape(std::string& out, const char* format, unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, format, value);
  out += text;
}

void append_hidden(std::string& out, char32_t c) {
  if (c == '\n') out += "\\n";
  else if (c == '\r') out += "\\r";
  else if (c == '\t') out += "\\t";
  else append_escape(out, "\\u%04x", static_cast<unsigned>(c));
}

std::string escape(std::string_view text, bool keep_line_feeds) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t code = 0;
    const std::size_t length = utf8_length(text, code);
    if (length == 0) append_escape(out, "\\x%02x", static_cast<unsigned char>(text[0]));
    else if (is_hidden(code) && !(keep_line_feeds && code == '\n')) append_hidden(out, code);
    else out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

bool inside_character(const std::string& text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

bool is_number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    char32_t code = 0;
    const std::size_t length = utf8_length(text, code);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escaped(std::string_view text) { return escape(text, false); }

std::string escaped_lines(std::string_view text) { return escape(text, true); }

std::string one_line(std::string_view text, std::size_t limit) {
  // What lies beyond some multiple of the limit is never shown, so there is no need to look at it.
  const bool huge = text.size() > 16 * limit;
  std::string out = huge
                        ? escape(text.substr(0, 8 * limit), false) + escape(text.substr(text.size() - 8 * limit), false)
                        : escape(text, false);
  if (out.size() <= limit) return out;
  static constexpr std::string_view kGap = " … ";
  const std::size_t kept = limit - kGap.size();
  std::size_t head = kept * 2 / 3, tail = out.size() - (kept - head);
  while (inside_character(out, head)) --head;
  while (inside_character(out, tail)) ++tail;
  return out.substr(0, head) + std::string(kGap) + out.substr(tail);
}

std::string csv_cell(std::string_view text) {
  std::string out = escaped(text);
  if (!out.empty() && std::string_view("=+-@").find(out[0]) != std::string_view::npos && !is_number(out))
    out.insert(0, 1, '\'');
  if (out.find_first_of(",\"") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace tokenfab
