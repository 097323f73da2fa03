#include <nlohmann/json.hpp>

#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
using nlohmann::json;

namespace {

const json* member(const json* object, const char* key) {
  if (!object || !object->is_object()) return nullptr;
  const auto it = object->find(key);
  return it == object->end() || it->is_null() ? nullptr : &*it;
}

/// Logged API responses: the response itself, or wrapped as {"response": …} or {"response": {"body": …}}. Token
/// counts under "usage" or beside it, named prompt_/completion_tokens or input_/output_tokens.
class UsageParser final : public RowParser {
 public:
  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    if (!parse_json_line(line, object_, why)) return false;
    const json* response = member(&object_, "response");
    const json* body = member(response, "body");
    const json* layers[] = {&object_, response, body};
    return time(layers, row, why) && usage(layers, row, why);
  }

 private:
  static bool time(const json* const (&layers)[3], TraceRow& row, std::string& why) {
    for (const json* layer : layers)
      for (const char* key : {"created", "created_at", "timestamp"})
        if (member(layer, key)) return json_time(*layer, key, static_cast<int>(TimeUnit::s), row.time, why);
    why = "has no \"created\", \"created_at\" or \"timestamp\"";
    return false;
  }

  static bool usage(const json* const (&layers)[3], TraceRow& row, std::string& why) {
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

  static bool counts(const json& u, const char* input, const char* output, TraceRow& row, std::string& why) {
    row.cached = 0;
    if (!json_tokens(u, input, 0, row.input, why) || !json_tokens(u, output, 1, row.output, why)) return false;
    for (const char* details : {"prompt_tokens_details", "input_tokens_details"})
      if (const json* d = member(&u, details); member(d, "cached_tokens"))
        if (!json_tokens(*d, "cached_tokens", 0, row.cached, why)) return false;
    // Anthropic's input_tokens leaves out what was read from or written to the cache.
    std::int64_t read = 0, written = 0;
    if (member(&u, "cache_read_input_tokens") && !json_tokens(u, "cache_read_input_tokens", 0, read, why)) return false;
    if (member(&u, "cache_creation_input_tokens") && !json_tokens(u, "cache_creation_input_tokens", 0, written, why))
      return false;
    row.input += read + written;
    row.cached += read;
    if (check_tokens(row.input, 1, why)) return true;
    why = std::string(input) + ": " + why;
    return false;
  }

  json object_;
};

}  // namespace

std::unique_ptr<RowParser> make_usage_parser() { return std::make_unique<UsageParser>(); }

}  // namespace tokenfab
