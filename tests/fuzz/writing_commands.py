"""The commands of tokenfab that write files, on small inputs. Shared by kill_test.py and disk_full_test.py."""
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from whole_outputs import AppendedLines, Results, StepLog, TextFile

ROOT = Path(__file__).resolve().parents[2]

POOL = {"llm": "llama-3.1-8b", "chip": "l4", "supply": {"rent": {"usd_per_chip_hour": 1.0}}}


def scenario(name, requests, rate, **more):
    workload = {"arrivals": {"rate": rate}, "input_tokens": 300, "output_tokens": {"geometric": 40},
                "max_requests": requests}
    return {"name": name, "workload": {"generate": workload}, "plan": {"pay_per_token": {"input": 1, "output": 2}},
            "pools": [POOL], **more}


def claims(count, quote):
    about = {"about": "the price of a day", "quote": quote, "said": 10, "unit": "USD/day",
             "inputs": {"hour": {"ref": "rents/h100-sxm/on-demand"}}, "formula": "24 * hour", "judge": {"equals": 0.05}}
    return {"article": {"id": "M", "title": "mine"}, "claims": [{"id": f"M-{i}", **about} for i in range(count)]}


GEMMS = [("qkv", "qkv_gemm", 256, 128), ("o", "o_gemm", 128, 128), ("gate_up", "mlp_gemm", 512, 128),
         ("down", "mlp_gemm", 128, 256)]  # of the model "tiny"
SUMS = ("decode_sequences", "decode_kv_tokens", "prefill_tokens", "prefill_sequences", "prefill_attention",
        "prefill_kv_tokens", "prefill_outputs")


def measured_point(kind, key, op, rows, flop, size, **more):
    seconds = 2e-6 + flop / 1e11 + size / 1e10
    return {"key": f"{kind} {key}", "kind": kind, "op": op, "rows": rows, "median_s": seconds, "p10_s": seconds,
            "p90_s": seconds, "rounds": 9, "bytes": size, "flop": flop, "layers": 4, **more}


def measured_step(key, op, rows, *sums, **more):
    return measured_point("step", key, op, rows, 2e6 * rows, 1e6, sums=dict(zip(SUMS, sums)), **more)


