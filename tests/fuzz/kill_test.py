#!/usr/bin/env python3
"""Kills tokenfab at random moments and checks that no output that was there before is lost.

    kill_test.py BINARY [--kills N] [--seed S] [--command NAME] [--slow SECONDS] [--keep DIR]

Every command that writes a file runs once undisturbed, which gives its duration and what it writes. Then it is killed,
at moments spread over the whole duration, more of them in its last fifth. As writing takes so much less time than
computing, others are right after a change of its folder, or in the middle of a write: there a limit on the size of
files kills it. The seed decides the moments; the clock decides what they hit.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
from whole_outputs import Problem, Results, Tool, work_folder  # noqa: E402
from writing_commands import commands, make_stock  # noqa: E402

SHOWN = 2  # failures of a command and a kind that are told in full


def has_ended(child):
    """Does not reap it: until then its pid is nobody else's."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def wait_for_end(child, seconds):
    end = time.perf_counter() + seconds
    while not has_ended(child) and time.perf_counter() < end:
        time.sleep(0.002)


def wait_for_changes(child, folder, output, count, seconds):
    """Returns how often a file came or went or the output grew or shrank: `count` times, or less when time is up."""
    output, folder = os.fspath(folder / output), os.fspath(folder)

    def seen():  # two calls: what passes in some 100 us shall be seen
        try:
            size = os.stat(output).st_size
        except FileNotFoundError:
            size = None
        return size, os.stat(folder).st_mtime_ns

    last, changes, end = seen(), 0, time.perf_counter() + seconds
    while changes < count and not has_ended(child) and time.perf_counter() < end:
        for _ in range(20):
            now = seen()
            if now != last:
                last, changes = now, changes + 1
                break
    return changes


@dataclass
class Moment:
    """`after` seconds from the start or from a change of the folder; or the write that makes a file too long."""
    after: float = 0
    change: int = 0
    most_bytes: int = -1

    @staticmethod
    def draw(rng, kill, undisturbed):
        """Of each sort in turn, so that few kills of a command are of every sort."""
        sort = ("write", "change", "late", "any", "change")[kill % 5]
        if sort == "write":
            return Moment(most_bytes=rng.randrange(undisturbed.bytes))
        if sort == "change" and undisturbed.changes:
            delay = rng.choice([0, 10 ** rng.uniform(-5, -2.5)])
            return Moment(delay, change=rng.randint(1, undisturbed.changes))
        return Moment(rng.uniform(0.8 if sort == "late" else 0, 1.1) * undisturbed.seconds)

    def limit(self):
        """A process dies of SIGXFSZ as of SIGKILL, but in the middle of a write. Called in the child."""
        if self.most_bytes >= 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.most_bytes, self.most_bytes))

    def wait(self, child, folder, output, seconds):
        if self.most_bytes >= 0:
            return wait_for_end(child, seconds)
        if not self.change:
            return time.sleep(self.after)
        wait_for_changes(child, folder, output, self.change, seconds)
        end = time.perf_counter() + self.after
        while time.perf_counter() < end:  # sleeping would be too coarse
            pass

    def __str__(self):
        if self.most_bytes >= 0:
            return f"at byte {self.most_bytes:,}"
        return f"{self.after * 1e6:.0f} us after change {self.change}" if self.change else f"after {self.after:.3f} s"


@dataclass
class Undisturbed:
    seconds: float
    changes: int
    bytes: int = 0
    state: object = None  # of the output; None where the command takes too long


