"""Small inputs to begin with: each works as it stands and takes a fraction of a second."""
import json
import re

from cli_schema import ROOT


def pool(**more):
    return {"llm": "llama-3.1-8b", "chip": "h100-sxm", "engine": "vllm", "supply": {"rent": "on-demand"}, **more}


def generated(rate=4, requests=30, **more):
    return {"generate": {"arrivals": {"law": "poisson", "rate": rate}, "input_tokens": {"geometric": 300},
                         "output_tokens": {"uniform": [1, 60]}, "max_requests": requests, **more}}


PRICES = {"pay_per_token": {"input": 0.5, "cached_input": 0.25, "output": 1.5}}
TRACE = b"arrival,input,output,cached\n0,100,10,0\n0.5,374,44,12\n1.25,20,5,20\n3,900,1,0\n"
AGENTS = (b'{"id": "a", "block_size": 64, "requests": [{"in": 130, "out": 9, "hash_ids": [1, 2]},'
          b' {"in": 260, "out": 5, "think": 1.5, "hash_ids": [1, 2, 3, 4]}]}\n'
          b'{"id": "b", "block_size": 64, "requests": [{"in": 70, "out": 3, "new": [[9, 1]]}]}\n')

SCENARIOS = {
    "plain": {
        "name": "plain", "seed": 3, "replications": 2, "workload": {"use": "azure-conv-2023", "max_requests": 25},
        "slo": {"ttft_s": 1, "tpot_s": 0.05, "attainment": 0.9}, "plan": PRICES,
        "provider": {"name": "p", "fixed_usd_per_month": {"staff": 1000}, "cogs_usd_per_month": {"support": 10},
                     "cash_usd": 50000, "monetised_share": 0.9, "growth_per_month": 0.1},
        "quality": {"success_rate": 0.7, "usd_per_failure": 0.01},
        "alternatives": [
            {"name": "one", "router": "least-outstanding", "pools": [pool(replicas=2)]},
            {"name": "other", "like": "one", "set": {"/pools/0/chip": "l40s", "/pools/0/weights": "fp8"}}]},
    "generated": {
        "name": "generated", "workload": generated(
            in_out_correlation=0.3, classes=[{"name": "a", "share": 2, "priority": 0},
                                             {"name": "b", "share": 1, "priority": 2, "deadline_s": 9}],
            variants={"count": 5, "zipf": 1}, images={"share": 0.2, "tokens_each": 50}),
        "pools": [pool(batcher={"policy": "chunked", "max_sequences": 16, "token_budget": 512, "queue": "priority",
                                "preempt": True, "preemption": "swap", "batch_share": 0.5},
                       swap_bandwidth_gbs=20, memory_share=0.5,
                       variants={"count": 5, "megabytes": 100, "slots": 2, "bandwidth_gbs": 10})]},
    "duration": {
        "name": "duration", "horizon_s": 40,
        "workload": {"generate": {"arrivals": {"law": "gamma", "rate": 3, "cv": 2}, "input_tokens": 100,
                                  "output_tokens": {"quantiles": [[0, 1], [0.5, 20], [1, 80]]}, "duration_s": 15},
                     "rate_scale": 1.5, "thin": 0.8, "copies": 2, "copy_jitter_s": 1},
        "pools": [pool(chip="l4", weights="fp8", supply={
            "own": {"capex_usd_per_chip": 4000, "interest": 0.05, "life_years": 4}, "site": {"pue": 1.3}})]},
    "clients": {
        "name": "clients", "workload": {"clients": {
            "rate": 5, "max_requests": 30, "groups": [
                {"share": 2, "count": 3, "law": "weibull", "cv": 2, "input_tokens": 200,
                 "output_tokens": {"geometric": 30}},
                {"input_tokens": {"zipf": {"high": 400, "exponent": 1}}, "output_tokens": 1}]}},
        "pools": [pool(engine="pytorch", batcher={"policy": "static", "max_sequences": 8})]},
    "sessions": {
        "name": "sessions", "workload": {"sessions": {
            "users": 3, "start_within_s": 5, "max_sessions": 6, "turns": {"uniform": [1, 4]}, "output_tokens": 20,
            "shared_prompt_tokens": 200, "first_prompt_tokens": 300, "new_tokens": {"geometric": 80},
            "max_context_tokens": 4000, "think_ms": {"geometric": 900}}},
        "plan": PRICES,
        "spending": {"usd_per_interaction": 0.0004, "max_output_tokens": 30, "over": "truncate"},
        "pools": [pool(prefix_cache={"block_tokens": 64, "life_s": 60, "tiers": [
            {"name": "host", "capacity_gb": 10, "bandwidth_gbs": 20, "latency_us": 5}]})]},
    "recorded": {
        "name": "recorded", "workload": {"sessions": {"users": 2, "trace": "agents.jsonl"}},
        "pools": [pool(prefix_cache={"block_tokens": 64}, replicas=2)], "router": "cache-aware"},
    "trace": {
        "name": "trace", "workload": {
            "trace": {"path": "trace.csv", "columns": {"cached": "cached"}, "bad_lines": "skip"}, "copies": 3,
            "copy_jitter_s": 1},
        "plan": {"subscription": {"users": 10, "usd_per_user_month": 20, "included_tokens": 1e6,
                                  "overage_usd_per_mtok": 2}},
        "pools": [pool(prefix_cache={"shared_prompt": {"tokens": 64, "share": 0.5, "prompts": 3}})]},
    "stack": {
        "name": "stack", "infeasible": "list", "workload": generated(rate=50, requests=20),
        "pools": [pool(engine="pytorch", kv_block_tokens=256, batcher={"policy": "static", "max_sequences": 8})],
        "stack": [
            {"name": "engine", "set": {"/pools/0/engine": "vllm"}},
            {"name": "batching", "set": {"/pools/0/batcher": {"policy": "chunked", "token_budget": 1024}}},
            {"name": "drafts", "needs": ["batching"],
             "set": {"/pools/0/speculation": {"draft": "eagle", "depth": 3, "acceptance": [0.7, 0.6, 0.5]}}}]},
    "fleet": {
        "name": "fleet", "router": "failover", "gateway": {"queue": 50, "exclude_s": 5},
        "workload": generated(rate=3, requests=40),
        "outages": [{"pool": "still", "from_s": 3, "to_s": 6}],
        "pools": [
            pool(name="still"),
            pool(name="spot", spot={"hazard_per_hour": 200, "notice_s": 1, "restart_s": 3}, supply={"rent": "spot"}),
            pool(name="rest", autoscale={"policy": "reactive", "min": 0, "max": 3, "target": 4, "interval_s": 1,
                                         "window_s": 3, "cooldown_s": 2, "cold_start_s": 2})]},
    "regions": {
        "name": "regions", "router": "nearest",
        "workload": {**generated(rate=5, requests=40), "regions": [{"name": "east", "share": 2}, {"name": "west"}]},
        "regions": {"links": [{"between": ["east", "west"], "rtt_ms": 80}], "local_rtt_ms": 2},
        "pools": [pool(name="e", region="east", price=1, quality=80),
                  pool(name="w", region="west", price=0.5, quality=60)]},
    "apart": {
        "name": "apart", "workload": generated(rate=10, requests=25), "slo": {"ttft_s": 1},
        "plan": {"provisioned": {"units": 2, "usd_per_unit_hour": 10, "tokens_per_s": 500, "overflow": "spill",
                                 "on_demand": {"input": 1, "output": 2}}},
        "pools": [pool(name="p", role="prefill"),
                  pool(name="d", role="decode", transfer={"bandwidth_gbs": 10, "latency_us": 100, "overlap": 0.5})]},
    "fewest": {
        "name": "fewest", "workload": generated(rate=20, requests=40), "slo": {"ttft_s": 2, "tpot_s": 0.1},
        "pools": [pool(llm="llama-3.1-70b", chips="fewest", replicas="fewest", weights="fp8", supply={
            "rent": [{"kind": "on-demand", "share": 0.5}, {"kind": "spot", "share": 0.5}]})]},
    "experts": {
        "name": "experts", "workload": generated(rate=5, requests=15),
        "pools": [pool(llm="mixtral-8x7b", chip="b200-sxm", tensor_parallel=2, expert_parallel=True,
                       expert_routing={"zipf": 0.5}, speculation={"draft": "n-gram", "depth": 2, "acceptance": 0.4})]},
}

