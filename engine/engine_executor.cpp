#include "engine/engine_executor.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "base/error.h"

namespace tokenfab::engine {

using kernels::Tensor;

EngineExecutor::EngineExecutor(Model& model, std::unique_ptr<Drafter> drafter, PromptSource prompts,
                               const EngineOptions& options, EngineRecord& record)
    : model_(model), drafter_(std::move(drafter)), prompts_(std::move(prompts)), options_(options), record_(record) {}

void EngineExecutor::attach(Batcher& batcher) {
  batcher_ = &batcher;
  const BatcherSpec& spec = batcher.spec();
  require(spec.log_kv && spec.policy != "static", "an engine follows a batcher that logs its pages and does not pad");
  require(spec.kv_blocks <= model_.capacity().pages && spec.kv_block_tokens == model_.capacity().page_tokens,
          "the batcher's KV blocks are the model's pages");
  pages_ = std::make_unique<KvPages>(spec.kv_blocks, spec.kv_block_tokens);
  sampler_ = std::make_unique<Sampler>(model_.backend(), model_.capacity().outputs, std::max(options_.max_draft, 1));
}

void EngineExecutor::accepted(Slot slot, std::int64_t request) {
  if (slot >= running_.size()) running_.resize(slot + 1);
  std::vector<std::int32_t> prompt = prompts_(request);
  const Sequence& s = batcher_->sequence(slot);
  require(static_cast<std::int64_t>(prompt.size()) == s.input, "a prompt has its request's input tokens");
  if (batcher_->spec().prefix_cache) {
    const std::int32_t page = batcher_->spec().kv_block_tokens;
    std::vector<std::uint64_t> hashes;
    std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a over token ids, chained from page to page
    for (std::size_t i = 0; i < prompt.size(); ++i) {
      hash = (hash ^ static_cast<std::uint32_t>(prompt[i])) * 0x100000001b3ull;
      if ((i + 1) % static_cast<std::size_t>(page) == 0) hashes.push_back(hash);
    }
    batcher_->set_prefix(slot, std::move(hashes));
  }
  running_[slot] = {request, static_cast<std::int64_t>(prompt.size()), std::move(prompt)};
}

float EngineExecutor::draw(Slot slot, std::int64_t ahead) const {
  const Running& r = running_[slot];
  return uniform_draw(options_.seed, r.request, static_cast<std::int64_t>(r.tokens.size()) + ahead, Draw::token);
}

Progress EngineExecutor::run(const StepPlan& plan, Ticks start, Ns until) {
  (void)until;
  if (plan.serial == serial_) return progress_;  // asked again about a step that is over
  serial_ = plan.serial;
  require(plan.repeats == 1, "an engine runs one step at a time");
  const Clock::time_point now = Clock::now();
  if (!started_) origin_ = now, started_ = true;
  if (options_.real_time) std::this_thread::sleep_until(origin_ + std::chrono::nanoseconds(floor_ns(start)));
  // Work between back-to-back steps (batcher, accounts) belongs to the later one.
  const Clock::time_point begin = start == last_end_ ? last_clock_ : Clock::now();
  step();
  const Clock::time_point end = Clock::now();
  const auto since = [](Clock::time_point a, Clock::time_point b) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(b - a).count();
  };
  progress_.steps = 1;
  progress_.end = options_.real_time ? std::max(start + 1, ticks_from_ns(since(origin_, end)))
                                     : start + ticks_from_ns(std::max<Ns>(1, since(begin, end)));
  StepRecord& log = record_.steps.emplace_back();
  log.start_s = seconds_from_ticks(start);
  log.elapsed_s = seconds_from_ticks(progress_.end - start);
  log.elapsed_ns = floor_ns(progress_.end - start);
  log.sums = plan.sums;
  for (const Draft& d : drafts_) log.draft_tokens += static_cast<std::int64_t>(d.tokens.size());
  for (const auto& [slot, extra] : gains_) log.accepted_tokens += extra;
  last_end_ = progress_.end;
  last_clock_ = end;
  return progress_;
}

void EngineExecutor::committed(const StepPlan&, std::int64_t) {
  for (const auto& [slot, extra] : gains_) batcher_->gain(slot, extra);
  gains_.clear();
  record_.reused_tokens = batcher_->reused_tokens();
}

void EngineExecutor::step() {
  move_pages();
  decodes_ = decoding();
  drafts_.assign(decodes_.size(), {});
  if (drafter_ && !decodes_.empty()) drafts_ = drafter_->draft(decodes_);
  const bool trees = std::any_of(drafts_.begin(), drafts_.end(), [](const Draft& d) { return !d.parent.empty(); });
  StepBatch batch(model_.capacity().page_tokens);
  if (trees) {
    decode_trees(batch);
    if (!batch.empty()) take_trees(model_.forward(batch));
    batch = StepBatch(model_.capacity().page_tokens);
    decodes_.clear();
  } else {
    decode(batch);
  }
  prefill(batch);
  const std::int64_t counted = batcher_->kv().free() - batcher_->unused_known_pages();
  require(drafter_ ? pages_->free() >= counted : pages_->free() == counted, "free pages = the batcher's free blocks");
  if (batch.empty()) return;
  const Tensor logits = model_.forward(batch);
  if (drafter_ && !decodes_.empty()) take_chains(logits);
  else take_samples(logits);
}

