#!/usr/bin/env python3
"""Fuzzes the command line from outside: mutated files and arguments of every kind must give an answer, or one line that
says what is wrong, within limits of time and memory, and must leave the user's files alone.

    cli_fuzz.py BINARY [--seed N ...] [--seconds S] [--runs N] [--only KIND] [--keep DIR]
    cli_fuzz.py BINARY --case SEED:COUNTER        makes that case again
    cli_fuzz.py BINARY --replay DIR/SEED-COUNTER  runs a case that --keep has kept

The same seeds and --runs give the same cases, whatever the number of jobs (without the zstd tool no trace is packed by
it). Exit 1: there are findings. Exit 77: this Python cannot do it.
"""
import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left in the source folder
from cli_case import load, save, shell_line, snapshot, unpack  # noqa: E402
from cli_child import Limits, most_rss_mb, run_child  # noqa: E402
from cli_library import KINDS, Library, kind_of  # noqa: E402
from cli_oracles import judge, still_devices  # noqa: E402
from cli_schema import ROOT  # noqa: E402

SECONDS = 20  # of one run; after that it hangs
PATIENCE = 4  # where much work is asked for
AHEAD = 3  # cases under way per job


@dataclass
class Result:
    case: object
    outcome: object
    findings: list = field(default_factory=list)


