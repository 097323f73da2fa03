#include "reports/report_html.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "reports/embedded.h"
#include "reports/report_sections.h"
#include "sim/core/same_inputs.h"

namespace tokenfab {
namespace {

using nlohmann::json;
using Group = Replications;

json number(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

std::string label(const RunRecord& r) {
  return r.sweep_point.empty() ? r.alternative : r.alternative + " · " + r.sweep_point;
}

std::vector<Group> group_runs(const std::vector<RunRecord>& runs) {
  std::vector<Group> groups;
  for (const auto& r : runs) {
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return same_inputs(*g.front(), r); });
    if (same == groups.end()) groups.push_back({&r});
    else same->push_back(&r);
  }
  return groups;
}

double per_second(const RunRecord& r, std::int64_t n) {
  return r.makespan_s > 0 ? static_cast<double>(n) / r.makespan_s : NAN;
}

/// Does not exist where no request was served, as in docs/definitions.md.
double quantile(const Histogram& h, double p) { return h.count() > 0 ? h.quantile(p) : NAN; }

/// Headline metrics in display order; report.js finds them by label.
struct Metric {
  const char *label, *unit;
  double (*value)(const RunRecord&);
  const char* band = nullptr;  // its metric in Bands
  double scale = 1;            // from that metric's unit
};
const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = {
      {"Cost per million tokens (in + out)", "$", [](const RunRecord& r) { return r.cost.usd_per_mtok; },
       "cost.usd_per_mtok"},
      {"Cost per million input tokens", "$", [](const RunRecord& r) { return r.cost.usd_per_mtok_in; },
       "cost.usd_per_mtok_in"},
      {"Cost per million output tokens", "$", [](const RunRecord& r) { return r.cost.usd_per_mtok_out; },
       "cost.usd_per_mtok_out"},
      {"TTFT, median", "s", [](const RunRecord& r) { return quantile(r.latency.ttft, 0.5) * 1e-9; }, "ttft_s.p50"},
      {"TTFT, 99th percentile", "s", [](const RunRecord& r) { return quantile(r.latency.ttft, 0.99) * 1e-9; },
       "ttft_s.p99"},
      {"TPOT, median", "ms", [](const RunRecord& r) { return quantile(r.latency.tpot, 0.5) * 1e-6; }, "tpot_s.p50",
       1e3},
      {"TPOT, 99th percentile", "ms", [](const RunRecord& r) { return quantile(r.latency.tpot, 0.99) * 1e-6; },
       "tpot_s.p99", 1e3},
      {"E2E, median", "s", [](const RunRecord& r) { return quantile(r.latency.e2e, 0.5) * 1e-9; }},
      {"E2E, 99th percentile", "s", [](const RunRecord& r) { return quantile(r.latency.e2e, 0.99) * 1e-9; }},
      {"Output tokens per second", "", [](const RunRecord& r) { return per_second(r, r.output_served); },
       "throughput_tok_s"},
      {"Requests served", "", [](const RunRecord& r) { return static_cast<double>(r.served); }},
      {"Requests rejected", "", [](const RunRecord& r) { return static_cast<double>(r.rejected); }},
      {"Requests that met every objective", "%",
       [](const RunRecord& r) {
         return 100.0 * static_cast<double>(r.good_requests) / static_cast<double>(r.offered);
       }},
      {"Goodput: requests per second that met every objective", "",
       [](const RunRecord& r) { return per_second(r, r.good_requests); }},
      {"Goodput: output tokens per second of those", "",
       [](const RunRecord& r) { return per_second(r, r.good_output_tokens); }},
      {"Busy share of paid time", "%", [](const RunRecord& r) { return 100 * r.cost.utilisation_time; }},
      {"Model FLOP utilisation of paid time", "%", [](const RunRecord& r) { return 100 * r.cost.mfu; }},
      {"Memory bandwidth utilisation of paid time", "%", [](const RunRecord& r) { return 100 * r.cost.mbu; }},
      {"Energy per million tokens, at the chips", "kWh",
       [](const RunRecord& r) {
         return r.cost.energy_j / 3.6e6 / static_cast<double>(r.input_served + r.output_served) * 1e6;
       }},
      {"Carbon per million tokens", "gCO2e",
       [](const RunRecord& r) {
         return (r.cost.carbon_operational_g + r.cost.carbon_embodied_g) /
                static_cast<double>(r.input_served + r.output_served) * 1e6;
       }},
      {"Total cost", "$", [](const RunRecord& r) { return r.cost.usd_total; }},
      {"Revenue under the plan", "$", [](const RunRecord& r) { return r.cost.has_plan ? r.cost.revenue_usd : NAN; }},
      {"Margin on price", "%", [](const RunRecord& r) { return r.cost.has_plan ? 100 * r.cost.margin : NAN; },
       "cost.plan.margin", 100},
  };
  return all;
}

double mean(const Group& group, double (*value)(const RunRecord&)) {
  double sum = 0;
  for (const auto* r : group) sum += value(*r);
  return sum / static_cast<double>(group.size());
}

