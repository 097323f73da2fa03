#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/core/fleet_record.h"
#include "sim/core/histogram.h"

// Plain results of a run: what the simulator hands to economics, reports and the command line.
namespace tokenfab {

class RowSpool;

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

enum class RequestState : std::uint8_t { served, rejected, in_flight };

struct RequestRow {
  std::int64_t id = 0;
  Ns arrival = 0;
  Ns first_token = -1;  // -1 where it never came
  Ns finish = -1;       // last token; -1 where it never came
  std::int32_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  std::int32_t preemptions = 0;
  std::int16_t pool = 0, replica = 0;  // replica -1: rejected at the gateway
  RequestState state = RequestState::in_flight;
  std::uint8_t priority = 0, tier = 0;  // as in Request
  std::int32_t written_tokens = 0, written_hour_tokens = 0, reasoning_tokens = 0;
  std::uint32_t session = 0;  // 0: none
  bool operator==(const RequestRow&) const = default;
};

/// Equal bins over the run, coarsened by merging neighbours so that there are never more than kMaxBins.
struct SeriesBin {
  std::int64_t arrived = 0, finished = 0, rejected = 0;
  std::int64_t input_tokens = 0, output_tokens = 0;  // prefilled prompt tokens; tokens generated in the bin
  Int128 waiting_ns = 0, running_ns = 0;             // time integrals of the two counts, request-nanoseconds
};
struct Series {
  static constexpr std::size_t kMaxBins = 512;
  Ns bin_ns = 1'000'000'000;
  std::vector<SeriesBin> bins;
};

/// Where busy time went, summed over a pool's replicas. phase: "prefill" or "decode"; bound: "bandwidth",
/// "compute", "network" or "host"; seconds are replica-seconds (all chips of a replica work together).
struct StepTimeRow {
  std::string op_class, bound, phase;
  double seconds = 0;
};

/// What one level of a pool's prefix cache gave, summed over its replicas. "hbm" is the chips' own memory.
struct CacheLevelUsage {
  std::string level;
  std::int64_t hit_tokens = 0;               // prompt tokens found there when their request was first scheduled
  double read_bytes = 0, written_bytes = 0;  // brought to the chips; come down from the level above; 0 for "hbm"
};

/// How far the step times of a pool can be trusted (hwmodels/trust.h).
struct PoolTrust {
  std::string grade, calibration;          // calibration: its id; empty: the engine's class defaults, or no model
  double typical = 0, band = 0, bias = 0;  // relative errors of step times: median, expected band, signed; 0: unknown
  std::string basis;
};

/// What a pool used; money and carbon are folds over this and prices.
struct PoolUsage {
  std::string name, llm, chip, engine, weights, kv;
  std::string role = "both";                                     // "prefill", "decode" or "both"
  int tensor_parallel = 1, pipeline_parallel = 1, replicas = 1;  // replicas: the most paid for at once
  int chips = 1;                                                 // tensor_parallel * pipeline_parallel * replicas
  double paid_chip_seconds = 0;     // chips * makespan; where replicas come and go, from boot to release of each
  double busy_chip_seconds = 0;     // a step was running
  double prefill_busy_seconds = 0;  // replica-seconds, roofline share of each step
  double decode_busy_seconds = 0;
  double idle_energy_j = 0, dynamic_energy_j = 0;  // at the chips, before PUE; idle covers all paid time
  // Of requests whose part in this pool is done: prefill pools sample the first output token, decode pools the others.
  std::int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;
  double transferred_bytes = 0;        // KV caches that came to a decode pool
  std::int64_t recomputed_tokens = 0;  // prefill work repeated after preemption
  std::int64_t steps = 0, preemptions = 0;
  std::int64_t swapped_blocks = 0;  // KV blocks moved to host memory and back, each way counted
  std::int64_t variant_loads = 0;
  double transfer_seconds = 0;     // replica-seconds of busy time that swaps and loads took
  double flop = 0, hbm_bytes = 0;  // useful work done by all the pool's chips
  double peak_flops = 0;           // of one chip at the deployment's matrix dtype, FLOP/s
  double peak_bandwidth = 0;       // of one chip, bytes/s
  std::int64_t kv_blocks = 0;      // per replica
  std::int64_t kv_block_tokens = 0;
  std::int64_t peak_kv_blocks = 0;  // most in use at once on any replica
  std::int64_t max_sequences = 0;   // that a replica's batch may hold; 0: unknown
  std::int64_t most_sequences = 0;  // decoding in one step of a replica
  std::int64_t most_context = 0;    // mean KV tokens of a decode step's sequences
  std::int64_t most_tokens = 0;     // of one step
  PoolTrust trust;
  std::vector<StepTimeRow> step_time;
  std::vector<CacheLevelUsage> prefix_cache;  // nearest level first; empty: none
  std::int64_t prompt_tokens_looked_up = 0;   // in the prefix cache: all of every request scheduled
  double active_parameters = 0;               // of the model, per token; 0: unknown
  double active_weight_bytes = 0;             // what one token alone reads of the weights, as stored
};

struct Assumption {
  std::string what, value, why;  // why: the default's source or reason
};
/// An assumption of this name says where a hardware model was used outside what it was calibrated on; why: the pool.
inline constexpr const char* kExtrapolation = "extrapolation";
/// One of this name is what a bill could not tell apart; why: the sentence.
inline constexpr const char* kPlanNote = "plan";
/// Those that begin so are what the reader of a trace did to it; value: how often.
inline constexpr const char* kTraceNote = "trace: ";

struct PriceUsed {
  std::string item, unit, source, as_of;
  double value = 0;
};

struct LedgerEntry {
  std::string account, party, basis;  // account: "compute.rent", "energy", "revenue.output", ...
  double usd = 0;                     // cost > 0, revenue < 0
};

struct Latencies {
  Histogram ttft, tpot, e2e, queue;  // nanoseconds; queue = arrival to first scheduled
};

/// Served requests of one class of service.
struct ClassStats {
  int priority = 0;                                      // 0 = highest
  std::int64_t served = 0, output_tokens = 0, good = 0;  // good: met all SLOs
  Latencies latency;
};

/// Sessions of users or agents: requests of which each is caused by the end of the one before.
struct SessionStats {
  std::int64_t started = 0;            // first request arrived
  std::int64_t finished = 0;           // last request served; the rest were cut by a rejection or by the end of the run
  std::int64_t requests = 0;           // offered in them
  std::int64_t requests_finished = 0;  // served in finished sessions
  Histogram duration;  // ns, of finished ones: arrival of the first request to the last token, think time included
};

/// What price plans charge for: requests that ended in the bin-th quarter of an hour of the workload's clock, of one
/// class of service, one service tier and one bracket of prompt length.
struct MeterCell {
  std::int64_t bin = 0;  // [bin, bin + 1) x kMeterBin
  int priority = 0;      // class of service
  int bracket = 0;       // prompts of more than kMeterBrackets[bracket - 1] and at most kMeterBrackets[bracket] tokens
  std::int64_t served = 0, rejected = 0, good = 0;                      // good: of served, met all SLOs
  std::int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // of the served ones; cached: part of input
  int tier = 0;                                                         // that the requests name (service_tier.h)
  // As recorded: put into a provider's cache (part of the input), for an hour (of these); reasoning (of the output).
  std::int64_t written_tokens = 0, written_hour_tokens = 0, reasoning_tokens = 0;
  bool operator==(const MeterCell&) const = default;
};
inline constexpr Ns kMeterBin = 900'000'000'000;
/// Prompt lengths above which some list charges other prices.
inline constexpr std::array<std::int32_t, 4> kMeterBrackets = {128'000, 200'000, 256'000, 272'000};
constexpr bool is_metered(std::int32_t above) {
  for (const std::int32_t bound : kMeterBrackets)
    if (bound == above) return true;
  return false;
}
constexpr int meter_bracket(std::int64_t input_tokens) {
  int bracket = 0;
  for (const std::int32_t above : kMeterBrackets) bracket += input_tokens > above;
  return bracket;
}

/// What a ceiling on each interaction's spend (sim/workload/spend_limit.h) did to the offered calls.
struct SpendControl {
  std::int64_t calls = 0, refused = 0, truncated = 0;  // refused ones never reach the factory
  std::int64_t output_tokens_cut = 0;
  double most_usd = 0;  // that any interaction spent
  bool operator==(const SpendControl&) const = default;
};

/// The bill split over three kinds of served tokens by one method (sim/economics/unit_costs.h). Times their tokens, the
/// three add up to usd_total. NaN: no such token was served.
struct UnitCost {
  std::string method, basis;                               // basis: where the shares come from
  double usd_per_mtok_input = 0, usd_per_mtok_cached = 0;  // of uncached and of cached input tokens
  double usd_per_mtok_output = 0;
};

/// What else a bill says of a run. NaN: unknown, or not declared.
struct CostDetail {
  double usd_unused = 0;              // of usd_total: committed chip-hours that no pool held
  double carbon_market_g = kUnknown;  // operational, by the factor of the energy contract
  double equivalent_mtok_flop = kUnknown, equivalent_mtok_bytes = kUnknown;  // served, in millions of 7B-equivalents
  double success_rate = kUnknown, usd_per_failure = kUnknown;                // declared: tasks solved at first try
  double usd_per_task = kUnknown;                                            // solved; failures paid for
  // The bill, and busy chip-seconds, of the same run without any cache hit, less these. NaN: no hits, or not simulated.
  double cached_saving_usd = kUnknown, cached_saving_busy_s = kUnknown;
  std::vector<UnitCost> unit_costs;
};

/// Whether a run has settled (sim/core/steady.h). unknown: it is too short, or too noisy, to tell.
enum class Steadiness : std::uint8_t { unknown, steady, growing };
inline constexpr std::array<const char*, 3> kSteadinessNames = {"too short to tell", "steady", "growing"};

/// The highest steady rate of a run's mix of requests that its factory keeps up with, within the SLO.
struct Capacity {
  double low_rps = kUnknown;   // requests a second: shown to be kept
  double high_rps = kUnknown;  // shown not to be; the truth lies between
  std::string how;             // how it was found, or why it is not known
  bool known() const { return low_rps > 0; }
};

/// Costs of one run; see docs/definitions.md for each denominator and basis.
struct CostSummary {
  double usd_total = 0;                              // allocation: everything paid for over the makespan
  double usd_usage = kUnknown;                       // `load` of it: what the volume served needs of a full factory
  double usd_per_mtok = 0;                           // usd_total over input + output tokens
  double usd_per_mtok_in = 0, usd_per_mtok_out = 0;  // usd_in_rate * N_in + usd_out_rate * N_out = usd_total
  double usd_per_mtok_output_only = 0;               // usd_total over output tokens
  double energy_j = 0, carbon_operational_g = 0, carbon_embodied_g = 0;
  bool has_plan = false;
  double revenue_usd = 0, margin = 0, markup = 0;  // margin on price, markup on cost
  double break_even_price_factor = 0;              // multiply the plan's prices by this to break even
  // Of the capacity: the least load at which revenue = cost and above which it is more. NaN: at none, or unknown.
  double break_even_utilisation = kUnknown;
  // Shares of paid chip-time in which a step ran; of its FLOP; of its bytes; of output tokens within the SLO.
  double utilisation_time = 0, mfu = 0, mbu = 0, goodput_share = 0;
  double utilisation_cost = kUnknown;  // usd_usage over usd_total
  double occupancy = kUnknown;         // mean running requests over the most that the replicas' batches may hold
  double load = kUnknown;  // offered rate over the capacity (Capacity); above 1: more than it can keep up with
  CostDetail detail;
};

/// A provider's profit and loss; see docs/definitions.md. Amounts are of the run unless they say month (730 h). NaN:
/// does not exist.
struct PnlSummary {
  std::string provider;
  double months = 0;                             // the run's makespan
  double list_revenue_usd = 0, revenue_usd = 0;  // what the plan charges; what of it is paid
  double compute_usd = 0, platform_fee_usd = 0, marketplace_usd = 0, cogs_usd = 0;  // cogs: these and other ones
  double variable_usd = 0, contribution_usd = 0;                                    // revenue - variable cost
  double gross_margin = 0, contribution_margin = 0, markup = 0, break_even_price_factor = 0;
  double subsidy_usd_per_mtok = 0;                          // (cogs - revenue) / tokens; below zero: a profit
  bool loss_leader = false, contribution_negative = false;  // revenue below cogs; below variable cost
  double revenue_usd_month = 0, cogs_usd_month = 0, fixed_usd_month = 0, net_burn_usd_month = 0;
  std::string month_basis;                                       // what the month's volume is
  double load_factor = kUnknown;                                 // of the month: mean load over capacity
  double cash_usd = 0, growth_per_month = 0, runway_months = 0;  // cash NaN: not given; runway infinite: never ends
};

/// The range of a metric over this run and those with every step time longer or shorter by the expected error.
struct Band {
  std::string metric;  // its place in the JSON of a run: "ttft_s.p50", "cost.usd_per_mtok"
  double low = 0, high = 0;
};
struct Bands {
  std::string basis;  // how they came about, or why there are none
  std::vector<Band> of;
  const Band* find(const std::string& metric) const;  // null: none
};

/// A served request's share of what the run cost and of what its plan takes, in USD; NaN: none.
struct RowMoney {
  double cost_usd = kUnknown, price_usd = kUnknown;
};

struct RunRecord {
  std::string study, alternative, sweep_point, scenario_json;
  std::uint64_t seed = 0;
  int replication = 0;
  bool stepwise = false;

