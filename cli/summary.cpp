#include "cli/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/text.h"
#include "cli/cost_detail.h"
#include "cli/fleet_notes.h"
#include "cli/pnl.h"
#include "cli/waterfall.h"

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

const std::vector<Line>& lines() {
  static const std::vector<Line> all = {
      {"requests served", "{:.0f}", [](const auto& r) { return static_cast<double>(r.served); }},
      {"requests rejected", "{:.0f}", [](const auto& r) { return static_cast<double>(r.rejected); }},
      {"input tokens", "{:.0f}", [](const auto& r) { return static_cast<double>(r.input_served); }},
      {"output tokens", "{:.0f}", [](const auto& r) { return static_cast<double>(r.output_served); }},
      {"makespan, s", "{:.1f}", [](const auto& r) { return r.makespan_s; }},
      {"output tokens/s", "{:.1f}", [](const auto& r) { return per_s(r, r.output_served); }, "throughput_tok_s"},
      {"good requests/s (all SLOs)", "{:.3f}", [](const auto& r) { return per_s(r, r.good_requests); }},
      {"TTFT p50, s", "{:.4f}", [](const auto& r) { return r.latency.ttft.quantile(0.5) * 1e-9; }, "ttft_s.p50"},
      {"TTFT p99, s", "{:.4f}", [](const auto& r) { return r.latency.ttft.quantile(0.99) * 1e-9; }, "ttft_s.p99"},
      {"TPOT p50, ms", "{:.2f}", [](const auto& r) { return r.latency.tpot.quantile(0.5) * 1e-6; }, "tpot_s.p50", 1e3},
      {"TPOT p99, ms", "{:.2f}", [](const auto& r) { return r.latency.tpot.quantile(0.99) * 1e-6; }, "tpot_s.p99", 1e3},
      {"E2E mean, s", "{:.3f}", [](const auto& r) { return r.latency.e2e.mean() * 1e-9; }, "e2e_s.mean"},
      {"E2E p50, s", "{:.3f}", [](const auto& r) { return r.latency.e2e.quantile(0.5) * 1e-9; }},
      {"E2E p99, s", "{:.3f}", [](const auto& r) { return r.latency.e2e.quantile(0.99) * 1e-9; }},
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

std::vector<std::vector<const RunRecord*>> by_alternative(const std::vector<RunRecord>& records) {
  std::vector<std::vector<const RunRecord*>> groups;
  for (const auto& r : records) {
    if (groups.empty() || groups.back().front()->alternative != r.alternative) groups.emplace_back();
    groups.back().push_back(&r);
  }
  return groups;
}

std::string cell(const Line& line, const std::vector<const RunRecord*>& group) {
  double sum = 0;
  for (const auto* r : group) sum += line.read(*r);
  const double mean = sum / static_cast<double>(group.size());
  if (!std::isfinite(mean)) return "-";
  const auto text = [&](double value) { return fmt::format(fmt::runtime(line.format), value); };
  const Band* band = line.band ? group.front()->bands.find(line.band) : nullptr;
  if (!band) return text(mean);
  const char* whose = group.size() > 1 ? "first: " : "";  // the band of the first replication, which is not the mean
  return fmt::format("{} ({}{}–{})", text(mean), whose, text(line.unit * band->low), text(line.unit * band->high));
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

std::string trust(const RunRecord& r) {
  std::string out;
  for (const PoolUsage& p : r.pools) {
    const PoolTrust& t = p.trust;
    out += fmt::format("{}, {}: {}", r.alternative, p.name, t.grade);
    if (!t.calibration.empty()) out += " (" + t.calibration + ")";
    out += t.typical > 0
               ? fmt::format("; step times typically off by {}, band \u00b1 {}\n", percent(t.typical), percent(t.band))
               : "; error of step times not measured\n";
  }
  for (const Assumption& a : r.assumptions)
    if (a.what == kExtrapolation) out += fmt::format("  extrapolation: {}\n", a.value);
  return out;
}

std::string margin_band(const Bands& bands) {
  const Band* margin = bands.find("cost.plan.margin");
  return margin ? fmt::format(" ({:.1f} to {:.1f})", 100 * margin->low, 100 * margin->high) : "";
}

std::string band_note(const std::vector<const RunRecord*>& group) {
  const Bands& bands = group.front()->bands;
  if (bands.of.empty()) return "none, " + bands.basis;
  return "(low–high), " + bands.basis + (group.size() > 1 ? "; of the first replication" : "");
}

/// One line where all alternatives have the same to say.
std::string band_notes(const std::vector<std::vector<const RunRecord*>>& groups) {
  const std::string first = band_note(groups.front());
  if (std::all_of(groups.begin(), groups.end(), [&](const auto& g) { return band_note(g) == first; }))
    return "Bands: " + first + "\n";
  std::string out;
  for (const auto& g : groups) out += fmt::format("Bands of {}: {}\n", g.front()->alternative, band_note(g));
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
      return fmt::format("{:.1f} %",
                         100 * static_cast<double>(tokens) / static_cast<double>(p.prompt_tokens_looked_up));
    };
    std::int64_t hits = 0;
    std::string each;
    for (const CacheLevelUsage& level : p.prefix_cache) {
      hits += level.hit_tokens;
      each += fmt::format("{}{} {}", each.empty() ? "" : ", ", level.level, share(level.hit_tokens));
    }
    out += fmt::format("\n{}, {}: prefix cache: {} of the prompt tokens found ({})\n", r.alternative, p.name,
                       share(hits), each);
  }
  return out;
}

std::string sessions_note(const RunRecord& r) {
  const SessionStats& s = *r.sessions;
  std::string out = fmt::format("\n{}: {} of {} sessions finished", r.alternative, s.finished, s.started);
  if (s.finished == 0) return out + "\n";
  const auto n = static_cast<double>(s.finished);
  return out + fmt::format(
                   ", {:.1f} requests each; duration mean {:.1f} s, p50 {:.1f} s, p99 {:.1f} s; ${:.4g} per session\n",
                   static_cast<double>(s.requests_finished) / n, s.duration.mean() * 1e-9,
                   s.duration.quantile(0.5) * 1e-9, s.duration.quantile(0.99) * 1e-9, r.cost.usd_total / n);
}

std::string classes_note(const RunRecord& r) {
  std::string out = "\n";
  for (const ClassStats& c : r.classes) {
    const auto seconds = [](const Histogram& h, double q) { return h.quantile(q) * 1e-9; };
    out += fmt::format(
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
      out += fmt::format("\n{}, {}: {} KV blocks swapped, {} variants loaded, in {:.3f} replica-seconds\n",
                         r.alternative, p.name, p.swapped_blocks, p.variant_loads, p.transfer_seconds);
  return out;
}

double percent_of(std::int64_t part, std::int64_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string notes(const RunRecord& r) {
  std::string out = prefix_cache_note(r) + transfers_note(r);
  if (!r.classes.empty()) out += classes_note(r);
  if (r.sessions) out += sessions_note(r);
  out += fleet_note(r);
  if (r.saturated)
    out += fmt::format(
        "\n{}: SATURATED: the waiting queue grows by {:.3g} requests per second; latencies are of this finite run,\n"
        "not of a steady state, and grow with its length.\n",
        r.alternative, r.backlog_slope_per_s);
  if (varies(r.bands))
    out += fmt::format("\n{}: within the error of its step times it may {}be saturated\n", r.alternative,
                       r.saturated ? "not " : "");
  if (r.rejected_too_long > 0)
    out += fmt::format(
        "\n{}: {} of the rejected requests are longer than the model's context, the KV cache or the token "
        "budget\n",
        r.alternative, r.rejected_too_long);
  if (r.spending && r.spending->calls > 0)
    out += fmt::format(
        "\n{}: ceiling per interaction: of {} calls {:.1f} % refused, {:.1f} % truncated; most spent ${:.4g}\n",
        r.alternative, r.spending->calls, percent_of(r.spending->refused, r.spending->calls),
        percent_of(r.spending->truncated, r.spending->calls), r.spending->most_usd);
  if (r.skipped_lines > 0) out += fmt::format("\n{} malformed trace lines were skipped\n", r.skipped_lines);
  if (r.cost.has_plan)
    out += fmt::format(
        "\n{}: revenue ${:.2f}, margin {:.1f} % of price{}, break-even at {:.3g} x the plan's prices, or "
        "at {:.1f} % busy\n",
        r.alternative, r.cost.revenue_usd, 100 * r.cost.margin, margin_band(r.bands), r.cost.break_even_price_factor,
        100 * r.cost.break_even_utilisation);
  if (r.pnl) out += "\n" + r.alternative + ": " + pnl_text(*r.pnl);
  return out;
}

/// One row per alternative, for more than fit side by side.
std::string comparison(const std::vector<std::vector<const RunRecord*>>& groups) {
  const std::vector<Line> columns = {
      {"chips", "{:.0f}", chips},
      {"good share", "{:.3f}", [](const auto& r) { return r.cost.goodput_share; }},
      {"TTFT p50, s", "{:.3f}", [](const auto& r) { return r.latency.ttft.quantile(0.5) * 1e-9; }},
      {"TPOT p50, ms", "{:.2f}", [](const auto& r) { return r.latency.tpot.quantile(0.5) * 1e-6; }},
      {"tokens/s a user", "{:.1f}", [](const auto& r) { return 1e9 / r.latency.tpot.quantile(0.5); }},
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
  std::vector<std::vector<std::string>> table = {{groups.front().front()->study}};
  for (const Line& column : columns) table[0].push_back(column.label);
  for (const auto& g : groups) {
    table.push_back({g.front()->alternative});
    for (const Line& column : columns) table.back().push_back(cell(column, g));
  }
  return text_table(table) + "tokens: output; J: at the chips; USD per M tokens: input and output\n";
}

constexpr std::size_t kSideBySide = 6;

}  // namespace

std::string summary(const std::vector<RunRecord>& records) {
  const auto groups = by_alternative(records);
  if (groups.size() > kSideBySide) {
    std::string out = comparison(groups) + waterfall_text(waterfall(records));
    for (const auto& g : groups) out += notes(*g.front());
    return out + "Where the hardware models were calibrated, and extrapolations: --json or the report.\n";
  }
  std::vector<std::vector<std::string>> table = {{records.front().study}};
  for (const auto& g : groups)
    table[0].push_back(g.front()->alternative + (g.size() > 1 ? " (mean of " + std::to_string(g.size()) + ")" : ""));
  for (const auto& line : lines()) {
    table.push_back({line.label});
    for (const auto& g : groups) table.back().push_back(cell(line, g));
  }
  std::string out = text_table(table) + waterfall_text(waterfall(records));
  for (const auto& g : groups) out += notes(*g.front());
  out += "\nCost in detail\n";
  for (const auto& g : groups) out += cost_detail_note(*g.front());
  const RunRecord& first = records.front();
  out += "\nTrust\n";
  for (const auto& g : groups) out += trust(*g.front());
  const auto defaults = std::count_if(first.assumptions.begin(), first.assumptions.end(),
                                      [](const Assumption& a) { return a.what != kExtrapolation; });
  out += "\n" + band_notes(groups);
  out += fmt::format("{} assumptions (see --json or the report)\n", defaults);
  return out;
}

}  // namespace tokenfab::cli
