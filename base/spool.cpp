#include "base/spool.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.h"

namespace tokenfab {

Spool::Spool(const std::string& folder)
    : folder_(folder.empty() ? std::filesystem::temp_directory_path().string() : folder), file_(nullptr) {
  std::string name = folder_ + "/tokenfab.XXXXXX";
  const int file = mkostemp(name.data(), 0);
  if (file < 0) fail();
  unlink(name.c_str());
  file_ = fdopen(file, "w+");
  if (!file_) fail();
}

Spool::~Spool() {
  if (file_) std::fclose(file_);
}

void Spool::write(const void* bytes, std::size_t n) {
  if (std::fwrite(bytes, 1, n, file_) != n) fail();
}

void Spool::rewind() {
  if (std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) fail();
}

std::size_t Spool::read(void* bytes, std::size_t n) {
  const std::size_t got = std::fread(bytes, 1, n, file_);
  if (got < n && std::ferror(file_)) fail();
  return got;
}

void Spool::fail() const {
  throw UserError(folder_ + ": no temporary file can be written there: " + std::strerror(errno) +
                  (errno == ENOSPC ? " (disk full)" : ""));
}

}  // namespace tokenfab
