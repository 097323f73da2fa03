#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "sim/core/service_tier.h"
#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
using nlohmann::json;

std::uint64_t response_key(std::string_view id) {
  if (id.empty()) return 0;
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a, 64 bits
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash == 0 ? 1 : hash;
}

bool read_service_tier(std::string_view text, std::uint8_t& tier, std::string& why) {
  const auto known = service_tier(std::string(text));
  if (known) tier = *known;
  else why = "service_tier: " + shown(text) + " is not known; known:" + join_names(service_tier_names()).substr(1);
  return known.has_value();
}

namespace {

using Names = std::initializer_list<const char*>;

const json* member(const json* object, const char* key) {
  if (!object || !object->is_object()) return nullptr;
  const auto it = object->find(key);
  return it == object->end() || it->is_null() ? nullptr : &*it;
}

/// One quantity told under several names, which must agree; a name that says 0 beside one that says more is unused.
bool told(Names names, std::initializer_list<const json*> places, std::int64_t& out, std::string& why) {
  const char* first = nullptr;
  for (const json* place : places)
    for (const char* name : names) {
      if (!member(place, name)) continue;
      std::int64_t value = 0;
      if (!json_tokens(*place, name, 0, value, why)) return false;
      if (first && value != out && value > 0 && out > 0) {
        why = std::string(first) + " is " + std::to_string(out) + " and " + name + " " + std::to_string(value) +
              ": they name the same tokens";
        return false;
      }
      if (!first || value > out) out = value, first = name;
    }
  return true;
}

/// What a usage object says. Whether the cached and written parts are in `input` is settled by contains_cache().
struct Usage {
  const char* input_name = "";
  std::int64_t input = 0, output = 0, total = -1;
  std::int64_t read = 0, written = 0, written_hour = 0, reasoning = 0;
  bool details = false;  // the parts stand in *_tokens_details
};

/// A count whose parts stand in its details holds them. Else total_tokens tells where it is there; else a prompt count
/// holds its parts, and input_tokens beside cache_* leave them out (Anthropic).
bool contains_cache(const Usage& u) {
  const std::int64_t parts = u.read + u.written;
  if (u.details) return true;
  if (parts > u.input) return false;
  if (u.total == u.input + u.output) return true;
  if (u.total == u.input + u.output + parts) return false;
  return std::string_view(u.input_name) == "prompt_tokens";
}

/// Logged API responses: the response itself, or wrapped as {"response": …} or {"response": {"body": …}}. Token
/// counts under "usage" or beside it, named prompt_/completion_tokens or input_/output_tokens.
class UsageParser final : public RowParser {
 public:
  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    if (!parse_json_line(line, object_, why)) return false;
    const json* response = member(&object_, "response");
    const json* body = member(response, "body");
    const Layers layers = {&object_, response, body};
    return time(layers, row, why) && usage(layers, row, why) && facts(layers, row, why);
  }

 private:
  using Layers = std::array<const json*, 3>;

  static bool time(const Layers& layers, TraceRow& row, std::string& why) {
    for (const json* layer : layers)
      for (const char* key : {"created", "created_at", "timestamp"})
        if (const json* at = member(layer, key))
          return json_time(*layer, key, static_cast<int>(unit(*at)), row.time, why);
    why = "has no \"created\", \"created_at\" or \"timestamp\"" + other_times(layers);
    return false;
  }

  /// Seconds, as the API gives them, or what proxies write: no log has seconds of the year 5138.
  static TimeUnit unit(const json& at) {
    if (!at.is_number()) return TimeUnit::s;
    const double value = at.get<double>();
    return value < 1e11 ? TimeUnit::s : value < 1e14 ? TimeUnit::ms : value < 1e17 ? TimeUnit::us : TimeUnit::ns;
  }

  static std::string other_times(const Layers& layers) {
    std::vector<std::string> names;
    std::string why;
    for (const json* layer : layers) {
      if (!layer || !layer->is_object()) continue;
      for (const auto& [key, value] : layer->items()) {
        Ns at = 0;
        if (value.is_string() && parse_time(value.get_ref<const std::string&>(), TimeUnit::iso8601, at, why))
          names.push_back(shown(key));
      }
    }
    if (names.empty()) return "";
    return "; it has " + join_names(names) + ", which \"columns\" can name as \"arrival\"";
  }