class Trial:
    """One command: what it writes undisturbed, then kill after kill."""

    def __init__(self, command, tool, work, args):
        self.command, self.tool, self.stock = command, tool, work / "stock"
        self.folder, self.keep = work / "trial", args.keep
        self.rng = random.Random(f"{args.seed} {command.name}")
        self.counts = Counter()
        self._fresh()
        self.old = self._state()
        self.whole = self._undisturbed(args.slow)

    def _state(self):
        return self.command.kind.state(self.tool, self.folder, self.command.output)

    def _fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.command.lay_out(self.stock, self.folder)

    def _undisturbed(self, slow):
        begin = time.perf_counter()
        child = self.tool.start(self.command.words(), self.folder)
        changes = wait_for_changes(child, self.folder, self.command.output, sys.maxsize, slow)
        found = Undisturbed(time.perf_counter() - begin, changes)
        if not has_ended(child):
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            return found
        if child.wait() != 0:
            raise SystemExit(f"{self.command.name}: exit {child.returncode}, and nobody killed it")
        found.bytes = (self.folder / self.command.output).stat().st_size
        found.state = self._state()
        return found

    def kill_once(self):
        """Whether no problem was found; a problem is told."""
        moment = Moment.draw(self.rng, self.counts["kills"], self.whole)
        self._fresh()
        child = self.tool.start(self.command.words(), self.folder, moment.limit)
        moment.wait(child, self.folder, self.command.output, 3 * self.whole.seconds)
        os.kill(child.pid, signal.SIGKILL)  # ended or not, it is not reaped yet: the pid is our child's
        self.counts["kills"] += 1
        self.counts["hit"] += child.wait() in (-signal.SIGKILL, -signal.SIGXFSZ)
        self.counts["left over"] += any(path.suffix == ".part" for path in self.folder.iterdir())
        as_killed = self._copy_aside() if self.keep else None
        try:
            self._check()
        except Problem as problem:
            self._tell(moment, problem)
            return False
        if as_killed:
            shutil.rmtree(as_killed)
        return True

    def _copy_aside(self):
        name = self.command.name.replace(" ", "-").replace(",", "")
        target = self.keep / f"{name}-{self.counts['kills']}"
        shutil.rmtree(target, ignore_errors=True)
        return shutil.copytree(self.folder, target)

    def _tell(self, moment, problem):
        self.counts[problem.kind] += 1
        if self.counts[problem.kind] <= SHOWN:
            print(f"FAILED {self.command.name}, killed {moment}: {problem}", flush=True)

    def _check(self):
        command, kind = self.command, self.command.kind
        command.check_inputs(self.stock, self.folder)
        if isinstance(kind, Results) and (self.folder / command.output).exists():
            kind.check_read_only(self.tool, self.folder, command.output, self.old)
        now = self._state()
        kind.check(now, self.old, self.whole.state)
        again = self.tool.run(command.words(), self.folder)
        if again.code != 0:
            raise Problem("closed", f"run again: {again}")
        kind.check_again(self._state(), now, self.old, self.whole.state)
        beside = [p.name for p in self.folder.iterdir() if p.name.startswith(command.output + "-")]
        if beside:
            raise Problem("other", f"run again to its end, it leaves {', '.join(sorted(beside))}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", choices=[c.name for c in commands()], help="only this one")
    parser.add_argument("--slow", type=float, default=10, metavar="SECONDS",
                        help="leave out commands that take longer undisturbed")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="copy folders here that a kill left with a failure")
    return parser.parse_args()


def trials(args, tool, work):
    """All, and in the order of their kills: one that takes seconds has its turn once in four."""
    found = []
    for command in commands():
        if args.command not in (None, command.name):
            continue
        trial = Trial(command, tool, work, args)
        if trial.whole.state is None:
            print(f"left out: {command.name} takes more than {args.slow:.0f} s", flush=True)
        else:
            found.append(trial)
    return found, found + 3 * [t for t in found if not t.command.slow]


def print_table(found):
    columns = ["kills", "hit", "lost", "closed", "other", "left over"]
    print(f"\n{'command':28} {'seconds':>7} " + " ".join(f"{c:>9}" for c in columns))
    for t in found:
        print(f"{t.command.name:28} {t.whole.seconds:7.2f} " + " ".join(f"{t.counts[c]:9}" for c in columns))
    print("hit: it was still running; lost: what was there before; closed: does not open; left over: a .part file\n")


def main():
    args = arguments()
    failed = 0
    with work_folder() as work:
        tool = Tool(args.binary, work / "scratch")
        make_stock(tool, work / "stock")
        found, turns = trials(args, tool, work)
        for i in range(args.kills):
            failed += not turns[i % len(turns)].kill_once()
        print_table(found)
    print(f"{args.kills - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
