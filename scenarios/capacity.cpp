#include "scenarios/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "sim/core/slo.h"
#include "sim/workload/transform.h"

namespace tokenfab {
namespace {

constexpr double kMostScale = 1 << 17, kPrecision = 1.01;
constexpr std::int64_t kQuickRequests = 4'096;  // enough to tell rates that are far from the limit
constexpr double kAlone = 0.01;                 // mean requests in the system at which each is alone
constexpr double kShortStays = 10;              // requests of a trial for each in the system, below which it is short
constexpr double kStudent = 2.093;              // 97.5 % of Student's t with 19 degrees of freedom

/// The first requests of a stream.
class FirstRequests : public RequestSource {
 public:
  FirstRequests(std::unique_ptr<RequestSource> source, std::int64_t count) : source_(std::move(source)), left_(count) {}
  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    if (left_ == 0) return;
    source_->read(batch, std::min(limit, static_cast<std::size_t>(left_)));
    left_ -= static_cast<std::int64_t>(batch.requests.size());
  }

 private:
  std::unique_ptr<RequestSource> source_;
  std::int64_t left_;
};

bool has_slo(const Slo& slo) { return slo.ttft_s > 0 || slo.tpot_s > 0 || slo.e2e_s > 0; }

/// Share of requests within the SLO after the warm-up, with its interval over batch means.
void judge_slo(Trial& trial) {
  std::vector<const RequestRow*> rows;
  const Ns from = ns_from_seconds(trial.record.started_s + trial.record.warm_up_s);
  for (const RequestRow& r : trial.record.rows)
    if (r.arrival >= from) rows.push_back(&r);
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  const std::size_t each = rows.size() / kBatches;
  trial.attained = 0, trial.half_width = 1;
  if (each == 0) return;
  std::vector<double> means;
  for (std::size_t b = 0; b < kBatches; ++b)
    means.push_back(static_cast<double>(std::count_if(rows.begin() + static_cast<std::ptrdiff_t>(b * each),
                                                      rows.begin() + static_cast<std::ptrdiff_t>((b + 1) * each),
                                                      [&](const auto* r) { return meets_slo(trial.record, *r); })) /
                    static_cast<double>(each));
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / kBatches;
  double squares = 0;
  for (const double m : means) squares += (m - mean) * (m - mean);
  trial.attained = mean;
  trial.half_width = kStudent * std::sqrt(squares / (kBatches - 1) / kBatches);
}

/// Requests in the system, in the mean.
double mean_inside(const RunRecord& r) {
  return r.served > 0 ? r.latency.e2e.mean() * 1e-9 * static_cast<double>(r.served) / r.makespan_s : 0;
}

class Search {
 public:
  Search(const Scenario& scenario, const Alternative& alternative, std::int64_t requests)
      : scenario_(scenario), unit_(capacity_unit(alternative)), requests_(requests) {}

  FoundCapacity find() {
    bracket();
    narrow();
    best_.scale_high = high_;
    best_.rate_scale = low_ / kMargin;
    keep(run(best_.rate_scale, requests_));
    best_.runs = runs_;
    return std::move(best_);
  }

 private:
  Trial run(double scale, std::int64_t requests) {
    ++runs_;
    Trial t = try_steady(scenario_, unit_, scale, requests);
    // Many requests stay long in a large factory: more of them must come before it settles.
    const double stays = static_cast<double>(requests) / std::max(1.0, mean_inside(t.record));
    const std::int64_t most = stays < kShortStays ? 4 * requests_ : requests_;
    if (t.kept == Kept::unknown && requests < most) return run(scale, std::min(4 * requests, most));
    attained_ = t.attained;
    inside_ = mean_inside(t.record);
    return t;
  }

  /// low_ is kept, top_ is not, or is not known to be; high_ is not kept.
  void bracket() {
    const std::int64_t quick = std::min(kQuickRequests, requests_);
    double scale = 1;
    Kept kept = run(scale, quick).kept;
    const bool up = kept == Kept::yes;
    while (up == (kept == Kept::yes)) {
      if (kept == Kept::no) high_ = scale;
      (kept == Kept::yes ? low_ : top_) = scale;
      scale *= up ? 2 : 0.5;
      if (scale > kMostScale)
        throw UserError(unit_.name + ": no arrival rate is too much for it: there is nothing to saturate");
      if (scale < 1 / kMostScale || inside_ < kAlone) refuse();
      kept = run(scale, quick).kept;
    }
    if (kept == Kept::no) high_ = scale;
    (kept == Kept::yes ? low_ : top_) = scale;
    // What a short run takes for kept a long one may not.
    while (run(low_, requests_).kept != Kept::yes) {
      top_ = low_;
      if ((low_ /= 2) < 1 / kMostScale || inside_ < kAlone) refuse();
    }
  }