class Runner:
    """Runs cases, each in a folder of its own."""

    def __init__(self, binary, work, memory_mb):
        self.binary, self.work = binary, work
        self.home = os.environ.get("TOKENFAB_HOME", str(ROOT))
        self.memory_mb = memory_mb
        usage = subprocess.run([binary, "--help"], capture_output=True, timeout=60, check=True).stdout
        self.takes_memory = b"--max-memory" in usage
        self.deadline = float("inf")

    def run(self, case):
        result = self.once(case)
        if case.twice and not result.findings and not result.outcome.stopped:
            again = self.once(case).outcome
            if not again.stopped and (again.code, again.out) != (result.outcome.code, result.outcome.out):
                result.findings.append(("differs", f"exit {again.code} and other output when run again"))
        return result

    def once(self, case):
        folder = Path(tempfile.mkdtemp(dir=self.work))
        inside, scratch = folder / "work", folder / "tmp"
        inside.mkdir(), scratch.mkdir()
        try:
            unpack(case, inside)
            before = snapshot(inside)
            limits = Limits(SECONDS if case.bounded else PATIENCE, most_rss_mb(self.memory_mb), self.deadline)
            option = [b"--max-memory", b"%dM" % self.memory_mb] if self.takes_memory and case.limits_memory else []
            outcome = run_child(self.binary, option + case.argv, inside, scratch, limits, self.home, case.deaf)
            if outcome.stopped == "deadline":
                return Result(case, outcome)
            findings = judge(case, outcome, before, snapshot(inside), list(snapshot(scratch)))
            return Result(case, outcome, findings + list(still_devices(case, inside)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def shape(text):
    """An error line without its names and numbers."""
    last = (text.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
    known = re.sub(r"^tokenfab: \S+?: ", "", re.sub(r'"[^"]*"', '""', last))
    return re.sub(r"[-+]?\d[\w.+-]*", "#", known)[:70]


def in_short(outcome):
    return f"exit {outcome.code} {outcome.stopped}, {outcome.seconds:.1f} s, {outcome.rss_mb:.0f} MB"


def readable(data):
    return ascii(data.decode("utf-8", "backslashreplace"))


class Report:
    def __init__(self, keep):
        self.keep, self.runs, self.failed = keep, 0, 0
        self.known = set()
        self.counts = {kind: collections.Counter() for kind in KINDS}

    def add(self, result):
        if result.outcome.stopped == "deadline":
            return
        self.runs += 1
        self.failed += bool(result.findings)
        self.counts[result.case.kind][result.outcome.stopped or result.outcome.code] += 1
        for reason, detail in result.findings:
            key = (result.case.kind, reason, shape(result.outcome.err))
            if key not in self.known:
                self.known.add(key)
                self.show(result, reason, detail)

    def show(self, result, reason, detail):
        case, outcome = result.case, result.outcome
        print(f"FINDING {case.kind} {case.ident}: {reason}\n  command: {shell_line(case.argv, 200)}")
        print(f"  reason: {detail}\n  {in_short(outcome)}; stderr: {readable(outcome.err[:300])}", flush=True)
        if self.keep:
            save(case, self.keep)

    def close(self, seconds):
        print(f"{'kind':10}{'runs':>7}{'exit 0':>8}{'exit 2':>8}{'exit 3':>8}{'other':>7}")
        for kind, counts in self.counts.items():
            total = sum(counts.values())
            if total:
                shown = [counts[code] for code in (0, 2, 3)]
                print(f"{kind:10}{total:7}" + "".join(f"{n:8}" for n in shown) + f"{total - sum(shown):7}")
        print(f"{self.runs} runs in {seconds:.0f} s, {self.runs / max(seconds, 1e-3):.1f} a second")
        if self.known:
            print(f"{self.runs} runs, {len(self.known)} findings ({self.failed} runs failed)")
        else:
            print(f"{self.runs} passed, 0 failed")
        return 1 if self.known else 0


def wanted(seed, only):
    """The counters of a seed's cases, of one kind where asked."""
    counter = 0
    while True:
        if not only or kind_of(random.Random(f"{seed}:{counter}")) == only:
            yield counter
        counter += 1


def fuzz_seed(pool, runner, library, report, seed, args, until):
    """Runs cases in order, several at a time, until the time or the number of runs is up."""
    def one(counter):
        return runner.run(library.case(seed, counter))

    under_way = collections.deque()
    for number, counter in enumerate(wanted(seed, args.only)):
        if time.monotonic() > until or (args.runs and number >= args.runs):
            break
        under_way.append(pool.submit(one, counter))
        if len(under_way) >= AHEAD * args.jobs:
            report.add(under_way.popleft().result())
    for left in under_way:
        report.add(left.result())


def fuzz(args, runner, library):
    report, started = Report(args.keep), time.monotonic()
    seconds = args.seconds or (float("inf") if args.runs else 170)
    runner.deadline = started + seconds + 5
    with ThreadPoolExecutor(args.jobs) as pool:
        for i, seed in enumerate(args.seed):
            fuzz_seed(pool, runner, library, report, seed, args, started + seconds * (i + 1) / len(args.seed))
    return report.close(time.monotonic() - started)


def one_case(runner, case, keep):
    """Runs a case and shows all about it."""
    result = runner.run(case)
    print(f"{case.kind} {case.ident}: {shell_line(case.argv, 200)}\nfiles: {', '.join(case.files)}")
    print(f"{in_short(result.outcome)}\nstdout: {readable(result.outcome.out[:2000])}")
    print(f"stderr: {readable(result.outcome.err[:2000])}")
    for reason, detail in result.findings:
        print(f"FINDING {reason}: {detail}")
    if keep:
        save(case, keep)
    return 1 if result.findings else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the tool")
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, help="in all; default: 170, or no limit with --runs")
    parser.add_argument("--runs", type=int, help="cases of each seed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=KINDS, help="one kind of case")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of findings")
    parser.add_argument("--memory-mb", type=int, default=1024, help="what a run may use")
    parser.add_argument("--case", help="SEED:COUNTER")
    parser.add_argument("--replay", type=Path, help="a kept case")
    return parser.parse_args()


def main():
    if sys.version_info < (3, 11):  # the first whose sqlite3 takes a database from memory
        print("command lines were not fuzzed: Python 3.11 is needed")
        return 77
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="tokenfab-fuzz-") as work:
        runner = Runner(os.path.abspath(args.binary), work, args.memory_mb)
        if args.replay:
            return one_case(runner, load(args.replay), None)
        library = Library(runner.binary, runner.home, Path(work))
        if args.case:
            seed, counter = args.case.split(":")
            return one_case(runner, library.case(int(seed), int(counter)), args.keep)
        return fuzz(args, runner, library)


if __name__ == "__main__":
    sys.exit(main())
