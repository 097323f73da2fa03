"""Cases of plans and lists of prices that are laid over sound results."""
import contextlib
import copy
import sqlite3

from cli_case import Case, lines, words
from cli_mutate import STRINGS, as_argument, dump, hostile
from cli_scenarios import mutated
from cli_seal import seal_again
from cli_seeds import PRICES

PLANS = [PRICES, {"pay_per_token": "groq"}, {"gpu_second": {"usd_per_hour": 3, "charged": "busy"}},
         {"subscription": {"users": 10, "usd_per_user_month": 20, "included_tokens": 1e6, "overage_usd_per_mtok": 2}},
         {"token_pools": {"usd_per_pool": 5, "tokens_per_pool": 1e5}},
         {"unlimited": {"users": 100, "usd_per_user_month": 20, "usage": {"lognormal_sigma": 1.2}}},
         {"revenue_share": {"share": 0.3, "of": PRICES}}, {"free_tier": {"conversion": 0.05, "paid": PRICES}},
         {"fixed_output": {"usd_per_request": 0.002}},
         {**PRICES, "sla": [{"objective": "good", "at_least": 0.99, "credit": 0.1}]},
         {"pay_per_token": {"input": 1, "output": 3, "context": [{"above": 128000, "input": 2, "output": 4}],
                            "volume": [{"above_tokens_per_month": 1e6, "factor": 0.8}]}},
         {"pay_per_token": {"input": 1, "output": 3, "tiers": {"batch": 0.5}, "classes": ["standard", "batch"],
                            "off_peak": {"from": "16:30", "to": "00:30", "input": 0.5, "output": 1}}}]
SUPPLIES = [{"rent": "on-demand"}, {"rent": {"usd_per_chip_hour": 2}}, {"own": {}}, {"rent": "spot"},
            {"own": {"capex_usd_per_chip": 30000, "life_years": 4, "interest": 0.08, "tax_rate": 0.2}},
            {"rent": [{"kind": "reserved-1y", "committed_chips": 2}, {"kind": "spot", "share": 1}]}]
COMPARED = lines("own,groq,p.json", "p.json", "p.json,p.json", "own,,groq", "p.json --json", "own,p.json,groq --json")
OPTIONS = lines("", "--json", "--json", "--focus f.csv", "--focus f.csv --json", "--bases", "--budget 1",
                "--budget 1e-300", "--budget 1e300", "--budget 5e-324")
NAMED = ["UPDATE run SET study = ?", "UPDATE run SET alternative = ? || alternative", "UPDATE pool SET name = ?",
         "UPDATE pool SET llm = ?"]
LITELLM_KEYS = ["cache_read_input_token_cost", "input_cost_per_token_above_128k_tokens", "mode",
                "output_cost_per_token_batches", "input_cost_per_token_above_99999999999999999999k_tokens",
                "cache_creation_input_token_cost_flex"]


def prices(rng, schema):
    """What a file of --plan may hold, made by hand or by rule."""
    def one(examples, node):
        return copy.deepcopy(rng.choice(examples)) if rng.random() < 0.6 else schema.value(rng, node)
    document = {}
    if rng.random() < 0.85:
        document["plan"] = one(PLANS, schema.root["definitions"]["plan"])
    if rng.random() < 0.5:
        document["supply"] = one(SUPPLIES, schema.root["definitions"]["supply"])
    for key in ("provider", "quality"):
        if rng.random() < 0.1:
            document[key] = schema.value(rng, schema.root["properties"][key])
    return document


def pricing(rng, document):
    """How results are priced anew."""
    kind = rng.random()
    if kind < 0.15:
        return [b"price", b"r.db", b"--compare", *rng.choice(COMPARED)]
    if kind < 0.25:
        return [b"breakeven", b"r.db", b"--set", as_argument(b"/plan=" + dump(document.get("plan", PRICES)))]
    argv = [b"price", b"r.db", *rng.choice(OPTIONS)]
    if kind < 0.4:
        return argv + rng.choice(lines("--litellm l.json", "--litellm l.json --model m", "--litellm l.json --model n"))
    if kind < 0.55:
        at, value = rng.choice(list(document.items()) or [("plan", 1)])
        value = value if rng.random() < 0.7 else hostile(rng)
        return [*argv, b"--set", as_argument(f"/{at}=".encode() + dump(value))]
    return argv + words("--plan p.json")


def renamed(rng, content):
    """Sometimes results with a name in them that a spreadsheet or a page might take for more than a name."""
    if rng.random() < 0.7:
        return content
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        db.execute(rng.choice(NAMED), (rng.choice([s for s in STRINGS if 0 < len(s) < 200]),))
        seal_again(db)
        db.commit()
        return db.serialize()


def litellm(rng):
    """A list of prices in LiteLLM's shape."""
    entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    for name in LITELLM_KEYS:
        if rng.random() < 0.2:
            entry[name] = rng.choice([1e-7, 1e-6, None, "chat"])
    document = {"m": entry, "llama-3.1-8b": dict(entry)}
    return mutated(rng, document)[0] if rng.random() < 0.6 else dump(document)


def plan(rng, library):
    document = prices(rng, library.scenario_schema)
    files = {"r.db": renamed(rng, library.results[rng.choice(["plain", "sessions", "apart", "fleet"])]),
             "p.json": mutated(rng, document)[0] if rng.random() < 0.5 else dump(document), "l.json": litellm(rng)}
    return Case("plan", "", pricing(rng, document), files)
