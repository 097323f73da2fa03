"""Cases around scenario files: the files themselves, --set, markets, customers, hardware files."""
import copy

from cli_case import Case, lines
from cli_mutate import (Raw, as_argument, change, change_bytes, dump, gentle, hostile, hostile_number, hostile_string,
                        is_number, places)
from cli_schema import NAMES
from cli_seeds import AGENTS, BUILT, TRACE

# How much work a scenario may ask for, by key; a tenth of the cases may ask for more.
MOST_WORK = {"max_requests": 1000, "duration_s": 100, "rate": 200, "copies": 3, "rate_scale": 20, "max_sessions": 20,
             "users": 20, "replications": 2, "replicas": 50, "horizon_s": 1e5, "hours": 100, "years": 0.2, "orders": 50,
             "requests_per_s": 50, "prompts": 1000, "count": 100, "depth": 8, "profile_window_s": 1e4}
LEAST_STEP = {"step_h": 1, "round_h": 24, "interval_s": 0.5, "bin_s": 0.1}
SUPPORT = {"trace.csv": TRACE, "agents.jsonl": AGENTS, "factory.json": dump(BUILT)}


def shrunk(document):
    """A shipped scenario with so little work that it runs in no time."""
    document = copy.deepcopy(document)
    if "alternatives" in document:
        document["alternatives"] = document["alternatives"][:3]
    requests = 1000 if "market" in document else 20  # less saturates nothing
    for at, key in places(document):
        value = at.get(key) if isinstance(at, dict) else None
        if key in ("generate", "clients"):
            value["max_requests"] = requests
            value.pop("duration_s", None)
        elif key == "sessions" and "users" in value:
            value.update(max_sessions=2, users=min(2, value["users"]), start_within_s=1)
        elif key == "workload" and "use" in value:
            value["max_requests"] = requests
        elif key == "scenario":
            at[key] = "factory.json"
    tame(document)
    return document


def tame(document):
    for at, key in places(document):
        if is_number(at[key]) and key in MOST_WORK:
            at[key] = min(at[key], MOST_WORK[key])
        elif is_number(at[key]) and key in LEAST_STEP and at[key] >= 0:
            at[key] = max(at[key], LEAST_STEP[key])


def asks_for_much(document):
    """Whether a long run would be what was asked for."""
    def much(key, value):
        if isinstance(value, Raw):
            return key in MOST_WORK or key in LEAST_STEP
        return is_number(value) and (value > MOST_WORK.get(key, value) or value < LEAST_STEP.get(key, value))
    return any(much(key, at[key]) for at, key in places(document))


def mutated(rng, document, schema=None):
    """The bytes of a changed copy, mostly gently, sometimes nothing but bytes; and whether it asks for little work."""
    document = copy.deepcopy(document)
    kind = rng.random()
    if kind < 0.66:
        for _ in range(rng.choice([1, 1, 2, 3])):
            if schema and rng.random() < 0.6:
                schema.fill(rng, document)
            else:
                gentle(rng, document)
    elif kind < 0.92:
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            change(rng, document)
    if rng.random() < 0.9:
        tame(document)
    data, bounded = dump(document), not asks_for_much(document)
    if kind < 0.92:
        return data, bounded
    for _ in range(rng.choice([1, 1, 2, 5])):
        data = change_bytes(rng, data)
    return data, False


RUN_OPTIONS = lines("", "", "", "--bases", "--stepwise", "--jobs 1", "--seed 7", "-o o.db", "--rows -o o.db",
                    "--no-rows -o o.db")
EXPLAIN_OPTIONS = lines("", "", "--json", "--json", "--context 5000", "--topology", "--topology --broken server0/chip0")
BREAKEVEN_OPTIONS = lines("", "--json", "--json --release-idle", "--max-replicas 3")
MARKET_OPTIONS = lines("", "--json", "--json", "-o m.db", "--seed 5 --json")
CUSTOMER_OPTIONS = lines("", "--json", "--json", "--set /customer/users=3")


def scenario_command(rng):
    """What is asked about the scenario s.json."""
    kind = rng.random()
    if kind < 0.68:
        json, quick = rng.random() < 0.7, rng.random() < 0.7
        return [b"run", b"s.json", *[b"--json"] * json, *[b"--no-bands"] * quick, *rng.choice(RUN_OPTIONS)]
    if kind < 0.86:
        return [b"explain", b"s.json", *rng.choice(EXPLAIN_OPTIONS)]
    return [b"breakeven", b"s.json", *rng.choice(BREAKEVEN_OPTIONS)]


