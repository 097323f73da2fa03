#include "sim/market/competition.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "sim/economics/demand.h"
#include "sim/market/firm.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

/// What a segment asks of each provider in one step, in tokens.
struct Asked {
  std::vector<double> tokens;
  double mean_price_usd = 0;
};

/// What a firm sells in one step.
struct Sold {
  std::int64_t tokens = 0;
  MicroUsd revenue = 0;
};

class Competition {
 public:
  Competition(const CompetitionSpec& spec, MarketRecord& record) : spec_(spec), record_(record) {
    for (const auto& p : spec.providers) firms_.emplace_back(p, spec.step_h);
    for (const auto& s : spec.segments) record.segments.push_back({.name = s.name});
    steps_ = std::llround(spec.horizon_h / spec.step_h);
    round_steps_ = std::max<std::int64_t>(1, std::llround(spec.round_h / spec.step_h));
  }

  void run() {
    for (std::int64_t k = 0; k < steps_; ++k) {
      if (k % round_steps_ == 0) begin_round(k);
      step(k);
      if ((k + 1) % round_steps_ == 0 || k + 1 == steps_) end_round(k + 1);
    }
    for (const Firm& f : firms_) record_.providers.push_back(f.total());
    MicroUsd paid = 0, taken = 0;
    for (const auto& s : record_.segments) paid += s.spend;
    for (const auto& p : record_.providers) taken += p.revenue;
    require(paid == taken, "what segments pay = what providers take");
  }

 private:
  double hour(std::int64_t step) const { return static_cast<double>(step) * spec_.step_h; }
  double years(std::int64_t step) const { return hour(step) / kHoursPerYear; }

  std::vector<Offer> offers(double at_h) const {
    std::vector<Offer> out;
    for (const Firm& f : firms_) out.push_back(f.offer(at_h));
    return out;
  }

  /// Demand of a segment in a step of mean profile `level`.
  Asked asked(const Segment& s, const std::vector<Offer>& offered, double level) const {
    Asked out;
    out.tokens = shares(s.choice, offered);
    double all = 0;
    for (std::size_t i = 0; i < out.tokens.size(); ++i) {
      out.mean_price_usd += out.tokens[i] * in_usd(offered[i].price);
      all += out.tokens[i];
    }
    const double quantity = all > 0 ? level * quantity_at(s.demand, out.mean_price_usd) : 0;
    for (double& t : out.tokens) t *= quantity;
    return out;
  }

  double level(const Segment& s, std::int64_t step) const {
    return std::pow(1 + s.growth, years(step) + spec_.step_h / 2 / kHoursPerYear) *
           profile_at(s.profile, hour(step) + spec_.step_h / 2);
  }

  /// USD an hour that a firm would earn at `price`, at the mean of the week.
  double profit(std::size_t i, MicroUsd price, std::int64_t step) const {
    std::vector<Offer> offered = offers(hour(step));
    offered[i].price = price;
    double tokens = 0;
    for (const Segment& s : spec_.segments) tokens += asked(s, offered, std::pow(1 + s.growth, years(step))).tokens[i];
    return tokens * in_usd(price - firms_[i].marginal_cost()) / 1e6;
  }

  void begin_round(std::int64_t k) {
    for (std::size_t i = 0; i < firms_.size(); ++i) {
      if (!firms_[i].alive()) continue;
      if (k > 0) set_price(i, k);
      firms_[i].begin_round();
    }
    plan(k);
  }

  void set_price(std::size_t i, std::int64_t k) {
    std::optional<MicroUsd> rival;
    for (std::size_t j = 0; j < firms_.size(); ++j)
      if (j != i && firms_[j].alive()) rival = std::min(rival.value_or(firms_[j].price()), firms_[j].price());
    PriceView view = firms_[i].price_view();
    view.lowest_rival = rival;
    view.highest = spec_.highest_price;
    view.profit = [&, i, k](MicroUsd price) { return profit(i, price, k); };
    firms_[i].set_price(next_price(spec_.providers[i].price, view));
  }

