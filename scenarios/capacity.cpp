#include "scenarios/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/workload/transform.h"

namespace tokenfab {
namespace {

constexpr double kMostScale = 1 << 17, kPrecision = 1.01;

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

class Search {
 public:
  Search(const Scenario& scenario, const Alternative& alternative, std::int64_t requests)
      : scenario_(scenario), unit_(capacity_unit(alternative)), workload_(unit_.workload), requests_(requests) {
    options_.rows = false;
  }

  FoundCapacity find() {
    double low = 0, high = 0;  // served; not served
    for (double scale = 1; high == 0 && scale <= kMostScale; scale *= 2) (served(scale) ? low : high) = scale;
    if (high == 0) throw UserError(unit_.name + ": no arrival rate is too much for it: there is nothing to saturate");
    for (double scale = high / 2; low == 0 && scale >= 1 / kMostScale; scale /= 2) (served(scale) ? low : high) = scale;
    if (low == 0) refuse();
    while (high / low > kPrecision) {
      const double middle = std::sqrt(low * high);
      (served(middle) ? low : high) = middle;
    }
    best_.runs = runs_;
    best_.unit.how = how();
    return std::move(best_);
  }

 private:
  bool served(double scale) {
    unit_.workload = sped_up(workload_, scale, requests_);
    RunRecord r = run_once(scenario_, unit_, 0, options_);
    ++runs_;
    attained_ = r.offered > 0 ? static_cast<double>(r.good_requests) / static_cast<double>(r.offered) : 0;
    if (r.saturated || r.served == 0 || (has_slo() && attained_ < unit_.slo.attainment)) return false;
    keep(std::move(r), scale);
    return true;
  }

  bool has_slo() const { return unit_.slo.ttft_s > 0 || unit_.slo.tpot_s > 0 || unit_.slo.e2e_s > 0; }

  void keep(RunRecord&& r, double scale) {
    UnitCapacity& c = best_.unit;
    const double tokens = static_cast<double>(r.input_served + r.output_served);
    c.requests_per_s = static_cast<double>(r.offered) / r.arrival_span_s;
    c.tokens_per_s = c.requests_per_s * tokens / static_cast<double>(r.served);
    c.busy = r.cost.utilisation_time;
    best_.rate_scale = scale;
    best_.attained = attained_;
    best_.at = std::move(r);
  }

  std::string how() const {
    return fmt::format(
        "highest arrival rate of {} that {}, to 1 %: {} runs of the first {} requests, sped up together (x {:.4g})",
        unit_.pools.size() == 1 ? "one replica" : "the factory as it is",
        has_slo() ? fmt::format("keeps {:.3g} % of requests within the SLO", 100 * unit_.slo.attainment)
                  : "does not saturate it",
        runs_, best_.at.offered, best_.rate_scale);
  }

  [[noreturn]] void refuse() const {
    throw Infeasible(fmt::format(
        "{}: one unit keeps {:.1f} % of requests within the SLO however rarely they come; {:.1f} % are wanted",
        unit_.name, 100 * attained_, 100 * unit_.slo.attainment));
  }

  const Scenario& scenario_;
  Alternative unit_;
  WorkloadPlan workload_;
  std::int64_t requests_;
  RunOptions options_;
  FoundCapacity best_;
  int runs_ = 0;
  double attained_ = 0;
};

}  // namespace

Alternative capacity_unit(const Alternative& alternative) {
  Alternative unit = alternative;
  unit.horizon_s = 0;
  if (unit.pools.size() == 1) unit.pools.front().spec.replicas = 1;
  return unit;
}

WorkloadPlan sped_up(const WorkloadPlan& workload, double scale, std::int64_t requests) {
  return {[workload, scale, requests](std::uint64_t seed, std::uint32_t replication) {
            OpenWorkload open = workload.open(seed, replication);
            open.source = std::make_unique<FirstRequests>(std::move(open.source), requests);
            TransformSpec faster;
            faster.rate_scale = scale;
            open.source = transform(std::move(open.source), faster, seed, replication);
            return open;
          },
          requests};
}

FoundCapacity find_capacity(const Scenario& scenario, const Alternative& alternative, std::int64_t requests) {
  if (alternative.workload.open(scenario.seed, 0).source->closed_loop())
    throw UserError(scenario.name + ": a closed loop has no arrival rate to speed up");
  return Search(scenario, alternative, requests).find();
}

}  // namespace tokenfab
