"""What must add up in the JSON of runs (docs/results.md)."""
import math

LARGEST, SMALLEST = 1e300, 1e-300
STATES = ("served", "rejected", "in_flight")
UTILISATIONS = ("time", "cost", "mfu", "mbu", "goodput")
ROUNDING = 1e-6  # of sums of money, relative


def check_runs(document):
    """Findings on what `run --json`, `price --json` or a report in JSON says."""
    if not isinstance(document, dict) or "requests" not in document:
        return
    for run in document.get("runs") or [document]:
        yield from check_counts(run)
        yield from check_shares(run)
        yield from check_ledger(run)


def numbers(value, path=""):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}/{key}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from numbers(item, f"{path}/{i}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def check_sizes(document):
    """Numbers that no arithmetic on sensible ones gives: overflow, or memory that nobody wrote to."""
    for path, value in numbers(document):
        if abs(value) > LARGEST or 0 < abs(value) < SMALLEST:
            yield "beyond 1e300 or below 1e-300", f"{path} = {value}"
            return


def check_counts(run):
    counts = run["requests"]
    if counts["offered"] != sum(counts[s] for s in STATES):
        yield "requests do not add up", str(counts)
    tokens = run["tokens"]
    for way in ("input", "output"):
        if tokens["offered"][way] != sum(tokens[s][way] for s in STATES):
            yield "tokens do not add up", f"{way}: {tokens}"
    for path, count in [*numbers(counts, "requests"), *numbers(tokens, "tokens")]:
        if count < 0:
            yield "negative count", f"{path} = {count}"


def is_share(path):
    *above, key = path.split("/")
    parent = above[-1] if above else ""
    return (key == "hit_rate" or key.startswith("utilisation_") or (parent == "utilisation" and key in UTILISATIONS) or
            path == "/goodput/share" or key in ("refused_share", "truncated_share"))


def check_shares(run):
    for path, value in numbers(run):
        if is_share(path) and not 0 <= value <= 1:
            yield "share outside [0, 1]", f"{path} = {value!r}"
            return


def check_ledger(run):
    cost = run.get("cost", {})
    for name, sign, mine in (("usd_total", 1, False), ("revenue_usd", -1, True)):
        total = cost.get(name) if not mine else cost.get("plan", {}).get(name)
        if total is None:
            continue
        entries = [e["usd"] for e in run["ledger"] if e["account"].startswith("revenue.") == mine]
        if not math.isclose(sign * math.fsum(entries), total, rel_tol=ROUNDING, abs_tol=1e-12):
            yield "ledger does not add up", f"{name} = {total}, entries {sign * math.fsum(entries)}"
