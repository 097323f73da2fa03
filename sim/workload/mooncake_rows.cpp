#include <nlohmann/json.hpp>

#include "base/error.h"
#include "sim/workload/fields.h"
#include "sim/workload/row_parser.h"

namespace tokenfab {
using nlohmann::json;

namespace {

/// kvcache-ai/Mooncake traces and AIPerf's mooncake_trace: timestamp in ms, hash_ids of fixed-size prompt blocks.
class MooncakeParser final : public RowParser {
 public:
  explicit MooncakeParser(std::int64_t block_size) : block_size_(block_size) {}

  bool parse(std::string_view line, TraceRow& row, std::string& why) override {
    if (!parse_json_line(line, object_, why)) return false;
    if (!object_.contains("timestamp") && (object_.contains("delay") || object_.contains("session_id")))
      throw UserError(
          "a row with session_id or delay but no timestamp starts when the one before it ends; closed-loop traces are "
          "not supported yet, only rows with a timestamp");
    if (!json_time(object_, "timestamp", static_cast<int>(TimeUnit::ms), row.time, why)) return false;
    if (!json_tokens(object_, "input_length", 1, row.input, why)) return false;
    if (!json_tokens(object_, "output_length", 1, row.output, why)) return false;
    row.hashes.clear();
    return hash_ids(row, why);
  }

 private:
  bool hash_ids(TraceRow& row, std::string& why) const {
    const auto it = object_.find("hash_ids");
    if (it == object_.end() || it->is_null()) return true;
    if (!it->is_array()) {
      why = "hash_ids: is not a list";
      return false;
    }
    for (const json& id : *it) {
      if (!id.is_number_integer() || (!id.is_number_unsigned() && id.get<std::int64_t>() < 0)) {
        why = "hash_ids: " + shown(id.dump(-1, ' ', false, json::error_handler_t::replace)) + " is not a whole number";
        return false;
      }
      row.hashes.push_back(id.get<std::uint64_t>());
    }
    const auto n = static_cast<std::int64_t>(row.hashes.size());
    const std::int64_t blocks = block_size_ > 0 ? (row.input + block_size_ - 1) / block_size_ : row.input;
    if (n <= blocks && (block_size_ == 0 || n == blocks)) return true;
    why = "hash_ids: " + std::to_string(n) + " blocks do not fit input_length " + std::to_string(row.input) +
          (block_size_ > 0 ? " at " + std::to_string(block_size_) + " tokens per block" : "");
    return false;
  }

  std::int64_t block_size_;
  json object_;
};

}  // namespace

std::unique_ptr<RowParser> make_mooncake_parser(std::int64_t block_size) {
  return std::make_unique<MooncakeParser>(block_size);
}

}  // namespace tokenfab
