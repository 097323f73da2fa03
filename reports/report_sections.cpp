#include "reports/report_sections.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/core/waterfall.h"

namespace tokenfab {

using nlohmann::json;

namespace {

json number(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

json seconds(const Histogram& h) {
  if (h.count() == 0) return {{"p50", nullptr}, {"p99", nullptr}};
  return {{"p50", h.quantile(0.5) * 1e-9}, {"p99", h.quantile(0.99) * 1e-9}};
}

const ClassStats* find_class(const RunRecord& r, int priority) {
  const auto same = [&](const ClassStats& c) { return c.priority == priority; };
  const auto found = std::find_if(r.classes.begin(), r.classes.end(), same);
  return found == r.classes.end() ? nullptr : &*found;
}

json one_class(const Replications& group, int priority) {
  Latencies all;
  double served = 0, good = 0;
  for (const RunRecord* r : group) {
    const ClassStats* c = find_class(*r, priority);
    if (!c) continue;
    served += static_cast<double>(c->served);
    good += static_cast<double>(c->good);
    for (auto part : {&Latencies::ttft, &Latencies::tpot, &Latencies::e2e, &Latencies::queue})
      (all.*part).merge(c->latency.*part);
  }
  const auto n = static_cast<double>(group.size());
  return {{"priority", priority},       {"served", served / n},      {"good", good / n},
          {"ttft", seconds(all.ttft)},  {"tpot", seconds(all.tpot)}, {"e2e", seconds(all.e2e)},
          {"queue", seconds(all.queue)}};
}

}  // namespace

json classes_section(const Replications& group) {
  std::vector<int> priorities;
  for (const RunRecord* r : group)
    for (const ClassStats& c : r->classes)
      if (std::find(priorities.begin(), priorities.end(), c.priority) == priorities.end())
        priorities.push_back(c.priority);
  std::sort(priorities.begin(), priorities.end());
  json out = json::array();
  for (const int priority : priorities) out.push_back(one_class(group, priority));
  return out;
}

json sessions_section(const Replications& group) {
  SessionStats all;
  double usd = 0;
  for (const RunRecord* r : group) {
    if (!r->sessions) return nullptr;
    all.started += r->sessions->started;
    all.finished += r->sessions->finished;
    all.requests_finished += r->sessions->requests_finished;
    all.duration.merge(r->sessions->duration);
    usd += r->cost.usd_total;
  }
  const auto n = static_cast<double>(group.size());
  const auto finished = static_cast<double>(all.finished);
  return {{"started", static_cast<double>(all.started) / n},
          {"finished", finished / n},
          {"requests_per_session", number(static_cast<double>(all.requests_finished) / finished)},
          {"duration", seconds(all.duration)},
          {"usd_per_session", number(usd / finished)}};
}

json caches_section(const Replications& group) {
  json out = json::array();
  const auto n = static_cast<double>(group.size());
  const RunRecord& first = *group.front();
  for (std::size_t p = 0; p < first.pools.size(); ++p)
    for (std::size_t level = 0; level < first.pools[p].prefix_cache.size(); ++level) {
      double hits = 0, looked_up = 0, read = 0, written = 0;
      for (const RunRecord* r : group) {
        const CacheLevelUsage& u = r->pools[p].prefix_cache[level];
        hits += static_cast<double>(u.hit_tokens);
        looked_up += static_cast<double>(r->pools[p].prompt_tokens_looked_up);
        read += u.read_bytes, written += u.written_bytes;
      }
      out.push_back({{"pool", first.pools[p].name},
                     {"level", first.pools[p].prefix_cache[level].level},
                     {"hit_share", number(hits / looked_up)},
                     {"read_bytes", read / n},
                     {"written_bytes", written / n}});
    }
  return out;
}

json stack_section(const std::vector<RunRecord>& runs) {
  json out = json::array();
  const auto steps = waterfall(runs);
  if (steps.empty()) return out;
  const double base = steps.front().usd_per_mtok * steps.front().total;
  out.push_back({{"name", kStackBase}, {"usd", base}, {"alone", nullptr}, {"in_stack", nullptr}, {"total", 1.0}});
  for (const WaterfallStep& s : steps)
    out.push_back({{"name", s.name},
                   {"usd", number(s.usd_per_mtok)},
                   {"alone", s.gain_alone > 0 ? number(s.gain_alone) : json(nullptr)},
                   {"in_stack", number(s.gain_in_stack)},
                   {"total", number(s.total)}});
  return out;
}

json infeasible_section(const std::vector<InfeasibleAlternative>& refused) {
  json out = json::array();
  for (const auto& r : refused) out.push_back({{"study", r.study}, {"name", r.alternative}, {"reason", r.reason}});
  return out;
}

}  // namespace tokenfab