void EngineExecutor::move_pages() {
  for (const KvPages::Copy& copy : pages_->apply(batcher_->take_kv_events())) {
    const std::int32_t page = model_.capacity().page_tokens;
    std::vector<std::int64_t> from(static_cast<std::size_t>(page)), to(from.size());
    std::iota(from.begin(), from.end(), static_cast<std::int64_t>(copy.from) * page);
    std::iota(to.begin(), to.end(), static_cast<std::int64_t>(copy.to) * page);
    model_.copy_cache(from, to);
    if (drafter_) drafter_->copied(copy.from, copy.to);
    ++record_.copied_pages;
  }
}

std::vector<DraftRequest> EngineExecutor::decoding() {
  std::vector<DraftRequest> requests;
  batcher_->each_decoding([&](Slot slot, std::int64_t cached) {
    const Running& r = running_[slot];
    require(cached + 1 == static_cast<std::int64_t>(r.tokens.size()),
            "a decoding sequence lacks one token in its cache");
    const std::int64_t left = batcher_->sequence(slot).output - (cached + 1 - r.prompt);
    const auto most = static_cast<std::int32_t>(std::min<std::int64_t>(options_.max_draft, left - 1));
    const auto& table = pages_->table(slot, cached + 1 + (most > 0 ? batcher_->spec().draft_tokens : 0));
    requests.push_back({slot, r.request, &r.tokens, std::max(most, 0), &table});
  });
  return requests;
}

void EngineExecutor::decode(StepBatch& batch) {
  for (std::size_t i = 0; i < decodes_.size(); ++i) {
    const DraftRequest& r = decodes_[i];
    std::vector<std::int32_t> tokens{r.tokens->back()};
    tokens.insert(tokens.end(), drafts_[i].tokens.begin(), drafts_[i].tokens.end());
    batch.add(tokens, static_cast<std::int64_t>(r.tokens->size()) - 1, *r.pages, StepBatch::Outputs::all);
  }
}

void EngineExecutor::decode_trees(StepBatch& batch) {
  for (std::size_t i = 0; i < decodes_.size(); ++i) {
    const DraftRequest& r = decodes_[i];
    std::vector<std::int32_t> tokens{r.tokens->back()}, parent{-1};
    tokens.insert(tokens.end(), drafts_[i].tokens.begin(), drafts_[i].tokens.end());
    for (const std::int32_t p : drafts_[i].parent) parent.push_back(p + 1);
    batch.add_tree(tokens, parent, static_cast<std::int64_t>(r.tokens->size()) - 1, *r.pages);
  }
}

void EngineExecutor::prefill(StepBatch& batch) {
  finishing_.clear();
  StepBatch alone(model_.capacity().page_tokens);
  std::vector<Slot> slots;
  for (const Batcher::Chunk& chunk : batcher_->chunks()) {
    const std::vector<std::int32_t>& tokens = running_[chunk.slot].tokens;
    const std::int64_t end = chunk.from + chunk.tokens;
    const bool last = end == static_cast<std::int64_t>(tokens.size());
    const std::vector<std::int32_t> run(tokens.begin() + chunk.from, tokens.begin() + end);
    const std::vector<std::int32_t>& table = pages_->table(chunk.slot, end);
    const auto outputs = last ? StepBatch::Outputs::last : StepBatch::Outputs::none;
    batch.add(run, chunk.from, table, outputs);
    if (last) finishing_.push_back(chunk.slot);
    if (drafter_) alone.add(run, chunk.from, table, outputs), slots.push_back(chunk.slot);
  }
  if (!slots.empty()) drafter_->prefilled(alone, slots);
}

void EngineExecutor::append(Slot slot, const std::int32_t* tokens, std::int64_t count) {
  Running& r = running_[slot];
  r.tokens.insert(r.tokens.end(), tokens, tokens + count);
  std::vector<std::int32_t>& output = record_.outputs[r.request];
  output.assign(r.tokens.begin() + r.prompt, r.tokens.end());
}

/// One token for each row of logits: decoding sequences first, then finished prompts.
void EngineExecutor::take_samples(const Tensor& logits) {
  std::vector<Slot> slots;
  for (const DraftRequest& r : decodes_) slots.push_back(r.slot);
  slots.insert(slots.end(), finishing_.begin(), finishing_.end());
  if (slots.empty()) return;
  std::vector<float> uniform;
  for (const Slot slot : slots) uniform.push_back(draw(slot, 0));
  const std::vector<std::int32_t> ids = sampler_->sample(logits, options_.temperature, uniform);
  for (std::size_t i = 0; i < slots.size(); ++i) append(slots[i], &ids[i], 1);
}

