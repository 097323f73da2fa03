#pragma once
#include <istream>
#include <memory>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab {

/// The bytes of a trace, decompressed as its first bytes say. Errors: UserError.
class TraceInput {
 public:
  TraceInput(std::istream& in, std::string name);
  ~TraceInput();
  /// False for a pipe.
  bool can_rewind() const { return origin_ != std::streampos(-1); }
  /// Back to the first byte; false where the stream cannot go back.
  bool rewind();
  const std::string& compression() const { return compression_; }

  /// The next line without its CR/LF, valid until the next call; false at the end.
  bool next_line(std::string_view& line);
  std::int64_t line_number() const { return line_number_; }

 private:
  void start();
  bool refill();

  std::istream& in_;
  std::string name_, compression_;
  std::streampos origin_;
  std::unique_ptr<std::streambuf> bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool ended_ = false;
  std::int64_t line_number_ = 0;
};

}  // namespace tokenfab
