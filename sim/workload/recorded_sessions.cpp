#include "sim/workload/recorded_sessions.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "sim/workload/fields.h"
#include "sim/workload/mix.h"
#include "sim/workload/row_parser.h"
#include "sim/workload/trace_input.h"

namespace tokenfab {
using nlohmann::json;

namespace {

bool whole(const json& v) { return v.is_number_unsigned() && v.get<std::uint64_t>() <= UINT32_MAX; }

/// "keep": leading blocks of the request before; "new": [[first, count], …].
bool parse_runs(const json& r, RecordedTurn& turn, std::size_t before, std::string& why) {
  const json keep = r.value("keep", json(0u)), fresh = r.value("new", json::array());
  if (!whole(keep) || keep.get<std::uint64_t>() > before) {
    why = "keep: " + shown(keep.dump()) + " is not a number of blocks of the request before";
    return false;
  }
  turn.kept = keep.get<std::uint32_t>();
  if (fresh.is_array())
    for (const json& run : fresh) {
      if (!run.is_array() || run.size() != 2 || !whole(run[0]) || !whole(run[1])) break;
      turn.fresh.emplace_back(run[0].get<std::uint64_t>(), run[1].get<std::uint32_t>());
    }
  if (fresh.is_array() && turn.fresh.size() == fresh.size()) return true;
  why = "new: is not a list of [first block, count]";
  return false;
}

class SessionParser {
 public:
  bool parse(std::string_view line, RecordedSession& out, std::string& why) {
    json object;
    if (!parse_json_line(line, object, why)) return false;
    out = {};
    out.id = object.contains("id") && object["id"].is_string() ? object["id"].get<std::string>() : "";
    if (!json_tokens(object, "block_size", 1, out.block_tokens, why)) return false;
    const auto requests = object.find("requests");
    if (requests == object.end() || !requests->is_array()) {
      why = "requests: is not a list";
      return false;
    }
    ids_.clear();
    for (const json& r : *requests)
      if (r.is_object() && r.contains("in") && !add(r, out, why)) {
        why = "requests/" + std::to_string(&r - &*requests->begin()) + "/" + why;
        return false;
      }
    if (out.turns.empty()) why = "requests: has none with a length";
    return !out.turns.empty();
  }

 private:
  bool add(const json& r, RecordedSession& out, std::string& why) {
    RecordedTurn turn;
    std::int64_t in = 0, tokens = 0;
    if (!json_tokens(r, "in", 1, in, why) || !json_tokens(r, "out", 0, tokens, why)) return false;
    turn.input_tokens = static_cast<std::int32_t>(in);
    turn.output_tokens = static_cast<std::int32_t>(std::max<std::int64_t>(tokens, 1));
    const char* key = r.contains("think_time") ? "think_time" : "think";
    if (r.contains(key) && !json_time(r, key, static_cast<int>(TimeUnit::s), turn.think, why)) return false;
    if (turn.think < 0) {
      why = std::string(key) + ": is negative";
      return false;
    }
    if (!(r.contains("hash_ids") ? parse_ids(r["hash_ids"], turn, why) : parse_runs(r, turn, ids_.size(), why)))
      return false;
    ids_.resize(turn.kept);
    for (const auto& [first, count] : turn.fresh)
      for (std::uint32_t i = 0; i < count; ++i) ids_.push_back(first + i);
    if (static_cast<std::int64_t>(ids_.size()) * out.block_tokens > in + out.block_tokens) {
      why = "in: " + std::to_string(in) + " tokens do not hold " + std::to_string(ids_.size()) + " blocks";
      return false;
    }
    out.turns.push_back(std::move(turn));
    return true;
  }

  bool parse_ids(const json& list, RecordedTurn& turn, std::string& why) const {
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), whole)) {
      why = "hash_ids: is not a list of whole numbers";
      return false;
    }
    const auto ids = list.get<std::vector<std::uint64_t>>();
    const auto same = std::mismatch(ids.begin(), ids.end(), ids_.begin(), ids_.end()).first - ids.begin();
    turn.kept = static_cast<std::uint32_t>(same);
    for (auto id = ids.begin() + same; id != ids.end(); ++id) {
      const bool follows = !turn.fresh.empty() && turn.fresh.back().first + turn.fresh.back().second == *id;
      if (follows) ++turn.fresh.back().second;
      else turn.fresh.emplace_back(*id, 1);
    }
    return true;
  }

  std::vector<std::uint64_t> ids_;  // of the request before
};