  static bool usage(const Layers& layers, TraceRow& row, std::string& why) {
    for (const json* layer : layers) {
      const json* u = member(layer, "usage");
      if (u && !u->is_object()) break;
      if (!u) u = layer;
      if (member(u, "prompt_tokens")) return counts(*u, "prompt_tokens", "completion_tokens", row, why);
      if (member(u, "input_tokens")) return counts(*u, "input_tokens", "output_tokens", row, why);
    }
    why = "has no usage with prompt_tokens or input_tokens";
    return false;
  }

  static bool parts(const json& object, Usage& u, std::string& why) {
    const json* in = member(&object, "prompt_tokens_details");
    if (!in) in = member(&object, "input_tokens_details");
    const json* out = member(&object, "completion_tokens_details");
    if (!out) out = member(&object, "output_tokens_details");
    const json* writes = member(&object, "cache_creation");
    for (const char* name : {"cached_tokens", "cache_creation_tokens", "cache_write_tokens"})
      u.details |= member(in, name) != nullptr;
    std::int64_t short_lived = 0;
    if (!told({"cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"}, {&object, in}, u.read, why) ||
        !told(
            {"cache_creation_input_tokens", "cache_write_input_tokens", "cache_creation_tokens", "cache_write_tokens"},
            {&object, in}, u.written, why) ||
        !told({"ephemeral_1h_input_tokens"}, {writes, in}, u.written_hour, why) ||
        !told({"ephemeral_5m_input_tokens"}, {writes, in}, short_lived, why) ||
        !told({"reasoning_tokens"}, {&object, out}, u.reasoning, why))
      return false;
    std::int64_t miss = 0;
    const bool has_miss = member(&object, "prompt_cache_miss_tokens") != nullptr;
    if (!told({"prompt_cache_miss_tokens"}, {&object}, miss, why)) return false;
    if (has_miss && u.read + miss != u.input) {
      why = "prompt_cache_hit_tokens " + std::to_string(u.read) + " and prompt_cache_miss_tokens " +
            std::to_string(miss) + " are not the " + std::to_string(u.input) + " of the prompt";
      return false;
    }
    if (u.written > 0 && u.written_hour + short_lived > u.written) {
      why = "cache_creation holds " + std::to_string(u.written_hour + short_lived) + " tokens, more than the " +
            std::to_string(u.written) + " that were written";
      return false;
    }
    u.written = std::max(u.written, u.written_hour + short_lived);
    if (u.reasoning <= u.output) return true;
    why = "reasoning_tokens " + std::to_string(u.reasoning) + " are more than the output of " +
          std::to_string(u.output) + ", which holds them";
    return false;
  }

  static bool counts(const json& object, const char* input, const char* output, TraceRow& row, std::string& why) {
    Usage u;
    u.input_name = input;
    if (!json_tokens(object, input, 0, u.input, why) || !json_tokens(object, output, 1, u.output, why)) return false;
    if (member(&object, "total_tokens") && !json_tokens(object, "total_tokens", 0, u.total, why)) return false;
    if (!parts(object, u, why)) return false;
    row.input = u.input + (contains_cache(u) ? 0 : u.read + u.written);
    row.output = u.output;
    row.cached = u.read;
    row.written = u.written;
    row.written_hour = u.written_hour;
    row.reasoning = u.reasoning;
    if (check_tokens(row.input, 1, why)) return true;
    why = std::string(input) + ": " + why;
    return false;
  }

  /// The tier it ran in, and which response it is: the innermost id.
  static bool facts(const Layers& layers, TraceRow& row, std::string& why) {
    row.tier = 0;
    row.response = 0;
    for (const json* layer : layers) {
      if (const json* id = member(layer, "id"); id && (id->is_string() || id->is_number()))
        row.response = response_key(id->is_string() ? id->get_ref<const std::string&>() : id->dump());
      for (const json* at : {member(layer, "service_tier"), member(member(layer, "usage"), "service_tier")})
        if (at && !read_tier(*at, row.tier, why)) return false;
    }
    return true;
  }

  static bool read_tier(const json& at, std::uint8_t& tier, std::string& why) {
    return read_service_tier(at.is_string() ? at.get_ref<const std::string&>() : at.dump(), tier, why);
  }

  json object_;
};

}  // namespace

std::unique_ptr<RowParser> make_usage_parser() { return std::make_unique<UsageParser>(); }

}  // namespace tokenfab
