#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab {

/// What anything that is read as JSON may have: bytes of a file, and lists and objects inside each other (libraries
/// walk them by recursion). Published price lists and indices of weights stay below a tenth of the first.
inline constexpr std::size_t kMostJsonBytes = std::size_t{256} << 20;
inline constexpr int kMostJsonDepth = 200;

/// Parses a JSON file, comments allowed. Errors: UserError naming file, line and column, or the limit that it passes.
nlohmann::json parse_json_file(const std::string& path);
nlohmann::json parse_json_text(std::string_view text, const std::string& name);
/// For a line of a log, or a value that may be plain text: false where it is not JSON (no comments), or beyond the
/// limits.
bool try_parse_json(std::string_view text, nlohmann::json& out);

/// A read-once view of one JSON object that knows its file and JSON pointer, so that every error is one line:
///   scenario.json: /pools/0/chip: "h10-sxm" is not a known chip; allowed: a100-80-sxm, … (nearest: "h100-sxm")
/// Call finish() after the last read: it refuses keys that nothing asked for.
class JsonObject {
 public:
  /// `value` must outlive the view. Throws UserError where it is not an object.
  JsonObject(const nlohmann::json& value, std::string file, std::string pointer = "");

  bool has(const std::string& key) const;
  const nlohmann::json& raw(const std::string& key) const;  // required
  JsonObject object(const std::string& key) const;
  JsonObject object_or_empty(const std::string& key) const;       // {} where absent
  std::vector<JsonObject> objects(const std::string& key) const;  // array of objects; absent = empty

  double number(const std::string& key) const;  // required, finite
  double number(const std::string& key, double fallback) const;
  double number_in(const std::string& key, double low, double high) const;  // required, low <= x <= high
  double number_in(const std::string& key, double low, double high, double fallback) const;
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  bool boolean(const std::string& key, bool fallback) const;
  std::string string(const std::string& key) const;
  std::string string(const std::string& key, const std::string& fallback) const;
  std::string one_of(const std::string& key, const std::vector<std::string>& allowed) const;
  std::string one_of(const std::string& key, const std::vector<std::string>& allowed,
                     const std::string& fallback) const;
  std::vector<double> numbers(const std::string& key) const;  // required array of finite numbers

  std::vector<std::string> keys() const;
  const std::string& file() const { return file_; }
  const std::string& pointer() const { return pointer_; }

  /// One-line UserError at `key` of this object (or at the object itself when key is empty).
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;

  /// Refuses unread keys, naming the nearest known one. Keys starting with "$" or equal to "comment" pass.
  void finish() const;

 private:
  const nlohmann::json* value_;
  std::string file_, pointer_;
  mutable std::set<std::string> asked_;
};

}  // namespace tokenfab
