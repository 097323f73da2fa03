-- tokenfab results (PRAGMA user_version: the version of this schema). One file per study; `tokenfab run -o` appends runs to it.
-- Units are in the column names: _s seconds, _ns nanoseconds, _j joules, _g grams CO2e, usd US dollars.

-- One factory run on one replication of the workload. state: 'running' until its results are all written, then
-- 'complete'. A run that was killed stays 'running' and has no rows in the other tables.
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  study TEXT NOT NULL, alternative TEXT NOT NULL, sweep_point TEXT NOT NULL,
  replication INTEGER NOT NULL, seed INTEGER NOT NULL, stepwise INTEGER NOT NULL,
  version TEXT NOT NULL,            -- of tokenfab
  state TEXT NOT NULL CHECK (state IN ('running', 'complete')),
  scenario TEXT NOT NULL            -- JSON, resolved: what was run
);

-- A hash over the rows that a run has in the other tables, request apart. A run whose rows are not those that were
-- written is refused by every command.
CREATE TABLE seal (run_id INTEGER PRIMARY KEY REFERENCES run(id), digest INTEGER NOT NULL);

-- Counts, tokens and verdicts of a run. offered = served + rejected + in_flight, for requests and tokens alike.
CREATE TABLE total (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  offered INTEGER, served INTEGER, rejected INTEGER, in_flight INTEGER,
  input_offered INTEGER, input_served INTEGER, input_rejected INTEGER, input_in_flight INTEGER,
  output_offered INTEGER, output_served INTEGER, output_rejected INTEGER, output_in_flight INTEGER,
  cached_tokens INTEGER,
  rejected_too_long INTEGER,        -- of rejected: longer than the context, the KV cache or the token budget
  skipped_lines INTEGER,            -- malformed trace lines passed over as asked
  makespan_s REAL, arrival_span_s REAL,
  slo_ttft_s REAL, slo_tpot_s REAL, slo_e2e_s REAL,   -- 0: no such objective
  good_requests INTEGER, good_output_tokens INTEGER,  -- that met every objective
  saturated INTEGER, backlog_slope_per_s REAL,
  grade TEXT, relative_error REAL,  -- weakest and largest of error_band; 0: not measured
  band_basis TEXT,                  -- how the rows of band came about, or why there are none
  started_s REAL,                   -- first arrival, on the workload's clock
  -- Of the served ones, as recorded: put into a provider's cache (part of the input); reasoning (part of the output).
  written_tokens INTEGER, reasoning_tokens INTEGER,
  -- The highest steady rate of this mix, requests a second, that is kept within the SLO: shown to be, shown not to be.
  capacity_rps REAL, capacity_rps_high REAL, capacity_how TEXT,
  -- Whether the number of requests in the system had settled: 0 too short to tell, 1 yes, 2 it grew; after warm_up_s.
  steadiness INTEGER, warm_up_s REAL
);

-- Costs of a run (docs/definitions.md). NULL: does not exist, for example a price per token when none was served.
CREATE TABLE cost (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  usd_total REAL, usd_usage REAL,
  usd_per_mtok REAL, usd_per_mtok_in REAL, usd_per_mtok_out REAL, usd_per_mtok_output_only REAL,
  energy_j REAL, carbon_operational_g REAL, carbon_embodied_g REAL,
  has_plan INTEGER, revenue_usd REAL, margin REAL, markup REAL,
  break_even_price_factor REAL, break_even_utilisation REAL,
  utilisation_time REAL, utilisation_cost REAL, mfu REAL, mbu REAL, goodput_share REAL,
  occupancy REAL,                   -- mean running requests over the most that the batches may hold
  load REAL                         -- offered rate over total.capacity_rps
);

-- The factory: pools of identical replicas.
CREATE TABLE pool (
  run_id INTEGER REFERENCES run(id), pool INTEGER,
  name TEXT, llm TEXT, chip TEXT, engine TEXT, weights TEXT, kv TEXT,
  tensor_parallel INTEGER, pipeline_parallel INTEGER, replicas INTEGER, chips INTEGER,
  peak_flops REAL, peak_bandwidth REAL,               -- of one chip, FLOP/s and bytes/s
  kv_blocks INTEGER, kv_block_tokens INTEGER,         -- per replica
  role TEXT,                                          -- 'prefill', 'decode' or 'both'
  active_parameters REAL, active_weight_bytes REAL,   -- of the model per token; 0: unknown
  PRIMARY KEY (run_id, pool)
) WITHOUT ROWID;

