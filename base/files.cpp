#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

std::string system_reason() { return std::strerror(errno); }

std::string disk_reason(int code) {
  return code == ENOSPC || code == EFBIG || code == EDQUOT ? "the disk is full" : std::strerror(code);
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

std::string head_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string head(kChunk, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return head;
}

bool sync(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return false;
  const bool good = fsync(file) == 0 || errno == EINVAL;  // EINVAL: a file system that cannot
  const int code = errno;
  close(file);
  errno = code;
  return good;
}

/// What a file made by open() would have.
mode_t new_file_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

/// A pipe gives its bytes once; whoever asks for the same name again gets the same.
std::optional<std::string>& read_before(const std::string& path) {
  static std::map<std::string, std::optional<std::string>> texts;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return texts[path];
}

std::string read_all(const std::string& path, std::size_t limit) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UserError(path + ": cannot be opened for reading");
  std::string text;
  std::vector<char> buffer(kChunk);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    if (text.size() + static_cast<std::size_t>(in.gcount()) > limit)
      throw UserError(path + ": is longer than the " + metric(static_cast<double>(limit)) + "B that are allowed");
    text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) throw UserError(path + ": cannot be read");
  return text;
}

}  // namespace

std::string read_file(const std::string& path, std::size_t limit) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw UserError(path + ": is a folder, not a file");
  if (!fs::exists(path, ignored) || fs::is_regular_file(path, ignored)) return read_all(path, limit);
  std::optional<std::string>& text = read_before(path);
  if (!text) text = read_all(path, limit);
  return *text;
}

void check_output_path(const std::string& path, const std::string& option) {
  if (path.empty()) throw UserError(option + " '': the path is empty");
  if (path[0] == ':' || path.starts_with("file:"))
    throw UserError(option + " " + path + ": is not the path of a file; a file of that name is ./" + path);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw UserError(path + ": is a folder, not a file");
}

void check_regular(const std::string& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    throw UserError(path + ": is not a regular file, and cannot be continued");
}

OutputFile::OutputFile(const std::string& path, const FileKind& kind, const std::vector<std::string>& inputs)
    : path_(path), target_(path) {
  check_output_path(path, "output");
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    out_.open(path, std::ios::binary);
    if (!out_) fail("cannot be opened for writing: " + system_reason());
    return;
  }
  if (fs::exists(there)) {
    for (const auto& input : inputs)
      if (same_file(path, input)) fail("is an input of this command; give the output another name");
    const std::string head = head_of(path);
    if (!head.empty() && !kind.is(head))
      fail("is there and is not " + kind.name + "; remove it, or give the output another name");
    if (const fs::path real = fs::canonical(path, error); !error) target_ = real.string();
  }
  open_beside();
}

void OutputFile::open_beside() {
  std::string name = target_ + ".XXXXXX.part";
  const int file = mkostemps(name.data(), 5, O_CLOEXEC);
  if (file < 0) fail("cannot be opened for writing: " + system_reason());
  struct stat old {};
  fchmod(file, stat(target_.c_str(), &old) == 0 ? old.st_mode & 07777 : new_file_mode());
  close(file);
  beside_ = name;
  out_.open(beside_, std::ios::binary);
  if (!out_) fail("cannot be opened for writing: " + system_reason());
}

OutputFile::~OutputFile() {
  if (beside_.empty()) return;
  out_.close();
  unlink(beside_.c_str());
}

void OutputFile::commit() {
  errno = 0;
  out_.close();
  if (!out_) fail("cannot be written: " + disk_reason(errno != 0 ? errno : ENOSPC));
  if (beside_.empty()) return;
  if (!sync(beside_, O_WRONLY)) fail("cannot be written: " + disk_reason(errno));
  if (rename(beside_.c_str(), target_.c_str()) != 0) fail("cannot be replaced: " + disk_reason(errno));
  beside_.clear();
  const fs::path folder = fs::path(target_).parent_path();
  sync(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
}

void OutputFile::fail(const std::string& why) const { throw UserError(path_ + ": " + why); }

void write_file(const std::string& path, std::string_view content, const FileKind& kind,
                const std::vector<std::string>& inputs) {
  OutputFile file(path, kind, inputs);
  file.stream().write(content.data(), static_cast<std::streamsize>(content.size()));
  file.commit();
}

}  // namespace tokenfab