  /// Demand from `from` to the end of the round, and as far beyond as anyone's foresight goes.
  void plan(std::int64_t from) {
    std::int64_t ahead = 0;
    for (const auto& p : spec_.providers)
      if (p.capacity.rule == CapacityRule::oracle) ahead = std::max(ahead, lead_steps(p.capacity, spec_.step_h));
    const std::int64_t end = (from / round_steps_ + 1) * round_steps_ + ahead;
    for (Firm& f : firms_) f.forget_from(static_cast<std::size_t>(from));
    plan_from_ = from;
    plan_.assign(spec_.segments.size(), {});
    for (std::int64_t k = from; k < end; ++k) {
      const std::vector<Offer> offered = offers(hour(k));
      std::vector<double> tokens(firms_.size(), 0.0);
      for (std::size_t s = 0; s < spec_.segments.size(); ++s) {
        Asked a = asked(spec_.segments[s], offered, level(spec_.segments[s], k) * spec_.step_h);
        for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] += a.tokens[i];
        plan_[s].push_back(std::move(a));
      }
      for (std::size_t i = 0; i < tokens.size(); ++i) firms_[i].expect(tokens[i]);
    }
  }

  void step(std::int64_t k) {
    std::vector<double> served(firms_.size(), 0.0);
    for (std::size_t i = 0; i < firms_.size(); ++i)
      if (firms_[i].alive()) served[i] = firms_[i].serve(static_cast<std::size_t>(k));
    const std::vector<Sold> sold = sell(k, served);
    bool exits = false;
    for (std::size_t i = 0; i < firms_.size(); ++i) {
      if (!firms_[i].alive()) continue;
      firms_[i].book(static_cast<std::size_t>(k), sold[i].tokens, sold[i].revenue);
      exits |= !firms_[i].alive();
    }
    if (exits && k + 1 < steps_ && (k + 1) % round_steps_ != 0) plan(k + 1);
  }

  /// Buyers of a firm are served in proportion to what they ask; what segments pay is what firms take.
  std::vector<Sold> sell(std::int64_t k, const std::vector<double>& served_share) {
    std::vector<Sold> out(firms_.size());
    for (std::size_t s = 0; s < spec_.segments.size(); ++s) {
      const Asked& a = plan_[s][static_cast<std::size_t>(k - plan_from_)];
      SegmentTotal& total = record_.segments[s];
      double demanded = 0;
      std::int64_t served = 0;
      for (std::size_t i = 0; i < firms_.size(); ++i) {
        const std::int64_t tokens = std::llround(a.tokens[i] * served_share[i]);
        const MicroUsd paid = charge(tokens, firms_[i].price());
        out[i].tokens += tokens;
        out[i].revenue += paid;
        demanded += a.tokens[i];
        served += tokens;
        total.spend += paid;
      }
      total.demanded += std::llround(demanded);
      total.served += served;
      if (demanded > 0)
        total.consumer_surplus_usd += surplus(s, k, a.mean_price_usd) * static_cast<double>(served) / demanded;
    }
    return out;
  }

  /// Of a segment that is served in full, in USD; NaN where it has no limit.
  double surplus(std::size_t s, std::int64_t k, double mean_price_usd) const {
    const Segment& segment = spec_.segments[s];
    DemandCurve curve = segment.demand;
    curve.quantity *= level(segment, k) * spec_.step_h;
    const double area = consumer_surplus(curve, mean_price_usd, segment.choke_usd_per_mtok) / 1e6;
    return std::isinf(area) ? std::nan("") : area;
  }

  void end_round(std::int64_t end) {
    MarketRound round;
    round.round = static_cast<int>((end - 1) / round_steps_);
    round.start_h = hour(round.round * round_steps_);
    round.end_h = hour(end);
    std::vector<double> sizes;
    std::vector<ProviderRound> rows;
    for (Firm& f : firms_) {
      if (!f.took_part()) continue;
      ProviderRound row = f.end_round(round.round, round.end_h - round.start_h);
      round.demanded += row.demanded;
      round.served += row.served;
      round.spend += row.revenue;
      sizes.push_back(static_cast<double>(row.served));
      rows.push_back(std::move(row));
    }
    if (round.served > 0) round.hhi = herfindahl_index(sizes);
    for (ProviderRound& row : rows) {
      row.share = round.served > 0 ? static_cast<double>(row.served) / static_cast<double>(round.served) : 0;
      record_.provider_rounds.push_back(std::move(row));
    }
    record_.rounds.push_back(round);
  }

  const CompetitionSpec& spec_;
  MarketRecord& record_;
  std::vector<Firm> firms_;
  std::int64_t steps_ = 0, round_steps_ = 1;
  std::int64_t plan_from_ = 0;
  std::vector<std::vector<Asked>> plan_;  // by segment, by step from plan_from_
};

}  // namespace

double Supplier::marginal_cost(double load) const {
  if (!curve) return resale_usd_per_mtok;
  const double tokens_s = load * curve->capacity();
  return curve->at(tokens_s)->usd_h / (tokens_s * 3600) * 1e6;
}

void run_competition(const CompetitionSpec& spec, MarketRecord& record) { Competition(spec, record).run(); }

}  // namespace tokenfab::market