-- What each pool used: prices and carbon are folds over this table.
CREATE TABLE usage (
  run_id INTEGER REFERENCES run(id), pool INTEGER,
  paid_chip_seconds REAL, busy_chip_seconds REAL,
  prefill_busy_seconds REAL, decode_busy_seconds REAL,  -- replica-seconds
  idle_energy_j REAL, dynamic_energy_j REAL,            -- at the chips, host share included, before PUE
  input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, recomputed_tokens INTEGER,
  steps INTEGER, preemptions INTEGER,
  swapped_blocks INTEGER, variant_loads INTEGER,        -- KV blocks to host memory and back; adapters or models loaded
  transfer_seconds REAL,                                -- of busy time, replica-seconds
  flop REAL, hbm_bytes REAL, peak_kv_blocks INTEGER,
  most_sequences INTEGER, most_context INTEGER,         -- of a decode step: sequences, their mean KV tokens
  most_tokens INTEGER,                                  -- of a step
  prompt_tokens_looked_up INTEGER,                      -- in the prefix cache; 0: none
  transferred_bytes REAL,                               -- KV caches that came to a decode pool
  max_sequences INTEGER,                                -- that a replica's batch may hold
  PRIMARY KEY (run_id, pool)
) WITHOUT ROWID;

-- Prefix caches, level by level, 0 the chips' own memory: prompt tokens found there, bytes brought from there to the
-- chips, bytes come down from the level above. No rows where a pool caches no prefixes.
CREATE TABLE cache_level (
  run_id INTEGER REFERENCES run(id), pool INTEGER, level INTEGER,
  name TEXT, hit_tokens INTEGER, read_bytes REAL, written_bytes REAL,
  PRIMARY KEY (run_id, pool, level)
) WITHOUT ROWID;

-- Where busy time went. phase: 'prefill' or 'decode'; bound: 'bandwidth', 'compute', 'network' or 'host'.
CREATE TABLE step_time (
  run_id INTEGER REFERENCES run(id), pool INTEGER,
  op_class TEXT, bound TEXT, phase TEXT, seconds REAL,
  PRIMARY KEY (run_id, pool, op_class, bound, phase)
) WITHOUT ROWID;

-- One row per request, where kept. Times since the run's start; NULL where it never came.
CREATE TABLE request (
  run_id INTEGER REFERENCES run(id), id INTEGER,
  arrival_ns INTEGER, first_token_ns INTEGER, finish_ns INTEGER,
  input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, preemptions INTEGER,
  pool INTEGER, replica INTEGER,                      -- replica -1: rejected
  state TEXT CHECK (state IN ('served', 'rejected', 'in_flight')),
  priority INTEGER, tier INTEGER,                     -- class of service; service tier as in meter
  written_tokens INTEGER, written_hour_tokens INTEGER, reasoning_tokens INTEGER, session INTEGER,
  cost_usd REAL, price_usd REAL, margin_usd REAL,     -- of served ones; they sum to cost.usd_total and revenue_usd
  PRIMARY KEY (run_id, id)
) WITHOUT ROWID;

-- Served requests by class of service (0: the highest), where there is more than one; good: met every objective.
CREATE TABLE class_total (
  run_id INTEGER REFERENCES run(id), priority INTEGER,
  served INTEGER, good INTEGER, output_tokens INTEGER,
  PRIMARY KEY (run_id, priority)
) WITHOUT ROWID;

-- Latency histograms; those of several runs merge by SUM(count) GROUP BY metric, bucket.
-- metric: 'ttft', 'tpot', 'e2e', 'queue', or 'session' (finished sessions, think time included); 'ttft.class1' and
-- so on: of one class of service (class_total). A bucket covers [lower_ns, upper_ns), under 0.8 % wide.
CREATE TABLE latency_sketch (
  run_id INTEGER REFERENCES run(id), metric TEXT, bucket INTEGER,
  lower_ns INTEGER, upper_ns INTEGER, count INTEGER,
  PRIMARY KEY (run_id, metric, bucket)
) WITHOUT ROWID;
CREATE TABLE latency (
  run_id INTEGER REFERENCES run(id), metric TEXT,
  count INTEGER, sum_ns TEXT,                         -- decimal: may exceed 64 bits
  min_ns INTEGER, max_ns INTEGER, mean_s REAL, p50_s REAL, p90_s REAL, p99_s REAL,
  PRIMARY KEY (run_id, metric)
) WITHOUT ROWID;

