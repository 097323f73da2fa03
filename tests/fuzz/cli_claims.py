"""Cases of claims and their formulas."""
from cli_case import Case, lines
from cli_mutate import dump
from cli_scenarios import mutated

SOUND = ["a", "b", "1", "0", "2", "0.5", "1e300", "-1", "1e-300"]
LEAVES = [*SOUND, "1e400", "3.7", "absent", "_pi", "_e", "\u2028", "0x1F", "#"]
CALLS = ["expected_tokens({},{})", "best_depth({},{})", "crf({},{})", "sinking({},{})", "cagr({},{},{})",
         "rank({},{},{})", "count_at_least({},{})", "ceil({})", "floor({})", "min({},{})", "max({})", "ln({})",
         "sqrt({})", "exp({})", "log10({})", "expected_tokens({})", "sum({},{})", "avg({})"]
SIGNS = ["+", "-", "*", "/", "^"]
INFIX = [*SIGNS, "<", ">", "==", "!=", "&&", "||", "=", " ", ","]
JUDGES = ["equals", "reduction", "within", "between", "at_least", "at_most", "fits"]
ODD = ["expected_tokens(0.5,1e300)", "expected_tokens(a,1e9)", "best_depth(0.5,1e300)", "best_depth(1,-1)", "crf(0,0)",
       "crf(-1,3)", "sinking(0,1e300)", "cagr(0,0,0)", "9^9^9^9^9", "", " ", "a b", "a;b", "a=3", "1/0", "0/0", "0^-1",
       "(-1)^0.5", "\u00e9", "a?b:", "a,b", "1e99999", "sqrt(-1)", "ln(0)", "ln(-1)", '"a"', "@", "rank()", "absent(1)"]
OTHER_INPUTS = [{"ref": "chips/h100-sxm/bandwidth"}, {"formula": "a + 1", "unit": "1"}, {"formula": "b"},
                {"claim": "S4-02"}, {"claim": "Z-1"}]


def formula(rng, depth=4):
    def part(less=1):
        return formula(rng, max(0, depth - less))
    kind = rng.random()
    if depth == 0 or kind < 0.25:
        return rng.choice(SOUND if rng.random() < 0.9 else LEAVES)
    if kind < 0.6:
        return part() + rng.choice(SIGNS if rng.random() < 0.9 else INFIX) + part()
    if kind < 0.7:
        return f"({part()})"
    if kind < 0.78:
        return f"{part()} > b ? {part()} : {part()}"
    return rng.choice(CALLS).format(part(2), part(2), part(2))


def odd_formula(rng):
    n = rng.choice([30, 1000, 20_000])
    large = ["(" * n + "a" + ")" * n, "(" * n, "-" * n + "a", "a" + "^9" * n, "a" + "+a" * n, "a" * n, "1" * n,
             "rank(" + ",".join("a" * (n // 10)) + ")"]
    return rng.choice(ODD if rng.random() < 0.7 else large)


def claim_file(rng):
    """One claim on two inputs."""
    inputs = {"a": {"said": rng.choice([1, 0.5, 0, -3, 1e30]), "unit": "1", "quote": "q"},
              "b": {"value": rng.choice([2, 0.1, 1e9, 0]), "unit": "1", "source": "s", "as_of": "2026"}}
    if rng.random() < 0.2:
        inputs["b"] = rng.choice(OTHER_INPUTS)
    text = formula(rng) if rng.random() < 0.7 else odd_formula(rng)
    text += "".join(f" + 0 * {name}" for name in inputs if name not in text)
    claim = {"id": "Z-1", "about": "x", "quote": "q", "said": rng.choice([1, 2.5, 0, 1e30]), "unit": "s",
             "inputs": inputs, "formula": text, "judge": {rng.choice(JUDGES): 0.05}}
    if rng.random() < 0.15:
        del inputs["b"]
        claim["over"] = {"b": {"low": rng.choice([0, 1, -5]), "high": rng.choice([1, 2, 1e90]),
                               "log": rng.random() < 0.3, "unit": "1", "source": "s"}}
    if rng.random() < 0.2:
        claim.update(said=[1, 2], formula=[text, formula(rng, 2)])
    return {"article": {"id": "Z", "title": "t"}, "claims": [claim]}


def claims(rng, library):
    document = claim_file(rng)
    data = mutated(rng, document, library.claims_schema)[0] if rng.random() < 0.3 else dump(document)
    options = rng.choice(lines("", "", "--json", "--json", "-o a.db", "--only Z-1"))
    return Case("audit", "", [b"audit", b"c.json", *options], {"c.json": data})