  std::int64_t offered = 0, served = 0, rejected = 0, in_flight = 0;
  std::int64_t input_offered = 0, input_served = 0, input_rejected = 0, input_in_flight = 0;
  std::int64_t output_offered = 0, output_served = 0, output_rejected = 0, output_in_flight = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t written_tokens = 0, reasoning_tokens = 0;  // of the served ones, as recorded (MeterCell)
  std::int64_t rejected_too_long = 0;  // of rejected: longer than the model's context, the KV cache or the token budget
  std::int64_t skipped_lines = 0;      // malformed trace lines passed over by explicit option
  double makespan_s = 0;               // first arrival offered to last event
  double arrival_span_s = 0;           // first arrival to last
  double slo_ttft_s = 0, slo_tpot_s = 0, slo_e2e_s = 0;  // 0 = none
  std::int64_t good_requests = 0, good_output_tokens = 0;
  bool saturated = false;
  double backlog_slope_per_s = 0;  // waiting requests per second of arrival time
  Steadiness steadiness = Steadiness::unknown;
  double warm_up_s = 0;  // from the first arrival; what is left of the arrivals was judged

  Latencies latency;
  std::vector<ClassStats> classes;       // by priority; empty where all requests are of the highest
  std::optional<SessionStats> sessions;  // where the workload has sessions
  Series series;
  std::vector<PoolUsage> pools;
  std::vector<Assumption> assumptions;
  std::vector<PriceUsed> prices;
  std::vector<LedgerEntry> ledger;
  CostSummary cost;
  std::optional<PnlSummary> pnl;  // where the scenario has a provider
  std::string provenance;         // weakest grade among the hardware models used
  double error_band = 0;          // largest typical relative error of step times among them; 0 = not measured
  Bands bands;
  std::optional<FleetStats> fleet;  // where replicas come and go, or pools have regions or prices to choose by
  bool keeps_rows = false;
  std::vector<RequestRow> rows;
  std::shared_ptr<RowSpool> spooled_rows;  // those before `rows`, on disk (sim/core/row_spool.h); null: none
  double started_s = 0;                    // first arrival offered, on the workload's clock
  std::vector<MeterCell> meter;            // by bin; their sums are the totals
  Capacity capacity;
  std::optional<SpendControl> spending;                  // where interactions have a ceiling
  std::function<RowMoney(const RequestRow&)> price_row;  // of a priced run; null: no money per request
};

}  // namespace tokenfab
