// Files that a command is given by name: any bytes are read, or refused by one of our errors.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/escape.h"
#include "tests/fuzz/read_bytes.h"

namespace {

/// The bytes as a file of their own, without a name in any folder.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t n = write(file_, data + done, size - done);
      if (n <= 0) std::abort();
      done += static_cast<std::size_t>(n);
    }
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  try {
    tokenfab::fuzz::read_bytes(file.path());
  } catch (const tokenfab::UserError& e) {
    if (tokenfab::one_line(e.what()).empty()) std::abort();
  } catch (const tokenfab::Infeasible&) {
  }
  return 0;
}
