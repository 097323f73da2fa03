#include "cli/terminal.h"

#include "base/escape.h"

namespace tokenfab::cli {

constexpr std::size_t kHeld = std::size_t{1} << 16;

PrintableOnly::PrintableOnly(std::ostream& stream) : stream_(stream), behind_(stream.rdbuf(this)) {}

PrintableOnly::~PrintableOnly() {
  sync();
  stream_.rdbuf(behind_);
}

std::streambuf::int_type PrintableOnly::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char byte = traits_type::to_char_type(c);
  return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
}

std::streamsize PrintableOnly::xsputn(const char* text, std::streamsize n) {
  held_.append(text, static_cast<std::size_t>(n));
  if (held_.size() < kHeld) return n;
  // Whole lines, so that no character is cut in two.
  const std::size_t end = held_.rfind('\n');
  return end == std::string::npos || pass(end + 1) ? n : 0;
}

int PrintableOnly::sync() { return pass(held_.size()) && behind_->pubsync() == 0 ? 0 : -1; }

bool PrintableOnly::pass(std::size_t bytes) {
  const std::string text = escaped_lines(std::string_view(held_).substr(0, bytes));
  held_.erase(0, bytes);
  const auto n = static_cast<std::streamsize>(text.size());
  return behind_->sputn(text.data(), n) == n;
}

}  // namespace tokenfab::cli
