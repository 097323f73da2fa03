#pragma once
#include <cstdio>
#include <string>

namespace tokenfab {

/// Bytes put aside on disk, in a file without a name that goes with this object: write all, then read all, any number
/// of times. Errors: UserError, one line with the folder.
class Spool {
 public:
  /// In `folder`; "" is the system's folder for temporary files.
  explicit Spool(const std::string& folder = "");
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  void write(const void* bytes, std::size_t n);
  /// Back to the first byte, for reading.
  void rewind();
  /// At most `n` bytes; fewer at the end only.
  std::size_t read(void* bytes, std::size_t n);

 private:
  [[noreturn]] void fail() const;

  std::string folder_;
  std::FILE* file_;
};

}  // namespace tokenfab