void EngineExecutor::count(std::size_t drafted, std::size_t kept) {
  if (drafted == 0) return;
  Acceptance& a = record_.acceptance;
  const std::size_t tried = std::min(drafted, kept + 1);
  if (a.tried.size() < drafted) a.tried.resize(drafted), a.kept.resize(drafted);
  for (std::size_t i = 0; i < tried; ++i) ++a.tried[i];
  for (std::size_t i = 0; i < kept; ++i) ++a.kept[i];
  ++a.steps;
  a.tokens += static_cast<std::int64_t>(kept) + 1;
}

void EngineExecutor::take_chains(const Tensor& logits) {
  std::vector<std::int32_t> row;
  std::vector<std::vector<std::int32_t>> drafts;
  std::vector<float> uniform;
  std::int32_t next = 0;
  for (std::size_t i = 0; i < decodes_.size(); ++i) {
    row.push_back(next);
    drafts.push_back(drafts_[i].tokens);
    next += 1 + static_cast<std::int32_t>(drafts_[i].tokens.size());
    for (std::int32_t ahead = 0; ahead <= options_.max_draft; ++ahead) uniform.push_back(draw(decodes_[i].slot, ahead));
  }
  const Sampler::Verified v =
      sampler_->verify(logits, options_.temperature, row, drafts, drafter_->probabilities(), uniform);
  // The prompts' rows follow; their ids are drawn before the sequences above grow.
  Tensor rest = logits;
  rest.data = logits.as<float>() + next * logits.stride;
  rest.rows = logits.rows - next;
  const std::vector<DraftRequest> decodes = std::exchange(decodes_, {});
  if (rest.rows > 0) take_samples(rest);
  for (std::size_t i = 0; i < decodes.size(); ++i) {
    const auto length = static_cast<std::int64_t>(decodes[i].tokens->size());
    const std::int32_t kept = v.accepted[i];
    append(decodes[i].slot, v.tokens.data() + static_cast<std::int64_t>(i) * (options_.max_draft + 1), kept + 1);
    pages_->trim(decodes[i].slot, length + kept);
    drafter_->settled(decodes[i].slot, length, static_cast<std::int64_t>(drafts[i].size()), kept);
    gains_.emplace_back(decodes[i].slot, kept);
    count(drafts[i].size(), static_cast<std::size_t>(kept));
  }
}

void EngineExecutor::take_trees(const Tensor& logits) {
  const std::vector<std::int32_t> ids = sampler_->sample(logits, 0, {});
  std::int64_t row = 0;
  for (std::size_t i = 0; i < decodes_.size(); ++i) {
    keep_path(i, ids, row);
    row += 1 + static_cast<std::int64_t>(drafts_[i].tokens.size());
  }
}

/// Walks from the root to the child that holds the target's own choice, as long as there is one.
void EngineExecutor::keep_path(std::size_t sequence, const std::vector<std::int32_t>& ids, std::int64_t row) {
  const DraftRequest& r = decodes_[sequence];
  const Draft& draft = drafts_[sequence];
  const auto length = static_cast<std::int64_t>(r.tokens->size());
  std::vector<std::int32_t> chosen;
  std::vector<std::int64_t> from, to;
  std::int64_t chain = 0;
  std::int32_t node = -1;
  for (bool found = true; found;) {
    const std::int32_t want = ids[static_cast<std::size_t>(row + 1 + node)];
    chosen.push_back(want);
    found = false;
    for (std::size_t child = 0; child < draft.tokens.size() && !found; ++child) {
      if (draft.parent[child] != node || draft.tokens[child] != want) continue;
      found = true;
      node = static_cast<std::int32_t>(child);
    }
    if (!found) break;
    const std::int64_t position = length - 1 + static_cast<std::int64_t>(chosen.size()), lies = length + node;
    if (lies == position) {
      chain = static_cast<std::int64_t>(chosen.size());
    } else {
      const StepBatch places(model_.capacity().page_tokens);
      from.push_back(places.slot(lies, *r.pages));
      to.push_back(places.slot(position, *r.pages));
    }
  }
  if (!from.empty()) model_.copy_cache(from, to);
  const auto kept = static_cast<std::int32_t>(chosen.size()) - 1;
  const auto depth = static_cast<std::int64_t>(
      std::count_if(draft.parent.begin(), draft.parent.end(),
                    [i = std::int32_t{-1}](std::int32_t p) mutable { return p == i ? (++i, true) : false; }));
  append(r.slot, chosen.data(), kept + 1);
  pages_->trim(r.slot, length + kept);
  drafter_->settled(r.slot, length, depth, chain);
  gains_.emplace_back(r.slot, kept);
  count(static_cast<std::size_t>(depth), static_cast<std::size_t>(kept));
}

}  // namespace tokenfab::engine