  void narrow() {
    while (top_ / low_ > kPrecision) {
      const double middle = std::sqrt(low_ * top_);
      const Kept kept = run(middle, requests_).kept;
      (kept == Kept::yes ? low_ : top_) = middle;
      if (kept == Kept::no) high_ = middle;
    }
    double known = top_;  // up to here it is not known
    if (high_ == 0) high_ = std::max(known * 2, 2 * low_);
    while (high_ / known > 2 * kPrecision - 1) {
      const double middle = std::sqrt(known * high_);
      (run(middle, requests_).kept == Kept::no ? high_ : known) = middle;
    }
  }

  void keep(Trial&& t) {
    UnitCapacity& c = best_.unit;
    const RunRecord& r = t.record;
    const double tokens = static_cast<double>(r.input_served + r.output_served), rate = offered_rps(r);
    c.requests_per_s = rate;
    c.requests_per_s_high = rate * best_.scale_high / best_.rate_scale;
    c.tokens_per_s = rate * tokens / static_cast<double>(r.served);
    c.busy = r.cost.utilisation_time;
    best_.attained = t.attained;
    best_.at = std::move(t.record);
    c.how = how();
  }

  std::string how() const {
    const UnitCapacity& c = best_.unit;
    return fmt::format(
        "highest steady arrival rate of {} that {}; not {:.4g}/s, which is too much: {} runs of {} requests at most "
        "(arrivals x {:.4g})",
        unit_.pools.size() == 1 ? "one replica" : "the factory as it is",
        has_slo(unit_.slo) ? fmt::format("keeps {:.3g} % of requests within the SLO", 100 * unit_.slo.attainment)
                           : "does not saturate it",
        c.requests_per_s_high, runs_, requests_, best_.rate_scale);
  }

  [[noreturn]] void refuse() const {
    throw Infeasible(fmt::format(
        "{}: one unit keeps {:.1f} % of requests within the SLO however rarely they come; {:.1f} % are wanted",
        unit_.name, 100 * attained_, 100 * unit_.slo.attainment));
  }

  const Scenario& scenario_;
  Alternative unit_;
  std::int64_t requests_;
  FoundCapacity best_;
  double low_ = 0, top_ = 0, high_ = 0;
  int runs_ = 0;
  double attained_ = 0, inside_ = 0;  // of the last run: share within the SLO, mean requests in the system
};

}  // namespace

Trial try_steady(const Scenario& scenario, const Alternative& alternative, double scale, std::int64_t requests) {
  Alternative unit = alternative;
  unit.horizon_s = 0;
  unit.plan.reset(), unit.provider.reset();  // prices are of no use to a trial
  unit.workload = sped_up(alternative.workload, scale, requests);
  RunOptions options;
  options.rows = has_slo(unit.slo);
  Trial t;
  t.record = run_once(scenario, unit, 0, options);
  t.attained = 1;
  if (has_slo(unit.slo)) judge_slo(t);
  t.record.rows = {};
  const RunRecord& r = t.record;
  const double wanted = has_slo(unit.slo) ? unit.slo.attainment : 0;
  const bool turned_away = r.rejected > r.rejected_too_long;
  if (r.served == 0 || r.steadiness == Steadiness::growing || t.attained + t.half_width < wanted) t.kept = Kept::no;
  else if (r.steadiness == Steadiness::steady && t.attained - t.half_width >= wanted && !turned_away)
    t.kept = Kept::yes;
  return t;
}

Alternative capacity_unit(const Alternative& alternative) {
  Alternative unit = alternative;
  unit.horizon_s = 0;
  if (unit.pools.size() == 1) unit.pools.front().spec.replicas = 1;
  return unit;
}

WorkloadPlan sped_up(const WorkloadPlan& workload, double scale, std::int64_t requests) {
  const WorkloadPlan steady = workload.steady(requests);
  return {[steady, scale, requests](std::uint64_t seed, std::uint32_t replication) {
            OpenWorkload open = steady.open(seed, replication);
            open.source = std::make_unique<FirstRequests>(std::move(open.source), requests);
            TransformSpec faster;
            faster.rate_scale = scale;
            open.source = transform(std::move(open.source), faster, seed, replication);
            return open;
          },
          requests, workload.facts()};
}

FoundCapacity find_capacity(const Scenario& scenario, const Alternative& alternative, std::int64_t requests) {
  if (alternative.workload.facts().closed_loop)
    throw UserError(scenario.name + ": a closed loop has no arrival rate to speed up");
  return Search(scenario, alternative, requests).find();
}

}  // namespace tokenfab