def measurements(device):
    """Lines as engine measure writes them, of a machine that is as regular as its formulas."""
    rows = []
    for m in (1, 2, 3, 4, 6, 8, 12, 16):
        for name, op, n, k in GEMMS:
            rows.append(measured_point("operator", f"{name} m{m}", op, m, 2 * m * n * k, 2 * n * k, n=n, k=k))
        rows.append(measured_point("operator", f"norm_activation m{m}", "norm_activation", m, 3e3 * m, 5e3 * m))
        rows.append(measured_point("operator", f"prefill_attention q{m}", "prefill_attention", m, 512 * m * m, 256 * m,
                                   batch=1, chunk=m, context=m))
        rows.append(measured_step(f"prefill q{m}", "prefill", m, 0, 0, m, 1, m * (m + 1) // 2, m, 1, chunk=m))
    for b in (1, 2, 3, 4):
        for c in (32, 64, 128):
            at = {"batch": b, "context": c}
            rows.append(measured_point("operator", f"decode_attention b{b} c{c}", "decode_attention", b, 512 * b * c,
                                       256 * b * c, **at))
            rows.append(measured_step(f"decode b{b} c{c}", "decode", b, b, b * c, 0, 0, 0, 0, 0, **at))
    header = {"header": True, "tool": "tokenfab engine measure", "version": "1", "date": "2026-11-20",
              "device": device, "model": "tiny", "weights": "bf16", "kv": "bf16", "page_tokens": 16,
              "copy_gbps": 20, "read_gbps": 30, "peak_tflops": 0.2}
    return [json.dumps(row) for row in [header, *rows]]


def scenarios():
    """By file name. Small, but for rows.json, whose 20,000 rows take a while to write."""
    other = {"name": "b", "like": "a", "set": {"/pools/0/replicas": 2}}
    many = scenario("many", 300, 4, replications=8)
    many["alternatives"] = [{"name": "a", "pools": many.pop("pools")}, other]
    return {"few.json": scenario("few", 300, 4, replications=3), "many.json": many,
            "rows.json": scenario("rows", 20000, 4), "claims.json": claims(30, "ten dollars a day"),
            "old-claims.json": claims(10, "ten dollars")}


@dataclass(frozen=True)
class Command:
    """arguments: as typed, {out} for the output file. before: the stock's file that the output is at first."""
    name: str
    arguments: str
    output: str
    kind: object
    before: str = ""
    slow: bool = False  # takes seconds, wherever it runs

    def words(self, output=None):
        return [word.format(out=output or self.output) for word in self.arguments.split()]

    def inputs(self, stock):
        return [word for word in self.arguments.split() if (stock / word).is_file()]

    def lay_out(self, stock, folder):
        """The inputs and the old output, in a folder of their own."""
        folder.mkdir(exist_ok=True)
        for name in self.inputs(stock):
            shutil.copy(stock / name, folder / name)
        if self.before:
            shutil.copy(stock / self.before, folder / self.output)

    def check_inputs(self, stock, folder):
        for name in self.inputs(stock):
            if (folder / name).read_bytes() != (stock / name).read_bytes():
                raise Problem("other", f"the input {name} is not what it was")


MEASURE = "--model tiny --threads 1 --most-batch 4 --most-context 128 --most-prefill 16 --seconds 600"
REPLAY = ("engine replay azure-conv-2023 --requests 30 --max-input 40 --max-output 10 --model tiny --threads 1 "
          "--rate-scale 1000")


MEASURE = "engine measure --model tiny --threads 1 --most-batch 4 --most-context 128 --most-prefill 16 --seconds 600"
REPLAY = ("engine replay azure-conv-2023 --max-input 40 --max-output 10 --model tiny --threads 1 --rate-scale 1000 "
          "--requests")
MARKET = "--set /workload/max_requests=1000"


def commands():
    return [
        Command("run, a new file", "run few.json --no-bands -o {out}", "r.db", Results()),
        Command("run", "run few.json -o {out}", "r.db", Results(), "old.db"),
        Command("run, alternatives", "run many.json --no-bands -o {out}", "r.db", Results(), "old.db"),
        Command("run, rows", "run rows.json --no-bands --rows -o {out}", "r.db", Results(), "old.db"),
        Command("run, a market", f"run exchange.json {MARKET} -o {{out}}", "r.db", Results("market", appends=True),
                "old.db"),
        Command("audit", "audit claims.json -o {out}", "r.db", Results("audit"), "old.db"),
        Command("validate", "validate --set splitwise-llama2-70b -o {out}", "r.db", Results("validation"), "old.db"),
        Command("report", "report many.db -o {out}", "r.html", TextFile(), "old.html"),
        Command("report, a new file", "report many.db -o {out}", "r.html", TextFile()),
        Command("report, JSON", "report many.db --format json -o {out}", "r.json", TextFile(), "old-report.json"),
        Command("price --focus", "price many.db --focus {out}", "bill.csv", TextFile(), "old.csv"),
        Command("calibrate", "calibrate measured.jsonl --chip l4 -o {out}", "mine.json", TextFile(), "old-fit.json"),
        Command("engine measure, a new file", f"{MEASURE} -o {{out}}", "m.jsonl", AppendedLines(), slow=True),
        Command("engine measure, cut off", f"{MEASURE} -o {{out}}", "m.jsonl", AppendedLines(), "cut-off.jsonl", True),
        Command("engine bench, cut off", "engine bench --filter swiglu -o {out}", "b.jsonl",
                AppendedLines(torn_lines=True), "cut-off-bench.jsonl", True),
        Command("engine replay", f"{REPLAY} 30 -o {{out}}", "r.db", Results(priced=False), "old.db"),
        Command("engine replay --log", f"{REPLAY} 30 --log {{out}}", "steps.jsonl", StepLog(), "old-steps.jsonl"),
        Command("engine replay --outputs", f"{REPLAY} 30 --outputs {{out}}", "tokens.jsonl", TextFile(),
                "old-tokens.jsonl"),
    ]


OLD_FILES = [
    "run few.json --no-bands -o old.db",
    f"run exchange.json {MARKET} -o old.db",
    "audit old-claims.json -o old.db",
    "validate --set infersim-moe -o old.db",
    "run many.json --no-bands -o many.db",
    "report old.db -o old.html",
    "report old.db --format json -o old-report.json",
    "price old.db --focus old.csv",
    "calibrate measured.jsonl --chip h100-sxm -o old-fit.json",
    f"{REPLAY} 10 --log old-steps.jsonl --outputs old-tokens.jsonl",
]


def device_of(tool, stock):
    """The engine's name for this machine: a file of another one is not continued."""
    words = "engine run --model tiny --threads 1 --tokens 1 --output-tokens 1"
    return re.search(r"^tiny on (.*): \d+ prompt tokens", tool.run(words.split(), stock).err).group(1)


def make_stock(tool, stock):
    """The inputs of all commands, and the files that are there before them."""
    stock.mkdir()
    for name, content in scenarios().items():
        (stock / name).write_text(json.dumps(content))
    shutil.copy(ROOT / "scenarios/market/exchange.json", stock)
    lines = measurements(device_of(tool, stock))
    (stock / "measured.jsonl").write_text("\n".join(lines) + "\n")
    (stock / "cut-off.jsonl").write_text("\n".join(lines[:30]) + "\n" + lines[30][:20])
    (stock / "cut-off-bench.jsonl").write_text('{"name":"another","family":"swiglu"}\n{"name":"sw')
    for line in OLD_FILES:
        tool.must(line.split(), stock)