/// Mean over replications with the half width of its 95 % confidence interval (null with one replication) and the band
/// of the first one (null where there is none).
json estimate(const Group& group, const Metric& metric) {
  const double average = mean(group, metric.value);
  const auto n = static_cast<double>(group.size());
  double squares = 0;
  for (const auto* r : group) squares += std::pow(metric.value(*r) - average, 2);
  json out = {{"mean", number(average)}, {"half_width", nullptr}, {"band", nullptr}};
  if (const Band* band = metric.band ? group.front()->bands.find(metric.band) : nullptr)
    out["band"] = {metric.scale * band->low, metric.scale * band->high};
  if (group.size() > 1 && std::isfinite(average)) {
    const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
    out["half_width"] = number(t * std::sqrt(squares / (n - 1) / n));
  }
  return out;
}

/// Points (seconds, share at or below) of the merged sketch, thinned to what a chart can show.
json distribution(const Group& group, Histogram Latencies::*which) {
  Histogram h;
  for (const auto* r : group) h.merge(r->latency.*which);
  json points = json::array();
  double last = -1;
  std::int64_t below = 0;
  for (std::size_t b = 0; b < h.counts().size(); ++b) {
    if (h.counts()[b] == 0) continue;
    below += h.counts()[b];
    const double share = static_cast<double>(below) / static_cast<double>(h.count());
    if (share - last < 0.004 && below < h.count()) continue;
    last = share;
    points.push_back({{"s", static_cast<double>(Histogram::lower(b + 1)) * 1e-9}, {"share", share}});
  }
  return points;
}

json series(const RunRecord& r) {
  json out = json::array();
  const double width = static_cast<double>(r.series.bin_ns) * 1e-9;
  for (std::size_t i = 0; i < r.series.bins.size(); ++i) {
    const SeriesBin& b = r.series.bins[i];
    out.push_back({{"t", static_cast<double>(i) * width},
                   {"output", static_cast<double>(b.output_tokens) / width},
                   {"input", static_cast<double>(b.input_tokens) / width},
                   {"waiting", static_cast<double>(b.waiting_ns) / static_cast<double>(r.series.bin_ns)},
                   {"running", static_cast<double>(b.running_ns) / static_cast<double>(r.series.bin_ns)}});
  }
  return out;
}

/// Replicas of each pool through time; empty without a fleet.
json replica_counts(const RunRecord& r) {
  json out = json::array();
  if (!r.fleet) return out;
  for (const ReplicaCount& c : r.fleet->counts)
    out.push_back({{"pool", r.pools[static_cast<std::size_t>(c.pool)].name},
                   {"t", static_cast<double>(c.time) * 1e-9},
                   {"ready", c.ready},
                   {"booting", c.booting},
                   {"draining", c.draining}});
  return out;
}

json steps(const Group& group) {
  std::map<std::array<std::string, 3>, double> seconds;
  for (const auto* r : group)
    for (const auto& pool : r->pools)
      for (const auto& row : pool.step_time)
        seconds[{row.op_class, row.bound, row.phase}] += row.seconds / static_cast<double>(group.size());
  json out = json::array();
  for (const auto& [key, s] : seconds) out.push_back({{"op", key[0]}, {"bound", key[1]}, {"phase", key[2]}, {"s", s}});
  return out;
}

json money(const Group& group) {
  std::map<std::string, double> usd;
  for (const auto* r : group)
    for (const auto& e : r->ledger) usd[e.account] += e.usd / static_cast<double>(group.size());
  json out = json::array();
  for (const auto& [account, amount] : usd) out.push_back({{"account", account}, {"usd", amount}});
  return out;
}

json pools(const RunRecord& r) {
  json out = json::array();
  for (const auto& p : r.pools)
    out.push_back({{"name", p.name},
                   {"llm", p.llm},
                   {"chip", p.chip},
                   {"engine", p.engine},
                   {"chips", p.chips},
                   {"weights", p.weights},
                   {"kv", p.kv},
                   {"replicas", p.replicas},
                   {"tensor_parallel", p.tensor_parallel},
                   {"pipeline_parallel", p.pipeline_parallel},
                   {"kv_tokens", p.kv_blocks * p.kv_block_tokens},
                   {"preemptions", p.preemptions}});
  return out;
}

/// One row per pool: grade, calibration, errors and what they rest on.
json trust(const RunRecord& r) {
  json out = json::array();
  for (const auto& p : r.pools) {
    const PoolTrust& t = p.trust;
    const auto known = [](double v) { return v != 0 ? json(v) : json(nullptr); };
    out.push_back({{"pool", p.name},
                   {"grade", t.grade},
                   {"calibration", t.calibration},
                   {"typical", known(t.typical)},
                   {"band", known(t.band)},
                   {"bias", known(t.bias)},
                   {"basis", t.basis}});
  }
  return out;
}

json extrapolations(const Group& group) {
  json out = json::array();
  for (const auto* r : group)
    for (const auto& a : r->assumptions) {
      const json item = {{"pool", a.why}, {"what", a.value}};
      if (a.what == kExtrapolation && std::find(out.begin(), out.end(), item) == out.end()) out.push_back(item);
    }
  return out;
}

