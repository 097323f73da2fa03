#pragma once
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab {

/// All bytes of a file, a pipe or a device, at most `limit`; a pipe may be asked for twice. Errors: UserError: cannot
/// be read, a folder, longer.
std::string read_file(const std::string& path, std::size_t limit);

/// Refuses what is no path of a file: "", ":memory:" and other names that SQLite does not take for a file, a folder.
/// `option` leads the message. Errors: UserError.
void check_output_path(const std::string& path, const std::string& option);

/// Refuses an existing file that is not a regular one: for outputs that are continued or read back. Errors: UserError.
void check_regular(const std::string& path);

/// What an output file is, so that it replaces only one of its kind.
struct FileKind {
  std::string name;                               // "an HTML report of tokenfab"
  std::function<bool(std::string_view head)> is;  // judged by the first 64 KiB of what is there
};

/// A file that appears whole or not at all: written beside its place, synced, and renamed over what is there. An
/// existing file is replaced only where it is empty or of the same kind, and never where it is one of `inputs`. Devices
/// and pipes are written as they come. Errors: UserError, one line with the path; nothing is left behind then.
class OutputFile {
 public:
  OutputFile(const std::string& path, const FileKind& kind, const std::vector<std::string>& inputs = {});
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::ostream& stream() { return out_; }
  /// Puts the file into its place; without this call what is there stays.
  void commit();

 private:
  [[noreturn]] void fail(const std::string& why) const;
  void open_beside();

  std::string path_;    // as the user wrote it
  std::string target_;  // where links lead to
  std::string beside_;  // "" for devices and pipes, and once committed
  std::ofstream out_;
};

/// An OutputFile of `content`.
void write_file(const std::string& path, std::string_view content, const FileKind& kind,
                const std::vector<std::string>& inputs = {});

}  // namespace tokenfab
