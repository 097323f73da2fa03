"""Values that a JSON Schema of this project allows, and where they fit into a document."""
import copy
import json
import math
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPTH = 6

# Objects that the schemas leave open, and strings that stand for something.
OPEN_OBJECTS = {
    "arrivals": [{"law": "poisson", "rate": 4}, {"law": "gamma", "rate": 5, "cv": 2}, {"law": "fixed", "rate": 3},
                 {"law": "weibull", "rate": 5, "shape": 0.7}, {"law": "all-at-once"},
                 {"law": "poisson", "rate": 4, "profile": [0.5, 1, 2], "profile_window_s": 5},
                 {"markov": {"rates": [1, 9], "transition": [[0.9, 0.1], [0.2, 0.8]], "bin_s": 2}}],
    "lognormal": [{"weights": [1], "mu": [4], "sigma": [1], "max": 2000},
                  {"weights": [0.3, 0.7], "mu": [3, 5], "sigma": [0.5, 1], "min": 2, "max": 5000}],
    "zipf": [{"low": 1, "high": 500, "exponent": 1.2}, {"high": 3000, "exponent": 0}],
    "trace": [{"path": "trace.csv"}, {"path": "trace.csv", "format": "csv", "bad_lines": "skip", "dejitter_s": 1}],
    "set": [{"/pools/0/weights": "fp8"}, {"/router": "least-outstanding"}, {"/pools/0/replicas": 2},
            {"/workload/rate_scale": 0.5}, {"/pools/1": {"copy": "/pools/0"}}],
    "slo": [{"ttft_s": 1}, {"ttft_s": 2, "tpot_s": 0.1, "e2e_s": 60}],
    "own_chip": [{}],
    "own": [{}],
    "api": [{"pay_per_token": {"input": 1, "output": 2}}],
    "step": [{"llm": "llama-3.1-8b", "chip": "h100-sxm"}],
}
NAMES = {
    "llm": ["llama-3.1-8b", "llama-3.1-70b", "qwen3-32b", "mixtral-8x7b", "deepseek-v3", "gpt-oss-20b"],
    "chip": ["h100-sxm", "l4", "l40s", "a100-80-sxm", "b200-sxm", "mi300x", "tpu-v6e", "groq-lpu-v1", "h200-sxm"],
    "engine": ["vllm", "pytorch", "sglang", "tensorrt-llm", "groq", "vllm-2023"],
    "calibration": ["none", "vllm--h100-sxm", "vllm--class"],
    "use": ["azure-conv-2023", "azure-code-2023"],
    "draft": ["n-gram", "eagle", "medusa", "mtp", "llama-3.1-8b"],
    "kind": ["on-demand", "spot", "reserved-1y", "reserved-3y", "capacity-block"],
    "rent": ["on-demand", "spot", "reserved-1y"],
    "provider": ["together", "groq", "deepseek", "openai"],
    "region": ["east", "west"], "between": ["east", "west"],
    "factory": ["f", "g"], "before": ["f"], "after": ["g"],
    "broken": ["server0/chip1", "server0/chip0"],
    "ref": ["chips/h100-sxm/bandwidth", "llms/llama-3.1-8b/parameters", "rents/h100-sxm/on-demand"],
    "formula": ["a", "a * b", "a / b", "expected_tokens(a, b)", "crf(a, b)"],
    "read": ["/cost/usd_per_mtok", "decode_s", "output_tok_s"],
    "classes": ["standard", "batch"],
}