double input_usd(const RunRecord& r) { return r.cost.usd_per_mtok_in * static_cast<double>(r.input_served) / 1e6; }
double output_usd(const RunRecord& r) { return r.cost.usd_per_mtok_out * static_cast<double>(r.output_served) / 1e6; }

json alternative(const Group& group) {
  const RunRecord& first = *group.front();
  double slope = first.backlog_slope_per_s;
  for (const auto* r : group) slope = std::max(slope, r->backlog_slope_per_s);
  json out = {{"name", label(first)},
              {"replications", group.size()},
              {"saturated", std::count_if(group.begin(), group.end(), [](const auto* r) { return r->saturated; })},
              {"backlog_slope_per_s", number(slope)},
              {"grade", first.provenance},
              {"error_band", first.error_band > 0 ? json(first.error_band) : json(nullptr)},
              {"trust", trust(first)},
              {"extrapolations", extrapolations(group)},
              {"band_basis", first.bands.basis},
              {"ttft", distribution(group, &Latencies::ttft)},
              {"tpot", distribution(group, &Latencies::tpot)},
              {"e2e", distribution(group, &Latencies::e2e)},
              {"slo", {{"ttft", first.slo_ttft_s}, {"tpot", first.slo_tpot_s}, {"e2e", first.slo_e2e_s}}},
              {"series", series(first)},
              {"replica_counts", replica_counts(first)},
              {"steps", steps(group)},
              {"ledger", money(group)},
              {"input_usd", number(mean(group, input_usd))},
              {"output_usd", number(mean(group, output_usd))},
              {"pools", pools(first)},
              {"classes", classes_section(group)},
              {"sessions", sessions_section(group)},
              {"caches", caches_section(group)}};
  for (const auto& m : metrics()) out["metrics"].push_back(estimate(group, m));
  return out;
}

template <class Row>
json distinct(const std::vector<RunRecord>& runs, std::vector<Row> RunRecord::*list, json (*to_json)(const Row&)) {
  json out = json::array();
  for (const auto& r : runs)
    for (const auto& row : r.*list) {
      const json item = to_json(row);
      if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(item);
    }
  return out;
}

/// JSON inside a <script> element: nothing in it may end the element or open a comment.
std::string script_safe(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') out += "\\u003c";
    else if (text[i] == '>') out += "\\u003e";
    else if (text[i] == '&') out += "\\u0026";
    else out += text[i];
  }
  return out;
}

/// Names and texts as a page can show them; the chart library's expressions take no line separators either.
void escape_texts(json& value) {
  if (value.is_string()) value = escaped(value.get_ref<const std::string&>());
  else if (value.is_structured())
    for (json& item : value) escape_texts(item);
}

void replace_mark(std::string& page, const std::string& mark, std::string_view text) {
  const auto at = page.find(mark);
  if (at != std::string::npos) page.replace(at, mark.size(), text);
}

}  // namespace

std::string report_data(const std::vector<RunRecord>& runs, const std::string& version,
                        const std::vector<InfeasibleAlternative>& refused) {
  json data = {{"study", runs.empty() ? "" : runs.front().study}, {"version", version}};
  for (const auto& m : metrics()) data["metrics"].push_back({{"label", m.label}, {"unit", m.unit}});
  const std::vector<Group> groups = group_runs(runs);
  std::vector<std::string> names;
  for (const auto& group : groups) names.push_back(label(*group.front()));
  names = distinct_names(names);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    data["alternatives"].push_back(alternative(groups[i]));
    data["alternatives"].back()["name"] = names[i];
  }
  data["stack"] = stack_section(runs);
  data["infeasible"] = infeasible_section(refused);
  data["assumptions"] = json::array();
  for (auto& a : distinct<Assumption>(runs, &RunRecord::assumptions, [](const Assumption& a) {
         return json{{"what", a.what}, {"value", a.value}, {"why", a.why}};
       }))
    if (a["what"] != kExtrapolation) data["assumptions"].push_back(a);
  data["prices"] = distinct<PriceUsed>(runs, &RunRecord::prices, [](const PriceUsed& p) {
    return json{{"item", p.item}, {"value", p.value}, {"unit", p.unit}, {"source", p.source}, {"as_of", p.as_of}};
  });
  escape_texts(data);
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string render_html(const std::vector<RunRecord>& runs, const std::string& version,
                        const std::vector<InfeasibleAlternative>& refused) {
  std::string page(embedded::report_template());
  replace_mark(page, "/*@STYLE@*/", embedded::report_style());
  std::string scripts;
  for (const auto part : {embedded::vega(), embedded::vega_lite(), embedded::vega_interpreter()})
    scripts += "<script>" + std::string(part) + "</script>\n";
  replace_mark(page, "<!--@LIBRARIES@-->", scripts);
  replace_mark(page, "/*@SCRIPT@*/", embedded::report_script());
  replace_mark(page, "/*@CHARTS@*/", embedded::report_charts());
  // The data comes last: it may contain what looks like a mark.
  replace_mark(page, "/*@DATA@*/", script_safe(report_data(runs, version, refused)));
  return page;
}

}  // namespace tokenfab
