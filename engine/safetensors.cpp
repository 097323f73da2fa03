#include "engine/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"

namespace tokenfab::engine {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  // of the format

std::size_t value_bytes(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {
      {"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},  {"U32", 4},     {"BF16", 2},   {"F16", 2},
      {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  const auto it = sizes.find(dtype);
  return it == sizes.end() ? 0 : it->second;
}

Safetensors::Entry parse_entry(const JsonObject& json, const char* data, std::size_t available) {
  Safetensors::Entry entry;
  entry.dtype = json.string("dtype");
  const std::size_t each = value_bytes(entry.dtype);
  if (each == 0) json.fail("dtype", "\"" + entry.dtype + "\" is not a safetensors type");
  const double limit = static_cast<double>(available) / static_cast<double>(each);
  double count = 1;
  for (const double d : json.numbers("shape")) {
    if (!(d >= 0 && d <= 1e12 && d == static_cast<double>(static_cast<std::int64_t>(d))))
      json.fail("shape", "is not an array of sizes");
    entry.shape.push_back(static_cast<std::int64_t>(d));
    count *= d;
  }
  const std::vector<double> offsets = json.numbers("data_offsets");
  if (offsets.size() != 2 || offsets[0] != std::floor(offsets[0]) || offsets[1] != std::floor(offsets[1]))
    json.fail("data_offsets", "are not two whole numbers of bytes");
  if (!(offsets[0] >= 0) || !(offsets[1] >= offsets[0]) || !(offsets[1] <= static_cast<double>(available)))
    json.fail("data_offsets", "leave the file (" + std::to_string(available) + " bytes of data)");
  if (count > limit || count * static_cast<double>(each) != offsets[1] - offsets[0])
    json.fail("data_offsets", "do not match the shape");
  entry.data = data + static_cast<std::size_t>(offsets[0]);
  entry.bytes = static_cast<std::size_t>(offsets[1] - offsets[0]);
  entry.file = json.file();
  return entry;
}

/// The format's rule: the tensors fill the data without gap or overlap.
void check_layout(std::vector<std::pair<const char*, const Safetensors::Entry*>> parts, const char* data,
                  std::size_t bytes, const std::string& path) {
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->data, a.second->bytes) < std::pair(b.second->data, b.second->bytes);
  });
  const char* at = data;
  for (const auto& [name, entry] : parts) {
    if (entry->data != at)
      throw UserError(path + ": tensor \"" + name + "\" " + (entry->data < at ? "overlaps" : "leaves a gap after") +
                      " the one before it");
    at += entry->bytes;
  }
  if (at != data + bytes)
    throw UserError(path + ": " + std::to_string(data + bytes - at) + " bytes at its end belong to no tensor");
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    const std::string why = fd < 0 ? std::strerror(errno) : "not a regular file";
    if (fd >= 0) ::close(fd);
    throw UserError(path + ": " + why);
  }
  size_ = static_cast<std::size_t>(info.st_size);
  void* map = size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0) : nullptr;
  ::close(fd);
  if (map == MAP_FAILED) throw UserError(path + ": cannot be mapped: " + std::strerror(errno));
  data_ = static_cast<const char*>(map);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

void Safetensors::add(const std::string& path) {
  files_.push_back(std::make_unique<MappedFile>(path));
  add({files_.back()->data(), files_.back()->size()}, path);
}

void Safetensors::add(std::string_view bytes, const std::string& path) {
  std::uint64_t header = 0;
  if (bytes.size() < 8) throw UserError(path + ": is too short for a safetensors file");
  std::memcpy(&header, bytes.data(), 8);
  if (header > bytes.size() - 8 || header > kLongestHeader)
    throw UserError(path + ": its header would be " + std::to_string(header) + " bytes, the file has " +
                    std::to_string(bytes.size()) + "; allowed: " + std::to_string(kLongestHeader));
  const auto length = static_cast<std::size_t>(header);
  const nlohmann::json text = parse_json_text(bytes.substr(8, length), path);
  const JsonObject json(text, path);
  const std::string_view data = bytes.substr(8 + length);
  std::vector<std::pair<const char*, const Entry*>> parts;
  for (const std::string& name : json.keys()) {
    if (name == "__metadata__") continue;
    const auto [at, fresh] = entries_.emplace(name, parse_entry(json.object(name), data.data(), data.size()));
    if (!fresh) json.fail(name, "is in " + at->second.file + ", too");
    parts.emplace_back(at->first.c_str(), &at->second);
  }
  check_layout(std::move(parts), data.data(), data.size(), path);
}

Safetensors::Safetensors(const std::string& file_or_folder) {
  const fs::path path = file_or_folder, index = path / "model.safetensors.index.json";
  std::set<std::string> shards;
  if (!fs::is_directory(path)) {
    add(path.string());
  } else if (!fs::exists(index)) {
    add((path / "model.safetensors").string());
  } else {
    const nlohmann::json text = parse_json_file(index.string());
    const JsonObject map = JsonObject(text, index.string()).object("weight_map");
    for (const std::string& name : map.keys()) shards.insert(map.string(name));
  }
  for (const std::string& shard : shards) {
    if (shard.find('/') != std::string::npos)
      throw UserError(index.string() + ": shard \"" + shard + "\" leaves the folder");
    add((path / shard).string());
  }
}

const Safetensors::Entry& Safetensors::at(const std::string& name) const {
  const auto it = entries_.find(name);
  if (it != entries_.end()) return it->second;
  const std::string where = files_.empty()     ? "safetensors"
                            : entries_.empty() ? "safetensors file"
                                               : entries_.begin()->second.file;
  throw UserError(where + ": has no tensor \"" + name + "\"" + nearest_hint(name, names()));
}

std::vector<std::string> Safetensors::names() const {
  std::vector<std::string> all;
  for (const auto& [name, entry] : entries_) all.push_back(name);
  return all;
}

}  // namespace tokenfab::engine
