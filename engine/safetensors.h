#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab::engine {

/// A read-only memory map of a file. UserError where it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Tensors of a safetensors file, or of a folder's shards (model.safetensors.index.json, else model.safetensors).
/// Format: u64 little-endian header length, JSON {name: {dtype, shape, data_offsets}}, data.
class Safetensors {
 public:
  explicit Safetensors(const std::string& file_or_folder);
  /// A whole file that is already in memory and stays there; `name` is for messages.
  Safetensors(std::string_view bytes, const std::string& name) { add(bytes, name); }

  struct Entry {
    std::string dtype;  // "BF16", "F16", "F32", ...
    std::vector<std::int64_t> shape;
    const char* data = nullptr;
    std::size_t bytes = 0;
    std::string file;
  };
  /// UserError where it is missing, with the nearest name.
  const Entry& at(const std::string& name) const;
  bool has(const std::string& name) const { return entries_.count(name) > 0; }
  std::vector<std::string> names() const;

 private:
  void add(const std::string& path);
  void add(std::string_view bytes, const std::string& name);
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::map<std::string, Entry> entries_;
};

}  // namespace tokenfab::engine
