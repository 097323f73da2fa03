#pragma once
#include <ostream>
#include <streambuf>
#include <string>

namespace tokenfab::cli {

/// Stands before a stream while it lives: what names and files bring along (control characters, bytes that are not
/// UTF-8) goes through as escapes. Valid JSON stays valid JSON.
class PrintableOnly final : public std::streambuf {
 public:
  explicit PrintableOnly(std::ostream& stream);
  ~PrintableOnly() override;
  PrintableOnly(const PrintableOnly&) = delete;
  PrintableOnly& operator=(const PrintableOnly&) = delete;

 private:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize n) override;
  int sync() override;
  bool pass(std::size_t bytes);

  std::ostream& stream_;
  std::streambuf* behind_;
  std::string held_;  // not yet passed
};

}  // namespace tokenfab::cli
