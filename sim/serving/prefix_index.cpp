#include "sim/serving/prefix_index.h"

#include "base/error.h"

namespace tokenfab {

std::int64_t PrefixIndex::match(const std::vector<std::uint64_t>& hashes) const {
  std::size_t n = 0;
  while (n < hashes.size() && pages_.count(hashes[n]) > 0) ++n;
  return static_cast<std::int64_t>(n);
}

std::int64_t PrefixIndex::unused(const std::vector<std::uint64_t>& hashes, std::int64_t count) const {
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < count; ++i) n += pages_.at(hashes[static_cast<std::size_t>(i)]).users == 0;
  return n;
}

std::int64_t PrefixIndex::acquire(std::uint64_t hash) {
  Page& page = pages_.at(hash);
  if (page.users++ == 0) unused_.erase(page.place);
  return page.id;
}

std::int64_t PrefixIndex::publish(std::uint64_t hash) {
  const auto [it, fresh] = pages_.try_emplace(hash);
  if (!fresh) return -1;
  it->second = {next_id_++, 1, unused_.end()};
  return it->second.id;
}

bool PrefixIndex::release(std::uint64_t hash) {
  Page& page = pages_.at(hash);
  require(page.users > 0, "a released prefix page was in use");
  if (--page.users > 0) return false;
  page.place = unused_.insert(unused_.end(), hash);
  return true;
}

std::int64_t PrefixIndex::evict() {
  require(!unused_.empty(), "an unused prefix page to evict");
  const auto it = pages_.find(unused_.front());
  const std::int64_t id = it->second.id;
  pages_.erase(it);
  unused_.pop_front();
  return id;
}

}  // namespace tokenfab
