#include "engine/kv_pages.h"

#include "base/error.h"

namespace tokenfab::engine {
namespace {
constexpr std::int32_t kNoPage = -1;
}

KvPages::KvPages(std::int64_t pages, std::int32_t page_tokens)
    : page_tokens_(page_tokens), is_known_(static_cast<std::size_t>(pages)) {
  for (std::int64_t p = pages - 1; p >= 0; --p) free_.push_back(static_cast<std::int32_t>(p));
}

std::vector<std::int32_t>& KvPages::of(Slot slot) {
  if (slot >= tables_.size()) tables_.resize(slot + 1);
  return tables_[slot];
}

std::int32_t KvPages::take() {
  require(!free_.empty(), "the engine has the pages that the batcher counts");
  const std::int32_t page = free_.back();
  free_.pop_back();
  return page;
}

std::vector<KvPages::Copy> KvPages::apply(const std::vector<KvEvent>& events) {
  std::vector<Copy> copies;
  std::vector<std::int32_t> freed;  // reusable once every event is carried out: a copy may still read them
  std::vector<std::size_t> late;    // copies that had to wait for such a page
  for (const KvEvent& e : events) {
    switch (e.kind) {
      case KvEvent::Kind::reuse:
        require(static_cast<std::int64_t>(of(e.slot).size()) == e.page, "prefix pages come in order");
        of(e.slot).push_back(known_.at(e.id));
        break;
      case KvEvent::Kind::copy: {
        if (free_.empty()) late.push_back(copies.size());
        copies.push_back({known_.at(e.id), free_.empty() ? kNoPage : take(), e.slot});
        of(e.slot).push_back(copies.back().to);
        break;
      }
      case KvEvent::Kind::publish: {
        const std::int32_t page = of(e.slot)[static_cast<std::size_t>(e.page)];
        known_[e.id] = page;
        is_known_[static_cast<std::size_t>(page)] = true;
        break;
      }
      case KvEvent::Kind::evict:
        freed.push_back(known_.at(e.id));
        is_known_[static_cast<std::size_t>(known_.at(e.id))] = false;
        known_.erase(e.id);
        break;
      case KvEvent::Kind::drop:
        for (const std::int32_t page : of(e.slot))
          if (!is_known_[static_cast<std::size_t>(page)]) freed.push_back(page);
        of(e.slot).clear();
        break;
    }
  }
  for (const std::int32_t page : freed) give(page);
  for (const std::size_t i : late) of(copies[i].slot).back() = copies[i].to = take();
  return copies;
}

const std::vector<std::int32_t>& KvPages::table(Slot slot, std::int64_t tokens) {
  std::vector<std::int32_t>& pages = of(slot);
  while (static_cast<std::int64_t>(pages.size()) * page_tokens_ < tokens) pages.push_back(take());
  return pages;
}

void KvPages::trim(Slot slot, std::int64_t tokens) {
  std::vector<std::int32_t>& pages = of(slot);
  while (!pages.empty() && (static_cast<std::int64_t>(pages.size()) - 1) * page_tokens_ >= tokens) {
    give(pages.back());
    pages.pop_back();
  }
}

}  // namespace tokenfab::engine