FACTORY = {"name": "f", "pools": [pool()]}
MARKET = {"workload": {"use": "azure-conv-2023", "max_requests": 300}, "slo": {"ttft_s": 2, "tpot_s": 0.1}}
SEGMENT = {"name": "s", "tokens_per_day": 1e9, "reference_usd_per_mtok": 0.5, "elasticity": -1.2,
           "choke_usd_per_mtok": 5}
MARKETS = {
    "routing": {"name": "r", "market": {"routing": {
        "choice": {"rule": "inverse-square"}, "exclusion_s": 3, "requests_per_s": 20, "duration_s": 20,
        "offers": [{"name": "a", "usd_per_mtok": 1},
                   {"name": "b", "usd_per_mtok": 2, "down": [{"from_s": 5, "to_s": 9}]}]}}},
    "providers": {"name": "v", **MARKET, "market": {
        "years": 0.05, "step_h": 6, "round_h": 72, "factories": [FACTORY], "segments": [SEGMENT],
        "choice": {"rule": "logit", "price_weight": 4},
        "providers": [
            {"name": "p", "factory": "f", "cash_usd": 1e6, "fixed_usd_per_month": 1000,
             "price": {"rule": "undercut", "usd_per_mtok": 0.5, "step_usd": 0.01},
             "capacity": {"rule": "reactive", "cold_start_h": 1, "target_load": 0.8}},
            {"name": "q", "usd_per_mtok": 0.3, "ttft_s": 1, "cash_usd": 1000,
             "price": {"rule": "fixed", "usd_per_mtok": 0.6}}]}},
    "exchange": {"name": "x", **MARKET, "market": {"factories": [FACTORY], "exchange": {
        "hours": 12, "mechanism": "call",
        "sellers": [{"name": "o", "factory": "f", "replicas": 3, "committed_tokens_per_day": 1e8, "asks": "full"}],
        "buyers": [{"name": "b", "mtok_per_hour": 20, "value_usd_per_mtok": 0.9, "spread": 0.3, "orders": 5}]}}},
    "places": {"name": "g", **MARKET, "market": {"factories": [FACTORY], "regions": {
        "hours": 12, "ttft_s": 1, "rtt_ms": [0, 90, 90, 0],
        "demand": [{"region": "east", "tokens_per_day": 1e8}, {"region": "west", "tokens_per_day": 2e8}],
        "sites": [{"name": "n", "region": "east", "factory": "f", "replicas": 5, "markup": 0.1}]}}},
    "futures": {"name": "t", **MARKET, "market": {
        "factories": [FACTORY, {**FACTORY, "name": "g"}], "segments": [SEGMENT],
        "rebound": {"before": "f", "after": "g", "pass_through": 0.5},
        "threshold": {"usd_per_mtok": 0.01, "factory": "f", "yearly_factor": 0.5},
        "subsidy": {"tokens_per_day": 1e9, "price_usd_per_mtok": 0.01, "factory": "f", "cash_usd": 1e5}}},
}

