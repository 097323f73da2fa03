#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "sim/workload/mix.h"
#include "sim/workload/sessions.h"

namespace tokenfab {
namespace {

constexpr std::uint64_t kSharedPrompt = 1;

/// The laws of a SessionSpec, shared by its lanes.
struct Laws {
  explicit Laws(const SessionSpec& s)
      : spec(s),
        turns(make_lengths(s.turns, "turns")),
        first(make_lengths(s.first_prompt, "first_prompt_tokens")),
        more(make_lengths(s.new_tokens, "new_tokens")),
        output(make_lengths(s.output, "output_tokens")),
        think(s.think_ms ? make_lengths(*s.think_ms, "think_ms") : nullptr) {
    for (const auto& [name, tokens] :
         {std::pair{"shared_prompt_tokens", s.shared_prompt_tokens},
          std::pair{"max_context_tokens", s.max_context_tokens}, std::pair{"block_tokens", s.block_tokens}})
      if (tokens < 0 || tokens > kMaxTokens)
        throw UserError(std::string("sessions: ") + name + " is " + std::to_string(tokens) + "; it must be in 0.." +
                        std::to_string(kMaxTokens));
  }
  SessionSpec spec;
  std::unique_ptr<LengthSampler> turns, first, more, output, think;
};

class GeneratedLane final : public SessionLane {
 public:
  GeneratedLane(std::shared_ptr<const Laws> laws, std::uint32_t index, std::int64_t sessions)
      : laws_(std::move(laws)),
        index_(index),
        sessions_left_(sessions > 0 ? sessions : INT64_MAX),
        turns_random_(stream(StreamPurpose::session_turns)),
        input_random_(stream(StreamPurpose::input_length)),
        output_random_(stream(StreamPurpose::output_length)),
        think_random_(stream(StreamPurpose::think_time)) {
    prepare();
  }

  bool next(SessionTurn& turn) override {
    if (!has_upcoming_) return false;
    turn.pause = upcoming_.pause;
    turn.input_tokens = upcoming_.input_tokens;
    turn.output_tokens = upcoming_.output_tokens;
    turn.edge = upcoming_.edge;
    hash(turn);
    prepare();
    if (!has_upcoming_ || (upcoming_.edge & kOpensSession)) turn.edge |= kEndsSession;
    return true;
  }

  void abandon() override {
    while (has_upcoming_ && (upcoming_.edge & kOpensSession) == 0) prepare();
  }

 private:
  RandomStream stream(StreamPurpose purpose) const {
    const SessionPopulation& p = laws_->spec.population;
    return {p.seed, p.replication, purpose, index_ + 1};
  }

  /// Draws the request after upcoming_.
  void prepare() {
    const std::int64_t more = turns_left_ > 0 ? laws_->more->quantile(input_random_.uniform()) : 0;
    const std::int64_t prompt = context_ + more;
    upcoming_.output_tokens = laws_->output->quantile(output_random_.uniform());
    upcoming_.pause = laws_->think ? Ns{1'000'000} * laws_->think->quantile(think_random_.uniform()) : 0;
    if (turns_left_ > 0 && fits(prompt + upcoming_.output_tokens)) return keep(prompt, 0);
    has_upcoming_ = sessions_left_ > 0;
    if (!has_upcoming_) return;
    --sessions_left_;
    ++session_;
    turns_left_ = laws_->turns->quantile(turns_random_.uniform());
    keep(laws_->spec.shared_prompt_tokens + laws_->first->quantile(input_random_.uniform()), kOpensSession);
  }

  bool fits(std::int64_t context) const {
    const std::int64_t most = laws_->spec.max_context_tokens;
    return context <= (most > 0 ? most : kMaxTokens);
  }

  void keep(std::int64_t prompt, std::uint8_t edge) {
    upcoming_.input_tokens = static_cast<std::int32_t>(std::min(prompt, 2 * kMaxTokens));
    upcoming_.edge = edge;
    context_ = prompt + upcoming_.output_tokens;
    --turns_left_;
  }

  void hash(SessionTurn& turn) const {
    turn.hashes.clear();
    const SessionSpec& s = laws_->spec;
    if (s.block_tokens == 0) return;
    const std::uint64_t own = mix64(mix64(s.population.seed) ^ s.population.replication) ^
                              mix64((static_cast<std::uint64_t>(index_) << 32) + static_cast<std::uint64_t>(session_));
    for (std::int64_t i = 0; (i + 1) * s.block_tokens <= turn.input_tokens; ++i)
      turn.hashes.push_back(block_hash((i + 1) * s.block_tokens <= s.shared_prompt_tokens ? kSharedPrompt : own, i));
  }

  std::shared_ptr<const Laws> laws_;
  std::uint32_t index_;
  std::int64_t sessions_left_, session_ = 0, turns_left_ = 0, context_ = 0;
  RandomStream turns_random_, input_random_, output_random_, think_random_;
  SessionTurn upcoming_;
  bool has_upcoming_ = true;
};

}  // namespace

std::unique_ptr<RequestSource> make_sessions(const SessionSpec& spec) {
  const auto laws = std::make_shared<const Laws>(spec);
  return make_sessions(spec.population, [laws](std::uint32_t index, std::int64_t sessions) {
    return std::make_unique<GeneratedLane>(laws, index, sessions);
  });
}

}  // namespace tokenfab
