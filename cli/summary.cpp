#include "cli/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/text.h"
#include "cli/cost_detail.h"
#include "cli/fleet_notes.h"
#include "cli/pnl.h"
#include "cli/shown.h"
#include "cli/waterfall.h"
#include "sim/core/same_inputs.h"

namespace tokenfab::cli {
namespace {

using Read = std::function<double(const RunRecord&)>;

struct Line {
  const char* label;
  const char* format;  // one fmt replacement field
  Read read;
  const char* band = nullptr;  // its metric in Bands
  double unit = 1;             // what one unit of that metric is here
};

double chips(const RunRecord& r) {
  double n = 0;
  for (const auto& p : r.pools) n += p.chips;
  return n;
}

double per_s(const RunRecord& r, std::int64_t n) {
  return r.makespan_s > 0 ? static_cast<double>(n) / r.makespan_s : NAN;
}

/// Do not exist where no request was served.
double quantile(const Histogram& h, double p) { return h.count() > 0 ? h.quantile(p) : NAN; }
double mean(const Histogram& h) { return h.count() > 0 ? h.mean() : NAN; }

const std::vector<Line>& lines() {
  static const std::vector<Line> all = {
      {"requests served", "{:.0f}", [](const auto& r) { return static_cast<double>(r.served); }},
      {"requests rejected", "{:.0f}", [](const auto& r) { return static_cast<double>(r.rejected); }},
      {"input tokens", "{:.0f}", [](const auto& r) { return static_cast<double>(r.input_served); }},
      {"output tokens", "{:.0f}", [](const auto& r) { return static_cast<double>(r.output_served); }},
      {"makespan, s", "{:.1f}", [](const auto& r) { return r.makespan_s; }},
      {"output tokens/s", "{:.1f}", [](const auto& r) { return per_s(r, r.output_served); }, "throughput_tok_s"},
      {"good requests/s (all SLOs)", "{:.3f}", [](const auto& r) { return per_s(r, r.good_requests); }},
      {"TTFT p50, s", "{:.4f}", [](const auto& r) { return quantile(r.latency.ttft, 0.5) * 1e-9; }, "ttft_s.p50"},
      {"TTFT p99, s", "{:.4f}", [](const auto& r) { return quantile(r.latency.ttft, 0.99) * 1e-9; }, "ttft_s.p99"},
      {"TPOT p50, ms", "{:.2f}", [](const auto& r) { return quantile(r.latency.tpot, 0.5) * 1e-6; }, "tpot_s.p50", 1e3},
      {"TPOT p99, ms", "{:.2f}", [](const auto& r) { return quantile(r.latency.tpot, 0.99) * 1e-6; }, "tpot_s.p99",
       1e3},
      {"E2E mean, s", "{:.3f}", [](const auto& r) { return mean(r.latency.e2e) * 1e-9; }, "e2e_s.mean"},
      {"E2E p50, s", "{:.3f}", [](const auto& r) { return quantile(r.latency.e2e, 0.5) * 1e-9; }},
      {"E2E p99, s", "{:.3f}", [](const auto& r) { return quantile(r.latency.e2e, 0.99) * 1e-9; }},
      {"chips", "{:.0f}", chips},
      {"busy share of paid time", "{:.3f}", [](const auto& r) { return r.cost.utilisation_time; }},
      {"cost, USD", "{:.4f}", [](const auto& r) { return r.cost.usd_total; }},
      {"USD per M tokens (in + out)", "{:.4f}", [](const auto& r) { return r.cost.usd_per_mtok; }, "cost.usd_per_mtok"},
      {"USD per M input tokens", "{:.4f}", [](const auto& r) { return r.cost.usd_per_mtok_in; },
       "cost.usd_per_mtok_in"},
      {"USD per M output tokens", "{:.4f}", [](const auto& r) { return r.cost.usd_per_mtok_out; },
       "cost.usd_per_mtok_out"},
      {"energy, kWh at the chips", "{:.3f}", [](const auto& r) { return r.cost.energy_j / 3.6e6; }},
      {"carbon, gCO2e", "{:.1f}", [](const auto& r) { return r.cost.carbon_operational_g + r.cost.carbon_embodied_g; }},
  };
  return all;
}

using Group = Summary::Group;

std::string cell(const Line& line, const Group& group, double sum) {
  const double mean = sum / group.runs;
  if (!std::isfinite(mean)) return "-";
  const auto text = [&](double value) { return shown(fmt::runtime(line.format), value); };
  const Band* band = line.band ? group.first.bands.find(line.band) : nullptr;
  if (!band) return text(mean);
  const char* whose = group.runs > 1 ? "first: " : "";  // the band of the first replication, which is not the mean
  return shown("{} ({}{}–{})", text(mean), whose, text(line.unit * band->low), text(line.unit * band->high));
}

std::string percent(double share) { return shown("{:.3g} %", 100 * share); }

std::string trust(const RunRecord& r) {
  std::string out;
  for (const PoolUsage& p : r.pools) {
    const PoolTrust& t = p.trust;
    out += shown("{}, {}: {}", r.alternative, p.name, t.grade);
    if (!t.calibration.empty()) out += " (" + t.calibration + ")";
    out += t.typical > 0
               ? shown("; step times typically off by {}, band \u00b1 {}\n", percent(t.typical), percent(t.band))
               : "; error of step times not measured\n";
  }
  for (const Assumption& a : r.assumptions)
    if (a.what == kExtrapolation) out += shown("  extrapolation: {}\n", a.value);
  return out;
}

std::string margin_band(const Bands& bands) {
  const Band* margin = bands.find("cost.plan.margin");
  return margin ? shown(" ({:.1f} to {:.1f})", 100 * margin->low, 100 * margin->high) : "";
}

std::string band_note(const Group& group) {
  const Bands& bands = group.first.bands;
  if (bands.of.empty()) return "none, " + bands.basis;
  return "(low–high), " + bands.basis + (group.runs > 1 ? "; of the first replication" : "");
}

/// One line where all alternatives have the same to say.
std::string band_notes(const std::vector<Group>& groups) {
  const std::string first = band_note(groups.front());
  if (std::all_of(groups.begin(), groups.end(), [&](const auto& g) { return band_note(g) == first; }))
    return "Bands: " + first + "\n";
  std::string out;
  for (const auto& g : groups) out += shown("Bands of {}: {}\n", g.first.alternative, band_note(g));
  return out;
}

bool varies(const Bands& bands) {
  const Band* saturated = bands.find("saturated");
  return saturated && saturated->low < saturated->high;
}

std::string prefix_cache_note(const RunRecord& r) {
  std::string out;
  for (const PoolUsage& p : r.pools) {
    if (p.prefix_cache.empty() || p.prompt_tokens_looked_up == 0) continue;
    const auto share = [&](std::int64_t tokens) {
      return shown("{:.1f} %", 100 * static_cast<double>(tokens) / static_cast<double>(p.prompt_tokens_looked_up));
    };
    std::int64_t hits = 0;
    std::string each;
    for (const CacheLevelUsage& level : p.prefix_cache) {
      hits += level.hit_tokens;
      each += shown("{}{} {}", each.empty() ? "" : ", ", level.level, share(level.hit_tokens));
    }
    out +=
        shown("\n{}, {}: prefix cache: {} of the prompt tokens found ({})\n", r.alternative, p.name, share(hits), each);
  }
  return out;
}

std::string sessions_note(const RunRecord& r) {
  const SessionStats& s = *r.sessions;
  std::string out = shown("\n{}: {} of {} sessions finished", r.alternative, s.finished, s.started);
  if (s.finished == 0) return out + "\n";
  const auto n = static_cast<double>(s.finished);
  return out +
         shown(", {:.1f} requests each; duration mean {:.1f} s, p50 {:.1f} s, p99 {:.1f} s; ${:.4g} per session\n",
               static_cast<double>(s.requests_finished) / n, s.duration.mean() * 1e-9, s.duration.quantile(0.5) * 1e-9,
               s.duration.quantile(0.99) * 1e-9, r.cost.usd_total / n);
}

std::string classes_note(const RunRecord& r) {
  std::string out = "\n";
  for (const ClassStats& c : r.classes) {
    const auto seconds = [](const Histogram& h, double q) { return h.quantile(q) * 1e-9; };
    out += shown(
        "{}, priority {}: {} served, {} within all SLOs, {} output tokens; TTFT p50 {:.3f} s, p99 {:.3f} s; "
        "E2E p50 {:.2f} s, p99 {:.2f} s\n",
        r.alternative, c.priority, c.served, c.good, c.output_tokens, seconds(c.latency.ttft, 0.5),
        seconds(c.latency.ttft, 0.99), seconds(c.latency.e2e, 0.5), seconds(c.latency.e2e, 0.99));
  }
  return out;
}

std::string transfers_note(const RunRecord& r) {
  std::string out;
  for (const PoolUsage& p : r.pools)
    if (p.swapped_blocks > 0 || p.variant_loads > 0)
      out += shown("\n{}, {}: {} KV blocks swapped, {} variants loaded, in {:.3f} replica-seconds\n", r.alternative,
                   p.name, p.swapped_blocks, p.variant_loads, p.transfer_seconds);
  return out;
}

double percent_of(std::int64_t part, std::int64_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

constexpr std::size_t kSideBySide = 6;

std::string load_note(const RunRecord& r) {
  const Capacity& c = r.capacity;
  if (!c.known())
    return c.how.empty() ? "" : shown("{}: load and break-even load: capacity not known: {}\n", r.alternative, c.how);
  if (std::isnan(r.cost.load))
    return shown("{}: load not known from one request; capacity {:.4g} requests/s\n", r.alternative, c.low_rps);
  std::string out = shown("{}: load {:.1f} % of capacity ({:.4g} requests/s kept, {:.4g} too much)", r.alternative,
                          100 * r.cost.load, c.low_rps, c.high_rps);
  const double at = r.cost.break_even_utilisation;
  const bool not_known = std::any_of(r.assumptions.begin(), r.assumptions.end(), [](const Assumption& a) {
    return a.what == kPlanNote && a.why.starts_with("break-even at other volumes is not known");
  });
  if (not_known) return out + "\n";
  if (std::isnan(at)) return out + "; does not break even, not even when full\n";
  return out +
         (at == 0 ? "; pays for itself at any load\n" : shown("; breaks even at {:.1f} % of capacity\n", 100 * at));
}

std::string plan_note(const RunRecord& r) {
  const CostSummary& c = r.cost;
  std::string out = shown("\n{}: revenue ${:.2f}", r.alternative, c.revenue_usd);
  // A provider's margins stand in its statement, after what it gives away.
  if (!r.pnl)
    out +=
        c.revenue_usd > 0 ? shown(", margin {:.1f} % of price{}", 100 * c.margin, margin_band(r.bands)) : ", margin -";
  if (std::isfinite(c.break_even_price_factor))
    out += shown(", break-even at {:.3g} x the plan's prices", c.break_even_price_factor);
  else out += ", break-even at no multiple of the plan's prices";
  return out + "\n" + load_note(r);
}

/// Runs whose latencies may be those of a start and an end alone.
std::string steadiness_note(const std::vector<Group>& groups) {
  std::string names;
  std::size_t count = 0;
  for (const Group& g : groups)
    if (g.first.steadiness == Steadiness::unknown) ++count, names += (names.empty() ? "" : ", ") + g.first.alternative;
  if (count == 0) return "";
  if (count > kSideBySide) names = shown("{} of {} alternatives", count, groups.size());
  return "\nToo short to tell whether the load is steady: " + names + "\n";
}

std::string notes(const RunRecord& r) {
  std::string out = prefix_cache_note(r) + transfers_note(r);
  if (!r.classes.empty()) out += classes_note(r);
  if (r.sessions) out += sessions_note(r);
  out += fleet_note(r);
  if (r.saturated)
    out += shown(
        "\n{}: SATURATED: the waiting queue grows by {:.3g} requests per second; latencies are of this finite run,\n"
        "not of a steady state, and grow with its length.\n",
        r.alternative, r.backlog_slope_per_s);
  if (varies(r.bands))
    out += shown("\n{}: within the error of its step times it may {}be saturated\n", r.alternative,
                 r.saturated ? "not " : "");
  if (r.rejected_too_long > 0)
    out += shown(
        "\n{}: {} of the rejected requests are longer than the model's context, the KV cache or the token "
        "budget\n",
        r.alternative, r.rejected_too_long);
  if (r.spending && r.spending->calls > 0)
    out +=
        shown("\n{}: ceiling per interaction: of {} calls {:.1f} % refused, {:.1f} % truncated; most spent ${:.4g}\n",
              r.alternative, r.spending->calls, percent_of(r.spending->refused, r.spending->calls),
              percent_of(r.spending->truncated, r.spending->calls), r.spending->most_usd);
  for (const Assumption& a : r.assumptions)
    if (a.what == kPlanNote || a.what.starts_with(kTraceNote))
      out += shown("\n{}: {}{}{}\n", r.alternative, a.what, a.value.empty() ? "" : ": " + a.value,
                   a.why.empty() ? "" : ": " + a.why);
  if (r.cost.has_plan) out += plan_note(r);
  if (r.pnl) out += "\n" + r.alternative + ": " + pnl_text(*r.pnl);
  return out;
}

/// Columns of the table with a row per alternative, for more of them than fit side by side.
const std::vector<Line>& columns() {
  static const std::vector<Line> all = {
      {"chips", "{:.0f}", chips},
      {"good share", "{:.3f}", [](const auto& r) { return r.cost.goodput_share; }},
      {"TTFT p50, s", "{:.3f}", [](const auto& r) { return quantile(r.latency.ttft, 0.5) * 1e-9; }},
      {"TPOT p50, ms", "{:.2f}", [](const auto& r) { return quantile(r.latency.tpot, 0.5) * 1e-6; }},
      {"tokens/s a user", "{:.1f}", [](const auto& r) { return 1e9 / quantile(r.latency.tpot, 0.5); }},
      {"tokens/s a chip", "{:.2f}", [](const auto& r) { return per_s(r, r.output_served) / chips(r); }},
      {"J a token", "{:.3f}", [](const auto& r) { return r.cost.energy_j / static_cast<double>(r.output_served); }},
      {"USD per M tokens", "{:.4f}", [](const auto& r) { return r.cost.usd_per_mtok; }},
      {"step times +/-, %", "{:.0f}",
       [](const auto& r) {
         double band = NAN;
         for (const auto& p : r.pools)
           if (p.trust.band > 0) band = std::isnan(band) ? p.trust.band : std::max(band, p.trust.band);
         return 100 * band;
       }},
  };
  return all;
}

std::string comparison(const std::vector<Group>& groups) {
  std::vector<std::vector<std::string>> table = {{groups.front().first.study}};
  for (const Line& column : columns()) table[0].push_back(column.label);
  for (const Group& g : groups) {
    table.push_back({g.first.alternative});
    for (std::size_t i = 0; i < columns().size(); ++i) table.back().push_back(cell(columns()[i], g, g.columns[i]));
  }
  return text_table(table) + "tokens: output; J: at the chips; USD per M tokens: input and output\n";
}

void add_values(std::vector<double>& sums, const std::vector<Line>& lines, const RunRecord& r) {
  sums.resize(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) sums[i] += lines[i].read(r);
}

}  // namespace

void Summary::add(const RunRecord& r) {
  if (groups_.empty() || !same_inputs(groups_.back().first, r)) {
    groups_.emplace_back().first = r;
    groups_.back().first.rows = {};
    groups_.back().first.spooled_rows.reset();
  }
  Group& group = groups_.back();
  ++group.runs;
  add_values(group.sums, lines(), r);
  add_values(group.columns, columns(), r);
  costs_.push_back({r.alternative, r.replication, r.cost.usd_per_mtok});
}

std::string Summary::text() const {
  std::vector<std::string> names;
  for (const Group& g : groups_) names.push_back(g.first.alternative);
  names = distinct_names(names);
  std::vector<Group> groups = groups_;
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i].first.alternative = names[i];
  return text_of(groups);
}

std::string Summary::text_of(const std::vector<Group>& groups) const {
  if (groups.size() > kSideBySide) {
    std::string out = comparison(groups) + waterfall_text(waterfall(costs_));
    for (const Group& g : groups) out += notes(g.first);
    out += steadiness_note(groups);
    return out + "Where the hardware models were calibrated, and extrapolations: --json or the report.\n";
  }
  const RunRecord& first = groups.front().first;
  std::vector<std::vector<std::string>> table = {{first.study}};
  for (const Group& g : groups)
    table[0].push_back(g.first.alternative + (g.runs > 1 ? " (mean of " + std::to_string(g.runs) + ")" : ""));
  for (std::size_t i = 0; i < lines().size(); ++i) {
    table.push_back({lines()[i].label});
    for (const Group& g : groups) table.back().push_back(cell(lines()[i], g, g.sums[i]));
  }
  std::string out = text_table(table) + waterfall_text(waterfall(costs_));
  for (const Group& g : groups) out += notes(g.first);
  out += steadiness_note(groups) + "\nCost in detail\n";
  for (const Group& g : groups) out += cost_detail_note(g.first);
  out += "\nTrust\n";
  for (const Group& g : groups) out += trust(g.first);
  const auto defaults = std::count_if(first.assumptions.begin(), first.assumptions.end(),
                                      [](const Assumption& a) { return a.what != kExtrapolation; });
  out += "\n" + band_notes(groups);
  out += shown("{} assumptions (see --json or the report)\n", defaults);
  return out;
}

}  // namespace tokenfab::cli