CUSTOMERS = {
    "agent": {"customer": {
        "name": "c", "tokens_per_interaction": {"input": 4000, "output": 300}, "interactions_per_month": 2000,
        "users": 50, "plans": {"a": {"pay_per_token": {"input": 3, "output": 15}}, "b": PRICES},
        "target": {"usd_per_interaction": 0.005},
        "switching": {"from": "a", "to": "b", "one_off_usd": 2000, "horizon_months": 24}}},
    "builder": {"customer": {
        "name": "c", "llm": "llama-3.1-8b", "tokens_per_interaction": {"input": 1000, "output": 200},
        "interactions_per_month": 1e7, "plans": {"a": {"pay_per_token": {"input": 3, "output": 15}}},
        "target": {"saving": {"against": "a", "share": 0.5}}, "factory": {"scenario": "factory.json"},
        "switching": {"from": "a", "to": "factory", "one_off_usd": 2000, "ramp_months": 3, "horizon_months": 24}}},
}
BUILT = {"name": "built", "workload": {"use": "azure-conv-2023", "max_requests": 100},
         "slo": {"ttft_s": 2, "tpot_s": 0.1}, "pools": [pool()]}


def without_comments(text):
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.DOTALL)


def shipped(folder):
    """Name -> document of the JSON files of one of the project's folders."""
    paths = sorted((ROOT / folder).glob("*.json"))
    return {path.stem: json.loads(without_comments(path.read_text())) for path in paths}
