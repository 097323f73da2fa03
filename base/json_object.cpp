#include "base/json_object.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/escape.h"
#include "base/files.h"
#include "base/text.h"

namespace tokenfab {
using nlohmann::json;

namespace {

std::string brief(const json& value) {
  return one_line(value.dump(-1, ' ', false, json::error_handler_t::replace), 60);
}

std::string escape_pointer(const std::string& key) {
  std::string out;
  for (const char c : one_line(key, 80)) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

/// Lists and objects inside each other, at most `limit` + 1; a superset of what a parser would go into.
int json_depth(std::string_view text, int limit) {
  int depth = 0, deepest = 0;
  for (std::size_t i = 0; i < text.size() && deepest <= limit; ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\';
    } else if (c == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
      const std::string_view end = text[i + 1] == '/' ? "\n" : "*/";
      i = std::min(text.find(end, i + 2), text.size());
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

/// The parser's reason without what it read: the file may be anything.
std::string parser_reason(std::string why) {
  for (const char* before : {"parse error", "out_of_range"})
    if (const auto at = why.find(before); at != std::string::npos)
      if (const auto colon = why.find(": ", at); colon != std::string::npos) {
        why = why.substr(colon + 2);
        break;
      }
  const auto read = why.find("; last read: "), expected = why.rfind("; expected ");
  if (read == std::string::npos) return why;
  return why.substr(0, read) + (expected != std::string::npos && expected > read ? why.substr(expected) : "");
}

constexpr double kSmallest = 1e-100, kLargest = 1e100;

bool in_magnitude(double v) { return v == 0 || (std::fabs(v) >= kSmallest && std::fabs(v) <= kLargest); }

/// A finite number whose squares and products are numbers, too. Returns what is wrong with it.
const char* number_fault(const json& v) {
  if (!v.is_number() || !std::isfinite(v.get<double>())) return " is not a finite number";
  return in_magnitude(v.get<double>()) ? nullptr : " is out of range; allowed: 0, and magnitudes of 1e-100 to 1e100";
}

}  // namespace

json parse_json_text(std::string_view text, const std::string& name) {
  if (text.size() > kMostJsonBytes)
    throw UserError(name + ": is longer than the " + metric(static_cast<double>(kMostJsonBytes)) +
                    "B that are allowed");
  if (json_depth(text, kMostJsonDepth) > kMostJsonDepth)
    throw UserError(name + ": has lists or objects more than " + std::to_string(kMostJsonDepth) + " deep");
  try {
    return json::parse(text, nullptr, true, true);
  } catch (const json::parse_error& e) {
    std::size_t line = 1, column = 1;
    for (std::size_t i = 0; i + 1 < e.byte && i < text.size(); ++i) {
      if (text[i] == '\n') ++line, column = 1;
      else ++column;
    }
    throw UserError(name + ":" + std::to_string(line) + ":" + std::to_string(column) +
                    ": not valid JSON: " + parser_reason(e.what()));
  } catch (const json::exception& e) {
    throw UserError(name + ": not valid JSON: " + parser_reason(e.what()));
  }
}

json parse_json_file(const std::string& path) { return parse_json_text(read_file(path, kMostJsonBytes), path); }

bool try_parse_json(std::string_view text, json& out) {
  if (text.size() > kMostJsonBytes || json_depth(text, kMostJsonDepth) > kMostJsonDepth) return false;
  out = json::parse(text, nullptr, false);
  return !out.is_discarded();
}

JsonObject::JsonObject(const json& value, std::string file, std::string pointer)
    : value_(&value), file_(std::move(file)), pointer_(std::move(pointer)) {
  if (!value.is_object()) fail("", brief(value) + " is not an object");
}

void JsonObject::fail(const std::string& key, const std::string& why) const {
  const std::string at = key.empty() ? pointer_ : pointer_ + "/" + escape_pointer(key);
  throw UserError(file_ + ": " + (at.empty() ? "/" : at) + ": " + why);
}

bool JsonObject::has(const std::string& key) const {
  asked_.insert(key);
  return value_->contains(key);
}

const json& JsonObject::raw(const std::string& key) const {
  if (!has(key)) fail(key, "is missing");
  return (*value_)[key];
}

JsonObject JsonObject::object(const std::string& key) const {
  return {raw(key), file_, pointer_ + "/" + escape_pointer(key)};
}

JsonObject JsonObject::object_or_empty(const std::string& key) const {
  static const json kEmpty = json::object();
  return has(key) ? object(key) : JsonObject(kEmpty, file_, pointer_ + "/" + escape_pointer(key));
}

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  std::vector<JsonObject> out;
  if (!has(key)) return out;
  const json& list = raw(key);
  if (!list.is_array()) fail(key, brief(list) + " is not a list of objects");
  for (std::size_t i = 0; i < list.size(); ++i)
    out.emplace_back(list[i], file_, pointer_ + "/" + escape_pointer(key) + "/" + std::to_string(i));
  return out;
}

double JsonObject::number(const std::string& key) const {
  const json& v = raw(key);
  if (const char* fault = number_fault(v)) fail(key, brief(v) + fault);
  return v.get<double>();
}

double JsonObject::number(const std::string& key, double fallback) const { return has(key) ? number(key) : fallback; }

double JsonObject::number_in(const std::string& key, double low, double high) const {
  const double v = number(key);
  if (v < low || v > high)
    fail(key, shortest(v) + " is out of range; allowed: " + shortest(low) + " to " + shortest(high));
  return v;
}

double JsonObject::number_in(const std::string& key, double low, double high, double fallback) const {
  return has(key) ? number_in(key, low, high) : fallback;
}

std::int64_t JsonObject::integer(const std::string& key, std::int64_t low, std::int64_t high) const {
  const json& v = raw(key);
  const bool whole = v.is_number_integer() || (v.is_number_float() && std::floor(v.get<double>()) == v.get<double>() &&
                                               std::fabs(v.get<double>()) < 9e15);
  const bool huge = v.is_number_unsigned() && v.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (!whole || huge) fail(key, brief(v) + " is not a whole number");
  const std::int64_t n = v.get<std::int64_t>();
  if (n < low || n > high)
    fail(key, std::to_string(n) + " is out of range; allowed: " + std::to_string(low) + " to " + std::to_string(high));
  return n;
}

std::int64_t JsonObject::integer(const std::string& key, std::int64_t low, std::int64_t high,
                                 std::int64_t fallback) const {
  return has(key) ? integer(key, low, high) : fallback;
}

bool JsonObject::boolean(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  const json& v = raw(key);
  if (!v.is_boolean()) fail(key, brief(v) + " is not true or false");
  return v.get<bool>();
}

std::string JsonObject::string(const std::string& key) const {
  const json& v = raw(key);
  if (!v.is_string()) fail(key, brief(v) + " is not a string");
  return v.get<std::string>();
}

std::string JsonObject::string(const std::string& key, const std::string& fallback) const {
  return has(key) ? string(key) : fallback;
}

std::string JsonObject::one_of(const std::string& key, const std::vector<std::string>& allowed) const {
  const std::string v = string(key);
  for (const auto& a : allowed)
    if (a == v) return v;
  fail(key, "\"" + one_line(v, 60) + "\" is not known; allowed: " + join_names(allowed) + nearest_hint(v, allowed));
}

std::string JsonObject::one_of(const std::string& key, const std::vector<std::string>& allowed,
                               const std::string& fallback) const {
  return has(key) ? one_of(key, allowed) : fallback;
}

std::vector<double> JsonObject::numbers(const std::string& key) const {
  const json& list = raw(key);
  if (!list.is_array()) fail(key, brief(list) + " is not a list of numbers");
  std::vector<double> out;
  for (const auto& v : list) {
    if (const char* fault = number_fault(v)) fail(key, brief(v) + fault);
    out.push_back(v.get<double>());
  }
  return out;
}

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, value] : value_->items()) out.push_back(key);
  return out;
}

void JsonObject::finish() const {
  for (const auto& [key, value] : value_->items()) {
    if (asked_.count(key) || key == "comment" || (!key.empty() && key[0] == '$')) continue;
    const std::vector<std::string> known(asked_.begin(), asked_.end());
    fail(key, "unknown key; allowed: " + join_names(known, 30) + nearest_hint(key, known));
  }
}

}  // namespace tokenfab