class RecordedLane final : public SessionLane {
 public:
  RecordedLane(std::shared_ptr<const std::vector<RecordedSession>> sessions, std::uint32_t index, std::int64_t stride,
               std::int64_t count)
      : sessions_(std::move(sessions)), at_(index), stride_(stride), left_(count) {}

  bool next(SessionTurn& turn) override {
    if (left_ == 0) return false;
    const RecordedSession& session = current();
    const RecordedTurn& recorded = session.turns[turn_];
    turn.pause = recorded.think;
    turn.input_tokens = recorded.input_tokens;
    turn.output_tokens = recorded.output_tokens;
    turn.edge = turn_ == 0 ? kOpensSession : 0;
    blocks_.resize(turn_ == 0 ? 0 : recorded.kept);
    for (const auto& [first, count] : recorded.fresh)
      for (std::uint32_t i = 0; i < count; ++i)
        blocks_.push_back(block_hash(static_cast<std::uint64_t>(at_), static_cast<std::int64_t>(first + i)));
    turn.hashes = blocks_;
    if (++turn_ == session.turns.size()) {
      turn.edge |= kEndsSession;
      abandon();
    }
    return true;
  }

  void abandon() override {
    if (turn_ == 0) return;  // between sessions
    turn_ = 0;
    at_ += stride_;
    --left_;
  }

 private:
  const RecordedSession& current() const { return (*sessions_)[static_cast<std::size_t>(at_) % sessions_->size()]; }

  std::shared_ptr<const std::vector<RecordedSession>> sessions_;
  std::int64_t at_, stride_, left_;
  std::size_t turn_ = 0;
  std::vector<std::uint64_t> blocks_;
};

}  // namespace

std::shared_ptr<const std::vector<RecordedSession>> read_sessions(std::istream& in, const std::string& path) {
  TraceInput input(in, path);
  auto out = std::make_shared<std::vector<RecordedSession>>();
  SessionParser parser;
  std::string why;
  for (std::string_view line; input.next_line(line);) {
    if (trimmed(line).empty()) continue;
    RecordedSession session;
    if (!parser.parse(line, session, why))
      throw UserError(path + ":" + std::to_string(input.line_number()) + ": " + why);
    out->push_back(std::move(session));
  }
  if (out->empty()) throw UserError(path + ": no session in it");
  return out;
}

std::shared_ptr<const std::vector<RecordedSession>> read_sessions(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UserError(path + ": cannot be opened for reading");
  return read_sessions(in, path);
}

std::unique_ptr<RequestSource> replay_sessions(std::shared_ptr<const std::vector<RecordedSession>> sessions,
                                               SessionPopulation population) {
  require(!sessions->empty(), "there are sessions to replay");
  if (population.max_sessions == 0 && population.duration_s == 0)
    population.max_sessions = static_cast<std::int64_t>(sessions->size());
  const std::int64_t stride = population.users;
  return make_sessions(population, [sessions, stride](std::uint32_t index, std::int64_t count) {
    return std::make_unique<RecordedLane>(sessions, index, stride, count > 0 ? count : INT64_MAX);
  });
}

SessionReuse session_reuse(const std::vector<RecordedSession>& sessions, Ns life) {
  SessionReuse out;
  out.sessions = static_cast<std::int64_t>(sessions.size());
  for (const RecordedSession& s : sessions) {
    for (std::size_t i = 0; i < s.turns.size(); ++i) {
      const RecordedTurn& t = s.turns[i];
      ++out.requests;
      out.input_tokens += t.input_tokens;
      if (i > 0 && t.think <= life)
        out.repeated_tokens += std::min<std::int64_t>(t.kept * s.block_tokens, t.input_tokens);
    }
  }
  return out;
}

}  // namespace tokenfab
