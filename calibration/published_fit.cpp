#include "calibration/published_fit.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "calibration/defaults.h"
#include "calibration/errors.h"
#include "calibration/least_squares.h"

namespace tokenfab::calibration {
namespace {

using CalibrationPtr = std::shared_ptr<const Calibration>;
using Key = std::pair<std::string, std::string>;  // engine, chip

constexpr double kNoise = 0.05;
constexpr double kTtftWeight = 0.4;  // it holds the client's burst and settings that are not published
constexpr double kWorst = 1.5;       // log error of a point that the model refuses

/// All groups of one engine on one chip, each with its suite.
struct Target {
  Key key;
  std::vector<std::pair<const Suite*, const SuiteGroup*>> kernels, served;
};

std::vector<Target> targets(const std::vector<Suite>& suites, const Catalog& catalog) {
  const std::vector<std::string> engines = catalog.ids("engines");
  std::map<Key, Target> all;
  for (const Suite& s : suites)
    for (const SuiteGroup& g : s.groups) {
      if (s.kind == "speculation") continue;  // its gaps stand in the data file: calibrations have none
      if (!std::binary_search(engines.begin(), engines.end(), g.engine)) continue;  // a library: no profile, no fit
      if (std::all_of(g.rows.begin(), g.rows.end(), [](const auto& r) { return r.check; })) continue;
      Target& t = all[{g.engine, g.chip}];
      t.key = {g.engine, g.chip};
      (is_kernel_suite(s) ? t.kernels : t.served).emplace_back(&s, &g);
    }
  std::vector<Target> out;
  for (auto& [key, t] : all) out.push_back(std::move(t));
  return out;
}

Sourced fitted(double value, const char* unit, const std::string& source, const std::string& as_of, double error) {
  return {value, unit, source, as_of, error};
}

OpEfficiency figures(const OperatorFit& f, double calls, const std::string& source, const std::string& as_of) {
  const auto share = [](double x) { return std::clamp(x, 1e-3, 1.0); };
  return {fitted(share(f.bandwidth), "1", source, as_of, f.bandwidth_error),
          fitted(share(f.compute), "1", source, as_of, f.compute_error),
          fitted(f.floor_s * calls, "us", source, as_of, f.floor_error)};
}

std::string named(const std::string& op, const std::string& dtype) { return dtype.empty() ? op : op + ":" + dtype; }

/// One kernel table into the classes that it stands for.
void put_kernels(Calibration& c, const Suite& suite, const SuiteGroup& group, const std::vector<OperatorPoint>& points,
                 const Chip& chip) {
  OperatorFit fit = fit_operator(points, {});
  const std::string source = "fitted by us to " + suite.source + ", " + group.version;
  const OperatorPoint& like = points[0];
  const std::string plain = like.dtype.empty() ? "bf16" : like.dtype;
  if (like.group == "all_reduce") fit.floor_s = std::max(0.0, fit.floor_s - 2 * chip.link_latency.value);
  if (like.group == "gemm") {
    c.ops[named("qkv_gemm", like.dtype)] = c.ops[named("o_gemm", like.dtype)] = figures(fit, 1, source, suite.as_of);
    c.ops[named("mlp_gemm", like.dtype)] = figures(fit, 2, source, suite.as_of);
    c.gemm[plain] = fit.gemm;
  } else {
    c.ops[like.figure()] = figures(fit, 1, source, suite.as_of);
    if (like.group == "decode_attention") c.decode[plain] = fit.grid;
    if (like.group == "prefill_attention") c.prefill[plain] = fit.grid;
    if (like.group == "expert_gemm") c.experts[plain] = fit.grid;
    if (group.copies_all_rows) c.copies_all_rows.insert(like.figure());
    if (like.group == "all_reduce") c.all_reduce = fit.grid;
  }
  if (fit.full.n > 0) c.errors.push_back(fit.full);
}

void add_source(Calibration& c, const Suite& suite, const SuiteGroup& group) {
  const std::string source = suite.source + " (" + group.version + ")";
  if (std::find(c.sources.begin(), c.sources.end(), source) == c.sources.end()) c.sources.push_back(source);
  if (c.version.find(group.version) == std::string::npos) c.version += (c.version.empty() ? "" : "; ") + group.version;
  c.as_of = std::max(c.as_of, suite.as_of);
}

Calibration kernel_stage(const Target& t, const Catalog& catalog) {
  Calibration c;
  c.engine = t.key.first, c.chip = t.key.second, c.id = c.engine + "--" + c.chip, c.grade = Grade::fitted;
  const Chip chip = catalog.chip(c.chip);
  for (const auto& [suite, group] : t.kernels) {
    const std::vector<OperatorPoint> points = operator_points(*suite, *group, catalog);
    if (std::count_if(points.begin(), points.end(), [](const OperatorPoint& p) { return !p.check; }) < 4) continue;
    put_kernels(c, *suite, *group, points, chip);
    add_source(c, *suite, *group);
    c.range.most_tokens = std::max(c.range.most_tokens, suite->kind == "gemm" ? 8192.0 : 0.0);
  }
  return c;
}

/// Figures for classes that a chip's own kernel tables lack: of the same chip under other engines, else of the same
/// engine on other chips, else of all. The engine profile has the rest.
void borrow_kernels(Calibration& c, const std::vector<Calibration>& stages) {
  // Kernels made for one model alone (no products in bf16) stand for no other engine's.
  const auto general = [&](const Calibration& s) {
    return !s.ops.empty() && (s.ops.contains("qkv_gemm") || s.engine == c.engine);
  };
  const auto relatives = [&](auto&& related) {
    std::vector<CalibrationPtr> out;
    for (const Calibration& s : stages)
      if (general(s) && s.id != c.id && related(s)) out.push_back(std::make_shared<Calibration>(s));
    return class_figures(out, c.engine);
  };
  for (const CalibrationPtr& from : {relatives([&](const Calibration& s) { return s.chip == c.chip; }),
                                     relatives([&](const Calibration& s) { return s.engine == c.engine; }),
                                     relatives([](const Calibration&) { return true; })})
    if (from)
      for (const auto& [name, e] : from->ops)
        if (c.ops.try_emplace(name, e).second && from->copies_all_rows.contains(name)) c.copies_all_rows.insert(name);
}

/// Log errors of every fit row of the target's whole-step groups, weighted.
void log_errors(const Target& t, const Catalog& catalog, const CalibrationPtr& c, std::vector<double>& out) {
  for (const auto& [suite, group] : t.served)
    for (const PublishedPoint& p : predict_group(*suite, *group, catalog, c, true)) {
      const double weight = p.metric == "TTFT" ? kTtftWeight : 1;
      const bool usable = std::isfinite(p.predicted) && p.predicted > 0;
      out.push_back(weight * (usable ? std::log(p.predicted / p.measured) : kWorst));
    }
}

/// Factors of whole steps and gaps from the fit rows of serving suites.
void step_stage(Calibration& c, const Target& t, const Catalog& catalog) {
  if (t.served.empty()) return;
  const EngineProfile engine = catalog.engine(c.engine);
  std::string source = "fitted by us to whole steps and serving:";
  for (const auto& [suite, group] : t.served) {
    source += " " + suite->id;
    add_source(c, *suite, *group);
  }
  const bool front_end =
      std::any_of(t.served.begin(), t.served.end(), [](const auto& s) { return s.first->kind == "closed-loop"; });
  // Graphs compiled ahead run a prompt's layers at a cost of their own, however short the prompt; and kernels borrowed
  // from other engines' GPUs say little of their attention.
  const bool prompts = std::any_of(t.served.begin(), t.served.end(), [](const auto& s) {
    const auto& columns = s.second->columns;
    return std::find(columns.begin(), columns.end(), "ttft_ms") != columns.end();
  });
  const bool compiled = engine.batching == "static" && prompts && c.ops.contains("prefill_attention");
  std::vector<Prior> priors = {{0, 0.7},
                               {0, 0.15},
                               {0, 0.25},
                               {0, compiled ? 1 : 0.4},
                               {0, 0.7},
                               {std::log(std::max(engine.step_gap.value, 1e-5)), 1},
                               {std::log(std::max(engine.sequence_gap.value, 1e-7)), 1}};
  const std::size_t request_at = priors.size();
  if (front_end) priors.push_back({std::log(0.03), 1});
  const std::size_t layer_at = priors.size();
  if (compiled) priors.push_back({std::log(1e-4), 2});
  const auto with = [&](const std::vector<double>& x, const std::vector<double>& sigma) {
    Calibration out = c;
    const auto value = [&](std::size_t i, const char* unit) {
      return fitted(std::exp(x[i]), unit, source, c.as_of, sigma.empty() ? 0 : sigma[i]);
    };
    out.in_step = StepFactors{value(0, "1"), value(1, "1"), value(2, "1"), value(3, "1"), value(4, "1")};
    out.step_gap = value(5, "us"), out.sequence_gap = value(6, "us");
    if (front_end) out.request_gap = value(request_at, "ms");
    if (compiled) out.ops.at("prefill_attention").floor = value(layer_at, "us");
    return out;
  };
  const Fit fit = least_squares(priors, kNoise, [&](const std::vector<double>& x, std::vector<double>& out) {
    out.clear();
    log_errors(t, catalog, std::make_shared<Calibration>(with(x, {})), out);
  });
  c = with(fit.parameters, fit.sigma);
}

/// A smooth residual over neighbouring steps, where single steps were measured.
void steps_stage(Calibration& c, const Target& t, const Catalog& catalog) {
  std::map<std::string, std::vector<GridSample>> samples;
  for (const auto& [suite, group] : t.served) {
    if (suite->kind != "steps") continue;
    for (const PublishedPoint& p : predict_group(*suite, *group, catalog, std::make_shared<Calibration>(c), true)) {
      const SuiteGroup::Row& r = group->rows[p.row];
      const bool prefill = p.metric == "prefill step";
      const double x = group->at(r, "batch") * (prefill ? group->at(r, "input") : 1);
      samples[prefill ? "prefill" : "decode"].push_back(
          {x, group->at(r, "tensor_parallel"), std::log(p.measured / p.predicted)});
    }
  }
  for (const auto& [kind, own] : samples) c.steps[kind] = smooth_grid(own, 0.5, 0.3);
}

void judge(Calibration& c, const Target& t, const Catalog& catalog) {
  std::map<std::string, std::vector<Compared>> by_metric;
  for (const auto& [suite, group] : t.served) {
    for (const PublishedPoint& p : predict_group(*suite, *group, catalog, std::make_shared<Calibration>(c)))
      if (p.check && std::isfinite(p.predicted)) by_metric[p.metric].push_back({p.predicted, p.measured});
    for (const SuiteGroup::Row& r : group->rows) {
      const auto of = [&r, g = group](const char* column) { return g->get(r, column).value_or(0); };
      const auto tp = static_cast<int>(std::max(1.0, of("tensor_parallel")));
      auto& known = c.range.tensor_parallel;
      if (std::find(known.begin(), known.end(), tp) == known.end()) known.push_back(tp);
      c.range.most_sequences = std::max(
          {c.range.most_sequences, 1.0, of("batch"), of("concurrency"), of("decode_sequences") * of("data_parallel")});
      c.range.most_tokens = std::max(c.range.most_tokens, of("prefill_tokens") * of("data_parallel"));
      c.range.most_context = std::max({c.range.most_context, of("input") + of("output"), of("context")});
    }
  }
  std::sort(c.range.tensor_parallel.begin(), c.range.tensor_parallel.end());
  for (const auto& [metric, points] : by_metric)
    c.errors.push_back(error_of(points, metric, "configurations that the data files keep for checking"));
}

/// The error that a user of an unmeasured chip is told: each measured chip predicted from the others.
void leave_chips_out(Calibration& c, const std::vector<Target>& all, const std::vector<CalibrationPtr>& fits,
                     const Catalog& catalog) {
  std::map<std::string, std::vector<Compared>> by_metric;
  for (const Target& t : all) {
    if (t.key.first != c.engine) continue;
    const CalibrationPtr others = without_chip(t.key.first, t.key.second, fits);
    if (!others) continue;
    for (const auto& [suite, group] : t.served)
      for (const PublishedPoint& p : predict_group(*suite, *group, catalog, others))
        if (std::isfinite(p.predicted)) by_metric[p.metric].push_back({p.predicted, p.measured});
  }
  for (const auto& [metric, points] : by_metric)
    c.errors.push_back(error_of(points, metric, "each measured chip left out in turn and predicted from the others"));
}

}  // namespace

std::vector<Calibration> fit_published(const std::vector<Suite>& suites, const Catalog& catalog,
                                       const std::function<void(const std::string&)>& say) {
  const std::vector<Target> all = targets(suites, catalog);
  std::vector<Calibration> stages(all.size());
  tbb::parallel_for(std::size_t{0}, all.size(), [&](std::size_t i) { stages[i] = kernel_stage(all[i], catalog); });
  std::vector<Calibration> out = stages;
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, all.size(), 1),
      [&](const tbb::blocked_range<std::size_t>& range) {
        for (std::size_t i = range.begin(); i < range.end(); ++i) {
          borrow_kernels(out[i], stages);
          step_stage(out[i], all[i], catalog);
          steps_stage(out[i], all[i], catalog);
          judge(out[i], all[i], catalog);
          if (say) say(out[i].id);
        }
      },
      tbb::simple_partitioner());
  std::map<std::string, std::vector<CalibrationPtr>> by_engine;
  for (const Calibration& c : out) by_engine[c.engine].push_back(std::make_shared<Calibration>(c));
  std::vector<CalibrationPtr> fitted_ones;
  for (const Calibration& c : out) fitted_ones.push_back(std::make_shared<Calibration>(c));
  for (const auto& [engine, own] : by_engine) {
    Calibration c = *class_figures(own, engine);
    leave_chips_out(c, all, fitted_ones, catalog);
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace tokenfab::calibration
