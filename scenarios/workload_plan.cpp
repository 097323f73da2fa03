#include "scenarios/workload_plan.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "scenarios/generator_json.h"
#include "scenarios/session_json.h"
#include "sim/workload/builtin.h"
#include "sim/workload/regional.h"
#include "sim/workload/trace.h"

namespace tokenfab {
namespace {

TransformSpec read_transform(const JsonObject& w) {
  TransformSpec t;
  t.rate_scale = w.number_in("rate_scale", 1e-6, 1e6, 1);
  t.thin = w.number_in("thin", 1e-9, 1, 1);
  t.copies = w.integer("copies", 1, 1'000'000, 1);
  t.copy_jitter_s = w.number_in("copy_jitter_s", 0, 1e9, 0);
  if (w.has("window_s")) {
    const auto window = w.numbers("window_s");
    if (window.size() != 2 || window[0] < 0 || window[1] <= window[0])
      w.fail("window_s", "is not [from, to] with 0 <= from < to");
    t.window_from_s = window[0];
    t.window_to_s = window[1];
  }
  return t;
}

bool changes_nothing(const TransformSpec& t) {
  return t.rate_scale == 1 && t.thin == 1 && t.copies == 1 && t.window_from_s == 0 &&
         t.window_to_s == std::numeric_limits<double>::infinity();
}

TraceOptions read_trace(const JsonObject& w, const TransformSpec& transform) {
  TraceOptions t;
  t.transform = transform;
  if (w.raw("trace").is_string()) {
    t.path = resolve_path(w.string("trace"), w.file());
    t.spread_seconds = true;
  } else {
    const JsonObject o = w.object("trace");
    t.path = resolve_path(o.string("path"), o.file());
    std::vector<std::string> formats = trace_formats();
    formats.insert(formats.begin(), "auto");
    t.format = o.one_of("format", formats, "auto");
    t.skip_bad_lines = o.one_of("bad_lines", {"refuse", "skip"}, "refuse") == "skip";
    t.block_size = o.integer("block_size", 0, 1'000'000, 0);
    t.sort_limit = o.integer("sort_limit", 0, 1'000'000'000, t.sort_limit);
    const JsonObject c = o.object_or_empty("columns");
    t.columns.arrival = c.string("arrival", t.columns.arrival);
    t.columns.input = c.string("input", t.columns.input);
    t.columns.output = c.string("output", t.columns.output);
    t.columns.cached = c.string("cached", "");
    t.columns.written = c.string("written", "");
    t.columns.reasoning = c.string("reasoning", "");
    t.columns.service_tier = c.string("service_tier", "");
    t.columns.id = c.string("id", "");
    t.columns.named = !c.keys().empty();
    t.columns.arrival_unit = c.one_of("arrival_unit", {"s", "ms", "us", "ns", "iso8601"}, "s");
    c.finish();
    t.spread_seconds = !o.has("dejitter_s");
    t.transform.dejitter_s = o.number_in("dejitter_s", 0, 1e6, 0);
    o.finish();
  }
  return t;
}

/// Requests in a trace, at most about: a plain line has 8 bytes or more, a compressed one 2.
std::int64_t most_requests(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return 0;
  const bool packed = path.ends_with(".gz") || path.ends_with(".zst");
  return static_cast<std::int64_t>(bytes) / (packed ? 2 : 8) + 1;
}

/// A workload over and over: each time its arrivals begin a mean gap after the last, and its prefix blocks are others.
class Repeated : public RequestSource {
 public:
  Repeated(std::function<std::unique_ptr<RequestSource>()> open, std::int64_t requests)
      : open_(std::move(open)), inner_(open_()), left_(requests) {}

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    if (left_ == 0) return;
    const std::size_t want = std::min<std::size_t>(limit, static_cast<std::size_t>(left_));
    inner_->read(batch, want);
    if (batch.requests.empty()) {
      begin_again();
      inner_->read(batch, want);
    }
    for (Request& r : batch.requests) {
      last_ = r.arrival;
      if (r.deadline != 0) r.deadline += offset_;
      r.arrival += offset_;
      r.id = next_id_++;
    }
    for (std::uint64_t& hash : batch.hash_ids) hash ^= cycle_ * 0x9E3779B97F4A7C15u;
    in_cycle_ += static_cast<std::int64_t>(batch.requests.size());
    left_ -= static_cast<std::int64_t>(batch.requests.size());
  }

 private:
  void begin_again() {
    offset_ += last_ + (in_cycle_ > 1 ? last_ / (in_cycle_ - 1) : 1'000'000'000);
    ++cycle_;
    in_cycle_ = 0;
    inner_ = open_();
  }

  std::function<std::unique_ptr<RequestSource>()> open_;
  std::unique_ptr<RequestSource> inner_;
  std::int64_t left_, in_cycle_ = 0, next_id_ = 0;
  std::uint64_t cycle_ = 0;
  Ns offset_ = 0, last_ = 0;
};

/// `plan` over and over.
WorkloadPlan repeated(const WorkloadPlan& plan, std::int64_t requests) {
  return {[plan, requests](std::uint64_t seed, std::uint32_t replication) {
            OpenWorkload out = plan.open(seed, replication);
            out.source = std::make_unique<Repeated>(
                [plan, seed, replication] { return plan.open(seed, replication).source; }, requests);
            return out;
          },
          requests, plan.facts()};
}

WorkloadPlan trace_plan(const TraceOptions& options) {
  if (!std::filesystem::exists(options.path)) throw UserError(options.path + ": no such trace file");
  WorkloadPlan plan = {
      [options](std::uint64_t seed, std::uint32_t replication) {
        TraceOptions o = options;
        o.seed = seed;
        o.replication = replication;
        auto report = std::make_shared<TraceReport>();
        OpenWorkload out;
        out.source = open_trace(o, report);
        out.finish = [report, spread = options.spread_seconds](RunRecord& r) {
          r.skipped_lines = report->skipped;
          const auto note = [&](const std::string& what, std::int64_t n, const std::string& why) {
            if (n > 0) r.assumptions.push_back({what, std::to_string(n), why});
          };
          note("trace: malformed lines skipped", report->skipped,
               report->first_skipped.empty() ? "" : "first: " + report->first_skipped.front());
          note("trace: failed requests dropped", report->failed, "the trace marks them as failed");
          note("trace: rows with recorded cache hits", report->cached_rows,
               std::to_string(r.cached_tokens) +
                   " tokens of the served prompts were not computed; a pool with a prefix cache looks for itself, and "
                   "static batching computes all");
          if (report->sorted_here) note("trace: sorted by arrival", 1, "the file was not in order of arrival");
          note("trace: repeated rows dropped", report->repeated,
               "they have the id of a row above: a response counts once, with the most tokens that a row tells");
          if (report->whole_seconds && spread)
            note("trace: arrivals spread over their second", report->requests,
                 "all times are whole seconds, which requests share; \"dejitter_s\": 0 keeps them as they are");
        };
        return out;
      },
      most_requests(options.path)};
  plan.set_steady([plan](std::int64_t requests) { return repeated(plan, requests); });
  return plan;
}

std::unique_ptr<RequestSource> generate(GeneratorSpec spec, const TransformSpec& transform_spec, std::uint64_t seed,
                                        std::uint32_t replication) {
  spec.seed = seed;
  spec.replication = replication;
  auto out = make_generator(spec);
  if (!changes_nothing(transform_spec)) out = transform(std::move(out), transform_spec, seed, replication);
  return out;
}

/// The workload as clients of one region bring it.
GeneratorSpec in_region(GeneratorSpec spec, const RegionSpec& region, double all_shares) {
  spec.arrivals.rate *= region.share / all_shares;
  spec.arrivals.profile = shifted_profile(spec.arrivals.profile, region.phase_h);
  return spec;
}

/// Without a profile, and as long as `requests` of those that are kept.
GeneratorSpec prolonged(GeneratorSpec spec, double share, std::int64_t requests) {
  if (spec.arrivals.all_at_once) throw UserError("workload: all requests arrive at once; there is no rate to speed up");
  std::vector<double>& profile = spec.arrivals.profile;
  if (!profile.empty())
    spec.arrivals.rate *= std::accumulate(profile.begin(), profile.end(), 0.0) / static_cast<double>(profile.size());
  profile.clear();
  spec.duration_s = 0;
  spec.max_requests = static_cast<std::int64_t>(std::ceil(static_cast<double>(requests) / share * 1.1)) + 1000;
  return spec;
}

WorkloadPlan generator_plan(const GeneratorSpec& spec, const TransformSpec& transform_spec,
                            const std::vector<RegionSpec>& regions) {
  const double share = transform_spec.thin * static_cast<double>(transform_spec.copies);
  make_generator(spec);  // refuses impossible settings now, not in the middle of a run
  WorkloadFacts facts;
  if (!spec.arrivals.profile.empty()) facts.profile_window_s = spec.arrivals.profile_window_s;
  double shares = 0;
  for (const RegionSpec& r : regions) facts.regions.push_back(r.name), shares += r.share;
  facts.even = spec.arrivals.profile.empty() && !spec.arrivals.all_at_once && transform_spec.window_from_s == 0 &&
               std::isinf(transform_spec.window_to_s);
  WorkloadPlan plan = {
      [spec, transform_spec, regions, shares, share](std::uint64_t seed, std::uint32_t replication) {
        OpenWorkload out;
        out.finish = [](RunRecord&) {};
        if (regions.empty()) {
          out.source = generate(spec, transform_spec, seed, replication);
          return out;
        }
        std::vector<std::unique_ptr<RequestSource>> streams;
        for (std::size_t i = 0; i < regions.size(); ++i)
          streams.push_back(
              generate(in_region(spec, regions[i], shares), transform_spec, region_seed(seed, i), replication));
        out.source = merge_regions(std::move(streams), std::llround(static_cast<double>(spec.max_requests) * share));
        return out;
      },
      static_cast<std::int64_t>(static_cast<double>(expected_requests(spec)) * share), std::move(facts)};
  plan.set_steady([spec, transform_spec, regions, share](std::int64_t requests) {
    TransformSpec whole = transform_spec;
    whole.window_from_s = 0, whole.window_to_s = TransformSpec().window_to_s;
    std::vector<RegionSpec> together = regions;
    for (RegionSpec& r : together) r.phase_h = 0;
    return generator_plan(prolonged(spec, share, requests), whole, together);
  });
  return plan;
}

std::vector<RegionSpec> read_region_specs(const JsonObject& w) {
  std::vector<RegionSpec> out;
  if (!w.has("regions")) return out;
  if (w.has("trace") || w.has("sessions"))
    w.fail("regions", "are of generated workloads; a trace or sessions have none");
  const auto entries = w.objects("regions");
  if (entries.empty() || entries.size() > 255) w.fail("regions", "needs between 1 and 255 regions");
  for (const JsonObject& o : entries) {
    RegionSpec r;
    r.name = o.string("name");
    r.share = o.number_in("share", 1e-9, 1e9, 1);
    r.phase_h = o.number_in("phase_h", -24, 24, 0);
    o.finish();
    for (const RegionSpec& other : out)
      if (other.name == r.name) o.fail("name", "\"" + r.name + "\" is used twice");
    out.push_back(r);
  }
  return out;
}

/// Where a region's phase does not go with the arrivals, says so at the region.
void check_phases(const JsonObject& w, const GeneratorSpec& spec, const std::vector<RegionSpec>& regions) {
  for (std::size_t i = 0; i < regions.size(); ++i) try {
      shifted_profile(spec.arrivals.profile, regions[i].phase_h);
    } catch (const UserError& e) {
      w.fail("regions", "\"" + regions[i].name + "\": " + e.what());
    }
}

GeneratorSpec builtin_spec(const JsonObject& w, std::vector<Assumption>& assumptions) {
  const std::string name = w.one_of("use", builtin_names());
  assumptions.push_back({w.pointer() + "/use", name, builtin_source(name)});
  GeneratorSpec spec = builtin_workload(name, 1, 0);
  spec.max_requests = w.integer("max_requests", 1, INT64_MAX, spec.max_requests);
  return spec;
}

WorkloadPlan sessions_plan(const SessionsPlan& plan) {
  return {[plan](std::uint64_t seed, std::uint32_t replication) {
            SessionSpec s = plan.spec;
            s.population.seed = seed;
            s.population.replication = replication;
            OpenWorkload out;
            out.source = plan.recorded ? replay_sessions(plan.recorded, s.population) : make_sessions(s);
            out.finish = [](RunRecord&) {};
            return out;
          },
          plan.expected_requests,
          {true, {}, 0}};
}

constexpr const char* kSources = "\"use\", \"trace\", \"generate\", \"clients\" and \"sessions\"";

}  // namespace

WorkloadPlan WorkloadPlan::steady(std::int64_t requests) const {
  if (!steady_) throw UserError("workload: its requests follow from each other; there is no arrival rate to speed up");
  return steady_(requests);
}

std::string resolve_path(const std::string& path, const std::string& scenario_file) {
  namespace fs = std::filesystem;
  const fs::path given(path);
  if (given.is_absolute() || fs::exists(given)) return path;
  const std::string file = scenario_file.substr(0, scenario_file.find(" (alternative \""));  // as messages name it
  const fs::path beside = fs::path(file).parent_path() / given;
  return fs::exists(beside) ? beside.string() : path;
}

std::string catalogue_id(const std::string& id, const std::string& scenario_file) {
  return id.ends_with(".json") ? resolve_path(id, scenario_file) : id;
}

WorkloadPlan load_workload(const JsonObject& scenario, const std::string& trace_override,
                           std::vector<Assumption>& assumptions) {
  const JsonObject w = scenario.object("workload");
  const int sources = w.has("use") + w.has("trace") + w.has("generate") + w.has("clients") + w.has("sessions");
  if (sources != 1) w.fail("", std::string("needs exactly one of ") + kSources);
  const TransformSpec transform_spec = read_transform(w);
  const std::vector<RegionSpec> regions = read_region_specs(w);
  const auto generated = [&](const GeneratorSpec& spec) {
    check_phases(w, spec, regions);
    return generator_plan(spec, transform_spec, regions);
  };
  WorkloadPlan plan;
  if (!trace_override.empty()) {
    if (!regions.empty()) w.fail("regions", "do not go with --trace: a trace has none");
    (void)w.has("max_requests");
    TraceOptions options;
    if (w.has("trace")) options = read_trace(w, transform_spec);
    else options.transform = transform_spec, options.spread_seconds = true;
    options.path = trace_override;
    plan = trace_plan(options);
  } else if (w.has("trace")) {
    plan = trace_plan(read_trace(w, transform_spec));
  } else if (w.has("use")) {
    plan = generated(builtin_spec(w, assumptions));
  } else if (w.has("generate")) {
    plan = generated(read_generator(w.object("generate")));
  } else if (w.has("clients")) {
    plan = generated(read_clients(w.object("clients")));
  } else {
    if (!changes_nothing(transform_spec))
      w.fail("",
             "has \"sessions\", whose requests follow from each other: \"rate_scale\", \"window_s\", \"thin\" and "
             "\"copies\" do not go with them");
    plan = sessions_plan(read_sessions(w.object("sessions")));
  }
  w.finish();
  return plan;
}

}  // namespace tokenfab
