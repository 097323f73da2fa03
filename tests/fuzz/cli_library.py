"""What cases are made from: the kinds of cases, schemas, documents that ship, results of real runs."""
import contextlib
import random
import sqlite3
import time

import cli_arguments
import cli_claims
import cli_measured
import cli_prices
import cli_results
import cli_scenarios
import cli_traces
import cli_weights
from cli_case import Case, unpack, words
from cli_child import Limits, run_child
from cli_mutate import dump
from cli_schema import Schema
from cli_seal import breaks_seals
from cli_seeds import CUSTOMERS, MARKETS, SCENARIOS, shipped

KINDS = {  # name -> (weight, maker)
    "scenario": (30, cli_scenarios.scenario),
    "set": (12, cli_scenarios.set_option),
    "market": (5, cli_scenarios.market),
    "customer": (3, cli_scenarios.customer),
    "hardware": (6, cli_scenarios.hardware),
    "args": (10, cli_arguments.arguments),
    "trace": (10, cli_traces.trace),
    "sessions": (2, cli_traces.recorded),
    "results": (10, cli_results.results),
    "plan": (10, cli_prices.plan),
    "audit": (6, cli_claims.claims),
    "calibrate": (3, cli_measured.calibrate),
    "engine": (4, cli_weights.engine),
}
DEAF = 0.01  # share of cases whose standard output is a full disk
TWICE = 0.05


def kind_of(rng):
    return rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]


class Library:
    def __init__(self, binary, home, folder):
        self.scenario_schema = Schema("scenarios/schema/scenario.schema.json")
        self.customer_schema = Schema("scenarios/schema/customer.schema.json")
        self.claims_schema = Schema("audit/schema/claims.schema.json")
        self.scenarios = with_shipped(SCENARIOS, "scenarios", "scenarios/providers", "scenarios/infeasible")
        self.markets = with_shipped(MARKETS, "scenarios/market")
        self.customers = with_shipped(CUSTOMERS, "scenarios/customers")
        self.hardware, self.hardware_schemas = {}, {}
        for part, names in cli_scenarios.HARDWARE.items():
            files = shipped(f"hwmodels/{part}s")
            self.hardware[part] = [files[name] for name in names]
            self.hardware_schemas[part] = Schema(f"hwmodels/schema/{part}.schema.json")
        wanted = {name: cli_results.scenario_of(name) for name in cli_results.MADE}
        wanted["market"] = MARKETS[cli_results.MARKET], []
        self.results = {name: make_results(binary, home, folder / name, *how) for name, how in wanted.items()}

    def case(self, seed, counter):
        """The same case for the same numbers, whatever ran before."""
        rng = random.Random(f"{seed}:{counter}")
        kind = kind_of(rng)
        case = KINDS[kind][1](rng, self)
        case.kind, case.ident = kind, f"{seed}:{counter}"
        case.deaf = case.steady and rng.random() < DEAF
        case.twice = case.steady and case.bounded and rng.random() < TWICE
        return case


def with_shipped(own, *folders):
    documents = list(own.values())
    for folder in folders:
        documents += [cli_scenarios.shrunk(document) for document in shipped(folder).values()]
    return documents


def make_results(binary, home, folder, scenario, options):
    folder.mkdir()
    files = {"s.json": dump(scenario), **cli_scenarios.SUPPORT}
    case = Case("", "", words("run s.json -o r.db") + options, files)
    unpack(case, folder)
    outcome = run_child(binary, case.argv, folder, folder, Limits(60, 4096, time.monotonic() + 60), home)
    if outcome.code:
        raise SystemExit(f"a sound scenario failed: exit {outcome.code}: {outcome.err.decode(errors='replace')}")
    with contextlib.closing(sqlite3.connect(folder / "r.db")) as db:
        if breaks_seals(db):
            raise SystemExit("cli_seal.py does not seal as the tool does: bring it up to reports/seal.h")
    return (folder / "r.db").read_bytes()
