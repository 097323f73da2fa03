#include "sim/market/regions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/demand.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

std::int64_t lots_of(const RegionSite& site, int replicas) {
  return static_cast<std::int64_t>(std::floor(replicas * site.replica_tokens_s * 3600 / kLotTokens));
}

bool reaches(const RegionsSpec& spec, std::size_t region, const RegionSite& site) {
  return spec.rtt_s[region][site.region] + site.ttft_s <= spec.ttft_limit_s;
}

FlowProblem network(const RegionsSpec& spec) {
  FlowProblem p;
  p.demand.resize(spec.regions.size());
  for (const RegionSite& site : spec.sites) p.capacity.push_back(lots_of(site, site.replicas));
  for (std::size_t r = 0; r < spec.regions.size(); ++r) {
    auto& row = p.cost.emplace_back();
    for (const RegionSite& site : spec.sites)
      row.push_back(reaches(spec, r, site) ? std::optional(site.price) : std::nullopt);
  }
  return p;
}

/// Regions that sites of each other's may serve, one number per group.
std::vector<std::size_t> groups(const RegionsSpec& spec) {
  std::vector<std::size_t> group(spec.regions.size());
  std::iota(group.begin(), group.end(), std::size_t{0});
  for (std::size_t r = 0; r < group.size(); ++r)
    for (const RegionSite& site : spec.sites) {
      if (!reaches(spec, r, site)) continue;
      const std::size_t from = std::max(group[r], group[site.region]), to = std::min(group[r], group[site.region]);
      std::replace(group.begin(), group.end(), from, to);
    }
  return group;
}

double peak(const std::vector<double>& row) { return row.empty() ? 0 : *std::max_element(row.begin(), row.end()); }

std::vector<double> sum_of(const std::vector<std::vector<double>>& rows) {
  std::vector<double> sum(rows.front().size(), 0.0);
  for (const auto& row : rows)
    for (std::size_t t = 0; t < row.size(); ++t) sum[t] += row[t];
  return sum;
}

class Regions {
 public:
  Regions(const RegionsSpec& spec, MarketRecord& record) : spec_(spec), record_(record), problem_(network(spec)) {
    demand_.assign(spec.regions.size(), {});
    total_.assign(spec.regions.size(), std::vector<std::int64_t>(spec.sites.size(), 0));
  }

  void run() {
    for (std::int64_t hour = 0; hour < spec_.hours; ++hour) clear(hour);
    for (std::size_t r = 0; r < spec_.regions.size(); ++r)
      for (std::size_t s = 0; s < spec_.sites.size(); ++s)
        if (total_[r][s] > 0)
          record_.flows.push_back(
              {spec_.regions[r].name, spec_.sites[s].name, total_[r][s], total_[r][s] * spec_.sites[s].price});
    pooling_figures();
    flow_figures();
  }

 private:
  void clear(std::int64_t hour) {
    for (std::size_t r = 0; r < spec_.regions.size(); ++r) {
      const Region& region = spec_.regions[r];
      const double lots = region.tokens_h * profile_at(region.profile, static_cast<double>(hour) + 0.5) / kLotTokens;
      problem_.demand[r] = std::llround(lots);
      demand_[r].push_back(lots);
    }
    const FlowPlan plan = clear_flow(problem_);
    const auto single = best_single_site(problem_);
    if (single) {
      require(plan.cost <= *single, "a flow of least cost costs no more than one site alone");
      ++single_hours_;
      single_cost_ += *single;
      cost_beside_single_ += plan.cost;
    }
    cost_ += plan.cost;
    unserved_ += plan.unserved;
    for (std::size_t r = 0; r < spec_.regions.size(); ++r)
      for (std::size_t s = 0; s < spec_.sites.size(); ++s) {
        total_[r][s] += plan.lots[r][s];
        served_ += plan.lots[r][s];
        if (spec_.sites[s].region != r) away_ += plan.lots[r][s];
      }
  }

  void figure(const char* name, double value, const char* unit, const std::string& basis) {
    record_.figures.push_back({"regions", name, unit, basis, value});
  }

  void pooling_figures() {
    double peaks = 0, peak_in_reach = 0;
    for (const auto& row : demand_) peaks += peak(row);
    const std::vector<std::size_t> group = groups(spec_);
    for (std::size_t g = 0; g < group.size(); ++g) {
      std::vector<std::vector<double>> rows;
      for (std::size_t r = 0; r < group.size(); ++r)
        if (group[r] == g) rows.push_back(demand_[r]);
      if (!rows.empty()) peak_in_reach += peak(sum_of(rows));
    }
    const std::string basis = "1 - peak of the sum / sum of the peaks (" + shortest(std::round(peaks)) + " M tokens/h)";
    figure("pooling gain, all regions", peaks > 0 ? pooling_gain(demand_) : 0, "", basis);
    figure("pooling gain within reach", peaks > 0 ? 1 - peak_in_reach / peaks : 0, "",
           "the same by groups of regions that may serve each other, directly or in a chain: at most that");
  }

  void flow_figures() {
    figure("served away from home", served_ > 0 ? static_cast<double>(away_) / static_cast<double>(served_) : 0, "",
           "share of tokens served");
    figure("not served", static_cast<double>(unserved_), "M tokens", "no site within reach had capacity left");
    figure("cost", in_usd(cost_), "USD", "least-cost flow, all hours");
    figure("mean price", served_ > 0 ? in_usd(cost_) / static_cast<double>(served_) : std::nan(""), "USD per M tokens",
           "cost over tokens served");
    figure("hours that one site could serve alone", static_cast<double>(single_hours_), "h",
           "of " + std::to_string(spec_.hours));
    const double dearer = single_cost_ > 0 ? 1 - in_usd(cost_beside_single_) / in_usd(single_cost_) : std::nan("");
    figure("saved over the best single site", dearer, "", "in those hours");
  }

  const RegionsSpec& spec_;
  MarketRecord& record_;
  FlowProblem problem_;
  std::vector<std::vector<double>> demand_;       // M tokens/h, by region
  std::vector<std::vector<std::int64_t>> total_;  // lots, [region][site]
  std::int64_t served_ = 0, away_ = 0, unserved_ = 0, single_hours_ = 0;
  MicroUsd cost_ = 0, single_cost_ = 0, cost_beside_single_ = 0;
};

}  // namespace

void run_regions(const RegionsSpec& spec, MarketRecord& record) { Regions(spec, record).run(); }

}  // namespace tokenfab::market