class Schema:
    def __init__(self, path):
        self.root = json.loads((ROOT / path).read_text())

    def followed(self, node):
        while "$ref" in node:
            target = self.root
            for step in node["$ref"].lstrip("#/").split("/"):
                target = target[step]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def options(self, node):
        """The node and what its alternatives say, without references."""
        node = self.followed(node)
        found = [node]
        for word in ("oneOf", "anyOf", "allOf"):
            for option in node.get(word, []):
                found += self.options(option)
        return found

    def sites(self, value, node=None):
        """(container, key, schema) of all that is in a document or could be."""
        for option in self.options(self.root if node is None else node):
            if isinstance(value, dict):
                taken = rivals(option, value)
                for name, sub in option.get("properties", {}).items():
                    if sub is False or name in taken:
                        continue
                    yield value, name, sub
                    if name in value:
                        yield from self.sites(value[name], sub)
            elif isinstance(value, list) and isinstance(option.get("items"), dict):
                for i, item in enumerate(value):
                    yield value, i, option["items"]
                    yield from self.sites(item, option["items"])

    def fill(self, rng, document):
        """Writes an allowed value somewhere, half the time where there was none."""
        sites = list(self.sites(document))
        present = [s for s in sites if isinstance(s[0], list) or s[1] in s[0]]
        absent = [s for s in sites if not isinstance(s[0], list) and s[1] not in s[0]]
        if not sites:
            return
        at, key, sub = rng.choice((present if rng.random() < 0.5 else absent) or sites)
        at[key] = self.value(rng, sub, key)

    def value(self, rng, node, name="", depth=DEPTH):
        node = self.followed(node)
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return rng.choice(node["enum"])
        alternatives = [a for a in node.get("oneOf", []) if set(a) - {"required", "properties", "not"} or "type" in a]
        if alternatives and "properties" not in node:
            return self.value(rng, rng.choice(alternatives), name, depth)
        kind = node.get("type", "object" if "properties" in node or "allOf" in node else "string")
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        return {"object": self.object, "array": self.array, "number": number, "integer": number,
                "boolean": lambda r, *_: r.random() < 0.5, "string": string}[kind](rng, node, name, depth)

    def object(self, rng, node, name, depth):
        merged = {}
        for part in [node, *map(self.followed, node.get("allOf", []))]:
            merged.update(part.get("properties", {}))
        if not merged:
            return copy.deepcopy(rng.choice(OPEN_OBJECTS.get(name, [{}])))
        wanted = set(node.get("required", []))
        for word in ("oneOf", "anyOf"):
            if node.get(word):
                wanted |= set(rng.choice(node[word]).get("required", []))
        others = rivals(node, wanted) | {"comment"}
        share = 0.25 if depth > 2 else 0.05
        return {key: self.value(rng, sub, key, depth - 1) for key, sub in merged.items()
                if sub is not False and key not in others and (key in wanted or (depth > 0 and rng.random() < share))}

    def array(self, rng, node, name, depth):
        least = node.get("minItems", 1)
        count = min(node.get("maxItems", least + rng.choice([0, 0, 1, 2])), 24)
        return [self.value(rng, node.get("items", {}), name, depth - 1) for _ in range(max(least, count))]


def rivals(node, value):
    """Keys that do not go with what is there: of several kinds of a thing, the others."""
    kinds = [set(option.get("required", [])) for option in node.get("oneOf", [])]
    if not any(kind & set(value) for kind in kinds):
        return set()
    return set().union(*kinds) - set(value)


def number(rng, node, name, depth):
    """Mostly of everyday size, sometimes at or near the ends of what is allowed."""
    low = node.get("minimum", node.get("exclusiveMinimum", 0))
    high = node.get("maximum", 1e6)
    kind = rng.random()
    if kind < 0.2:
        x = rng.choice([low, high])
    elif kind < 0.6:
        x = rng.choice([0.001, 0.1, 0.5, 1, 2, 3, 8, 10, 64, 100, 1000])
    else:
        small = max(low, 1e-9 if high < 1 else 1e-3)
        x = math.exp(rng.uniform(math.log(small), math.log(max(high, small))))
    x = min(max(x, low), high)
    return int(x) if node.get("type") == "integer" or (name == "replicas") else x


def string(rng, node, name, depth):
    if "pattern" in node and ":" in node["pattern"]:
        return rng.choice(["00:00", "16:30", "23:45"])
    return rng.choice(NAMES.get(name, ["x", "a", "b"]))