-- Sessions of users or agents, where the workload has them; their durations are the metric 'session'.
CREATE TABLE session_total (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  started INTEGER, finished INTEGER, requests INTEGER,
  requests_finished INTEGER                           -- served in finished sessions
);

-- Equal bins over the run. Tokens count in the bin in which their step ends.
CREATE TABLE series (
  run_id INTEGER REFERENCES run(id), bin INTEGER, start_s REAL, end_s REAL,
  arrived INTEGER, finished INTEGER, rejected INTEGER, input_tokens INTEGER, output_tokens INTEGER,
  mean_waiting REAL, mean_running REAL,
  PRIMARY KEY (run_id, bin)
) WITHOUT ROWID;

-- Costs are positive, revenue negative; basis is the arithmetic.
CREATE TABLE ledger (
  run_id INTEGER REFERENCES run(id), entry INTEGER,
  account TEXT, party TEXT, usd REAL, basis TEXT,
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;

-- Defaults that the scenario left open, with their reason; what = 'extrapolation': where a pool's hardware model (why:
-- the pool) was used outside what it was calibrated on; prices that entered the bill, with their source.
CREATE TABLE assumption (
  run_id INTEGER REFERENCES run(id), entry INTEGER, what TEXT, value TEXT, why TEXT,
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;
CREATE TABLE price_used (
  run_id INTEGER REFERENCES run(id), entry INTEGER, item TEXT, value REAL, unit TEXT, source TEXT, as_of TEXT,
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;

-- How far each pool's step times can be trusted: grade of its hardware model, its calibration ('': the engine's class
-- defaults), the typical (median) relative error, the expected band (nine of ten points), the signed median error, and
-- what was compared with what. NULL: not measured.
CREATE TABLE error_band (
  run_id INTEGER REFERENCES run(id), pool INTEGER,
  grade TEXT, calibration TEXT, relative_error REAL, band REAL, bias REAL, basis TEXT,
  PRIMARY KEY (run_id, pool)
) WITHOUT ROWID;

-- The range of a metric (named as in the JSON of a run) over the run and two more of the same requests, with every step
-- time longer and shorter by error_band.band. First replications only; no rows where no error is known.
CREATE TABLE band (
  run_id INTEGER REFERENCES run(id), entry INTEGER, metric TEXT, low REAL, high REAL,
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;

-- A provider's profit and loss, where the scenario has a "provider". Of the run unless the name says month (730 h).
-- NULL: does not exist; cash_usd given and runway_months NULL: the runway never ends.
CREATE TABLE pnl (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  provider TEXT, months REAL, list_revenue_usd REAL, revenue_usd REAL,
  compute_usd REAL, platform_fee_usd REAL, marketplace_usd REAL, cogs_usd REAL, variable_usd REAL, contribution_usd REAL,
  gross_margin REAL, contribution_margin REAL, markup REAL, break_even_price_factor REAL, subsidy_usd_per_mtok REAL,
  loss_leader INTEGER, contribution_negative INTEGER,
  revenue_usd_month REAL, cogs_usd_month REAL, fixed_usd_month REAL, net_burn_usd_month REAL,
  cash_usd REAL, growth_per_month REAL, runway_months REAL,
  month_basis TEXT, load_factor REAL                    -- what the month's volume is; its mean load over capacity
);

-- What price plans charge for, summed over requests that ended in the same quarter of an hour of the workload's clock
-- (bin x 900 s), of the same class and service tier, and of prompts of the same bracket: up to 128,000 (0), 200,000, 256,000, 272,000 and
-- more tokens (4). Tokens are those of served requests; the sums are those of total.
CREATE TABLE meter (
  run_id INTEGER REFERENCES run(id), entry INTEGER, bin INTEGER, priority INTEGER, bracket INTEGER,
  served INTEGER, rejected INTEGER, good INTEGER,     -- good: of served, met all objectives
  input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER,
  tier INTEGER,                                       -- that the trace names: 0 none, then standard, batch, flex, priority, scale
  written_tokens INTEGER, written_hour_tokens INTEGER, -- put into a provider's cache; of these, for an hour
  reasoning_tokens INTEGER,                           -- of the output
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;

-- Where the scenario caps what an interaction may spend: calls asked for, refused and shortened.
CREATE TABLE spend_control (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  calls INTEGER, refused INTEGER, truncated INTEGER, output_tokens_cut INTEGER, most_usd REAL
);

-- Fleets whose replicas come and go, or whose pools are chosen by place or price; no rows for others. Requests: that
-- waited at the gateway (at most at once), found it full, that no pool may serve, below their class's quality floor.
CREATE TABLE fleet (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  waited INTEGER, most_waiting INTEGER, gateway_full INTEGER, unreachable INTEGER, floor_violations INTEGER,
  pooling_gain REAL, peak_window_s REAL               -- 1 - peak(sum of regions' demands) / sum of peaks, over windows
);
CREATE TABLE pool_fleet (
  run_id INTEGER REFERENCES run(id), pool INTEGER,
  region TEXT, price REAL, price_unit TEXT, quality REAL,  -- price_unit '': none was needed; quality 0: not declared
  boots INTEGER, reclaims INTEGER, requeued INTEGER, failed_attempts INTEGER, routed INTEGER,
  paid_replica_s REAL, boot_replica_s REAL,
  PRIMARY KEY (run_id, pool)
) WITHOUT ROWID;
-- Requests of a region's clients to a pool.
CREATE TABLE region_flow (
  run_id INTEGER REFERENCES run(id), entry INTEGER, origin TEXT, pool INTEGER, requests INTEGER, rtt_s REAL,
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;
-- A pool's replicas from time_ns on, until its next row. draining: paid for, and take no more requests.
CREATE TABLE replica_count (
  run_id INTEGER REFERENCES run(id), pool INTEGER, time_ns INTEGER, ready INTEGER, booting INTEGER, draining INTEGER,
  PRIMARY KEY (run_id, pool, time_ns)
) WITHOUT ROWID;

-- tokenfab validate: errors of the hardware models on published measurements, relative. Not of a run.
CREATE TABLE validation (
  tokenfab_version TEXT, suite TEXT, chip TEXT, engine TEXT, engine_version TEXT, metric TEXT,
  use TEXT,      -- 'fit', or 'check': points that no fit saw
  grade TEXT,    -- of the hardware model
  n INTEGER, refused INTEGER,  -- points judged; points that the model says cannot work
  mape REAL, median REAL, p90 REAL, bias REAL, rank_correlation REAL,
  roofline_mape REAL, scaled_roofline_mape REAL,  -- rivals: the data sheet, and the same times one fitted scalar
  chip_left_out_mape REAL                         -- predicted from the other chips
);

-- Alternatives that cannot work, where the scenario lists them: they have no run.
CREATE TABLE infeasible (
  study TEXT NOT NULL, alternative TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE (study, alternative)
);

-- What else a bill says (docs/definitions.md). NULL: unknown, or not declared.
CREATE TABLE cost_detail (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  usd_unused REAL,                                       -- of usd_total: committed chip-hours that no pool held
  carbon_market_g REAL,                                  -- operational, by the factor of the energy contract
  equivalent_mtok_flop REAL, equivalent_mtok_bytes REAL, -- served tokens in millions of 7B-equivalents
  success_rate REAL, usd_per_failure REAL,               -- as declared
  usd_per_task REAL,                                     -- of a solved task, failures paid for
  -- The bill and the busy chip-seconds of the same run without any cache hit, less these.
  cached_saving_usd REAL, cached_saving_busy_s REAL
);

-- The bill over uncached input, cached input and output tokens, by several methods: each adds up to cost.usd_total.
-- NULL: no such token was served.
CREATE TABLE unit_cost (
  run_id INTEGER REFERENCES run(id), entry INTEGER, method TEXT, basis TEXT,
  usd_per_mtok_input REAL, usd_per_mtok_cached REAL, usd_per_mtok_output REAL,
  cached_saving_usd REAL,                                -- of older files: not used, see cost_detail
  PRIMARY KEY (run_id, entry)
) WITHOUT ROWID;

-- What happened, in one row per run.
CREATE VIEW v_summary AS
SELECT run.id AS run_id, study, alternative, sweep_point, replication, state,
       offered, served, rejected, in_flight, makespan_s,
       output_served / makespan_s AS output_tok_s, served / makespan_s AS requests_s,
       good_requests / makespan_s AS good_requests_s,
       (SELECT p50_s FROM latency WHERE latency.run_id = run.id AND metric = 'ttft') AS ttft_p50_s,
       (SELECT p99_s FROM latency WHERE latency.run_id = run.id AND metric = 'ttft') AS ttft_p99_s,
       (SELECT p50_s FROM latency WHERE latency.run_id = run.id AND metric = 'tpot') AS tpot_p50_s,
       (SELECT p99_s FROM latency WHERE latency.run_id = run.id AND metric = 'tpot') AS tpot_p99_s,
       usd_total, usd_per_mtok, saturated, grade, NULLIF(relative_error, 0) AS relative_error
FROM run LEFT JOIN total ON total.run_id = run.id LEFT JOIN cost ON cost.run_id = run.id;

-- Question 1: what does a token cost here, and who pays for it?
CREATE VIEW v_unit_cost AS
SELECT run.id AS run_id, alternative, sweep_point, replication,
       usd_total, usd_usage, usd_per_mtok, usd_per_mtok_in, usd_per_mtok_out, usd_per_mtok_output_only,
       revenue_usd, margin, markup, energy_j / 3.6e6 AS energy_kwh,
       carbon_operational_g + carbon_embodied_g AS carbon_g,
       utilisation_time, utilisation_cost, mfu, mbu, goodput_share
FROM run JOIN cost ON cost.run_id = run.id;

CREATE VIEW v_breakeven AS
SELECT run.id AS run_id, alternative, sweep_point, replication, usd_total, revenue_usd, margin,
       break_even_price_factor, break_even_utilisation, utilisation_time
FROM run JOIN cost ON cost.run_id = run.id WHERE has_plan;

-- Question 2: how fast is it for the user?
CREATE VIEW v_latency AS
SELECT run.id AS run_id, alternative, sweep_point, replication, metric, count, mean_s, p50_s, p90_s, p99_s,
       max_ns / 1e9 AS max_s, saturated
FROM run JOIN latency ON latency.run_id = run.id JOIN total ON total.run_id = run.id;

-- Question 3: which alternative is better, and what holds it back?
CREATE VIEW v_bottleneck AS
SELECT run.id AS run_id, alternative, sweep_point, replication, pool, op_class, bound, SUM(seconds) AS seconds,
       SUM(seconds) / SUM(SUM(seconds)) OVER (PARTITION BY run.id, pool) AS share
FROM run JOIN step_time ON step_time.run_id = run.id
GROUP BY run.id, pool, op_class, bound;

-- Question 4: how far can the answer be trusted?
CREATE VIEW v_assumptions AS
SELECT run.id AS run_id, alternative, CASE what WHEN 'extrapolation' THEN what ELSE 'assumption' END AS kind,
       what, value, why AS source, '' AS as_of
FROM run JOIN assumption ON assumption.run_id = run.id
UNION ALL
SELECT run.id, alternative, 'price', item, value || ' ' || unit, source, as_of
FROM run JOIN price_used ON price_used.run_id = run.id
UNION ALL
SELECT run.id, alternative, 'hardware model', pool.name || ': ' || grade ||
         CASE calibration WHEN '' THEN '' ELSE ' (' || calibration || ')' END,
       COALESCE('step times typically off by ' || ROUND(100 * relative_error, 1) || ' %, band ' || ROUND(100 * band, 1)
                || ' %', 'error not measured'), basis, ''
FROM run JOIN error_band ON error_band.run_id = run.id
         JOIN pool ON pool.run_id = run.id AND pool.pool = error_band.pool;

-- The same, metric by metric: how far an answer may be off.
CREATE VIEW v_band AS
SELECT run.id AS run_id, alternative, sweep_point, metric, low, high
FROM run JOIN band ON band.run_id = run.id;

-- Markets: one row in market for each `tokenfab run` of a scenario with "market"; docs/definitions.md. Money is exact, in
-- whole micro-USD; prices are micro-USD per million tokens, input and output together.
CREATE TABLE market (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, seed INTEGER, version TEXT, scenario TEXT NOT NULL,
  step_h REAL, steps INTEGER                          -- of the competition; 0: none
);
-- One replica of a factory by load: point 0 is idle, the last is the SLO's limit.
CREATE TABLE market_curve (
  market_id INTEGER REFERENCES market(id), factory TEXT, point INTEGER, chips INTEGER, grade TEXT, relative_error REAL,
  tokens_s REAL, requests_s REAL, ttft_mean_s REAL, ttft_p99_s REAL, tpot_mean_s REAL, tpot_p99_s REAL,
  attainment REAL, busy_share REAL, power_w REAL, usd_per_hour REAL,
  PRIMARY KEY (market_id, factory, point)
) WITHOUT ROWID;
CREATE TABLE market_round (
  market_id INTEGER REFERENCES market(id), round INTEGER, start_h REAL, end_h REAL,
  hhi REAL, demanded_tokens INTEGER, served_tokens INTEGER, spend_micro_usd INTEGER,
  PRIMARY KEY (market_id, round)
) WITHOUT ROWID;
CREATE TABLE market_provider_round (
  market_id INTEGER REFERENCES market(id), round INTEGER, provider TEXT,
  price_micro_usd INTEGER, share REAL, demanded_tokens INTEGER, served_tokens INTEGER,
  revenue_micro_usd INTEGER, supply_cost_micro_usd INTEGER, fixed_cost_micro_usd INTEGER, cash_micro_usd INTEGER,
  replica_hours REAL, energy_j REAL, attainment REAL,
  PRIMARY KEY (market_id, round, provider)
) WITHOUT ROWID;
-- cash_end = cash_start + revenue - supply_cost - fixed_cost. exit_h: hour in which cash fell below zero; NULL: never.
CREATE TABLE market_provider (
  market_id INTEGER REFERENCES market(id), provider TEXT,
  cash_start_micro_usd INTEGER, cash_end_micro_usd INTEGER, revenue_micro_usd INTEGER, supply_cost_micro_usd INTEGER,
  fixed_cost_micro_usd INTEGER, last_price_micro_usd INTEGER, marginal_cost_micro_usd INTEGER,
  demanded_tokens INTEGER, served_tokens INTEGER, exit_h REAL, replica_hours REAL, energy_j REAL, attainment REAL,
  PRIMARY KEY (market_id, provider)
) WITHOUT ROWID;
-- What segments spend is what providers take.
CREATE TABLE market_segment (
  market_id INTEGER REFERENCES market(id), segment TEXT,
  demanded_tokens INTEGER, served_tokens INTEGER, spend_micro_usd INTEGER, consumer_surplus_usd REAL,
  PRIMARY KEY (market_id, segment)
) WITHOUT ROWID;
-- The exchange, hour by hour; a lot is a million tokens. price NULL: no trade.
CREATE TABLE market_auction (
  market_id INTEGER REFERENCES market(id), hour INTEGER, bid_lots INTEGER, ask_lots INTEGER, volume_lots INTEGER,
  price_micro_usd INTEGER, turnover_micro_usd INTEGER,
  buyer_surplus_micro_usd INTEGER, seller_surplus_micro_usd INTEGER,
  PRIMARY KEY (market_id, hour)
) WITHOUT ROWID;
-- Cash received less cash paid: sums to zero.
CREATE TABLE market_participant (
  market_id INTEGER REFERENCES market(id), name TEXT, side TEXT, offered_lots INTEGER, traded_lots INTEGER,
  cash_micro_usd INTEGER,
  PRIMARY KEY (market_id, side, name)
) WITHOUT ROWID;
CREATE TABLE market_flow (
  market_id INTEGER REFERENCES market(id), region TEXT, site TEXT, mtok INTEGER, cost_micro_usd INTEGER,
  PRIMARY KEY (market_id, region, site)
) WITHOUT ROWID;
CREATE TABLE market_rebound (
  market_id INTEGER REFERENCES market(id), segment TEXT, elasticity REAL,
  quantity_ratio REAL, spend_ratio REAL, energy_ratio REAL, consumer_surplus_gain_usd_per_year REAL,
  PRIMARY KEY (market_id, segment)
) WITHOUT ROWID;
CREATE TABLE market_figure (
  market_id INTEGER REFERENCES market(id), section TEXT, name TEXT, value REAL, unit TEXT, basis TEXT,
  PRIMARY KEY (market_id, section, name)
) WITHOUT ROWID;
CREATE TABLE market_assumption (
  market_id INTEGER REFERENCES market(id), entry INTEGER, what TEXT, value TEXT, why TEXT,
  PRIMARY KEY (market_id, entry)
) WITHOUT ROWID;