def scenario(rng, library):
    data, bounded = mutated(rng, rng.choice(library.scenarios), library.scenario_schema)
    return Case("scenario", "", scenario_command(rng), {"s.json": data, **SUPPORT}, bounded=bounded)


def market(rng, library):
    data, bounded = mutated(rng, rng.choice(library.markets), library.scenario_schema)
    argv = [b"run", b"m.json", *rng.choice(MARKET_OPTIONS)]
    return Case("market", "", argv, {"m.json": data, **SUPPORT}, bounded=bounded)


def customer(rng, library):
    data, bounded = mutated(rng, rng.choice(library.customers), library.customer_schema)
    argv = [b"breakeven", b"c.json", *rng.choice(CUSTOMER_OPTIONS)]
    return Case("customer", "", argv, {"c.json": data, **SUPPORT}, bounded=bounded)


ODD_STEPS = ["", "-", "0", "99999", "-1", "~2", "~", "x", "\u2028", "\x1b", "x" * 40_000]


def pointer(rng, document):
    """Where something is, or nearly; and what stands there."""
    steps, at = [], document
    while isinstance(at, (dict, list)) and at and (not steps or rng.random() < 0.8):
        key = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
        steps.append(str(key).replace("~", "~0").replace("/", "~1"))
        at = at[key]
    if rng.random() < 0.15:
        steps[rng.randrange(len(steps))] = rng.choice(ODD_STEPS)
    return "/" + "/".join(steps), at


def containers(document, path=""):
    if isinstance(document, (dict, list)):
        yield path, document
        for key, item in document.items() if isinstance(document, dict) else enumerate(document):
            yield from containers(item, f"{path}/{key}")


def allowed_value(rng, library, document):
    """(pointer, value) that the schema allows."""
    at, key, sub = rng.choice(list(library.scenario_schema.sites(document)))
    value = library.scenario_schema.value(rng, sub, key)
    if key in MOST_WORK and is_number(value):
        value = min(value, MOST_WORK[key])
    return next(path for path, container in containers(document) if container is at) + f"/{key}", value


def assignment(rng, library, document):
    """An argument of --set, and whether it asks for little work."""
    if rng.random() < 0.6:
        where, value = allowed_value(rng, library, document)
    else:
        where, old = pointer(rng, document)
        value = rng.choice([hostile(rng), hostile(rng), hostile_number(rng), hostile_string(rng), old, "h100-sxm", 2])
    bare = isinstance(value, str) and rng.random() < 0.5
    argument = f"{where}=".encode("utf-8", "surrogatepass")
    argument += value.encode("utf-8", "surrogatepass") if bare else dump(value)
    if rng.random() < 0.08:
        return as_argument(change_bytes(rng, argument)), False
    return as_argument(argument), not asks_for_much({where.rpartition("/")[2]: value})


def set_option(rng, library):
    document = copy.deepcopy(rng.choice(library.scenarios))
    argv, bounded = scenario_command(rng), True
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        argument, little = assignment(rng, library, document)
        argv += [b"--set", argument]
        bounded = bounded and little
    return Case("set", "", argv, {"s.json": dump(document), **SUPPORT}, bounded=bounded)


HARDWARE = {"chip": ["l4", "h100-sxm", "groq-lpu-v1", "tpu-v6e"],
            "llm": ["llama-3.1-8b", "mixtral-8x7b", "deepseek-v3"],
            "engine": ["vllm", "pytorch", "groq"], "calibration": ["vllm--h100-sxm", "vllm--class"]}


def hardware(rng, library):
    """A scenario whose chip, model, engine or calibration is a file of the user's."""
    part = rng.choice(list(HARDWARE))
    document = {**rng.choice(library.hardware[part]), "id": "mine1"}
    data, _ = mutated(rng, document, library.hardware_schemas[part])
    pool = {"llm": rng.choice(NAMES["llm"][:3]), "chip": "h100-sxm", "engine": "vllm", "weights": "fp8",
            "tensor_parallel": rng.choice([1, 2, 8]), "supply": {"rent": {"usd_per_chip_hour": 2}}}
    pool[part] = "./mine1.json"
    scene = {"name": "h", "workload": {"use": "azure-conv-2023", "max_requests": 10}, "pools": [pool]}
    return Case("hardware", "", scenario_command(rng), {"s.json": dump(scene), "mine1.json": data})
