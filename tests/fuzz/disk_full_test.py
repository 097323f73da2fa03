#!/usr/bin/env python3
"""Runs every command of tokenfab that writes a file where it cannot be written, above all on full disks.

    disk_full_test.py BINARY [--command NAME] [--slow SECONDS]

Each must be refused with exit 2 and one line that names the file and says why; what was there before must stay, and no
half of a file be left. So must outputs that would take the place of an input, or that are no file. The small disks are
mounted in a mount namespace of this process, which ends with it.
"""
import argparse
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections import Counter

sys.dont_write_bytecode = True
from small_disk import SmallDisk, private_mounts  # noqa: E402
from whole_outputs import (  # noqa: E402
    HOW_TO_REPAIR, NOTHING_COMPLETE, AppendedLines, Problem, Results, Tool, as_nobody, read_only, work_folder)
from writing_commands import commands, make_stock  # noqa: E402

FULL = r"disk (is )?full|No space left|File too large"
REFUSED = r"cannot be (written|opened)|is read-only|no such folder|is a folder|not a (regular )?file|" + FULL
FILLER = "disk/filler"
PAGE = 4096

def limit_file_size(most):
    """No file may grow beyond; writing there is an error, not a signal."""
    def before():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return before


def content_of(folder):
    """File name -> bytes; folders and devices have none."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


class Suite:
    """Checks, one folder each, and their count."""

    def __init__(self, tool, work, slow):
        self.tool, self.stock, self.slow = tool, work / "stock", slow
        self.folder = work / "case"
        self.counts = Counter()
        self.undisturbed = {}

    def fresh(self, command):
        shutil.rmtree(self.folder, ignore_errors=True)
        command.lay_out(self.stock, self.folder)

    def case(self, what, how, check):
        try:
            check()
            self.counts["passed"] += 1
        except Problem as problem:
            self.counts["failed"] += 1
            print(f"FAILED {what}, {how}: {problem}", flush=True)

    def skip(self, what, why):
        self.counts["skipped"] += 1
        print(f"skipped: {what}: {why}", flush=True)

    def state(self, command, output=None):
        return command.kind.state(self.tool, self.folder, output or command.output)

    def write(self, command):
        """An undisturbed run: sizes of the output before and after, and its state after. False: it takes too long."""
        self.fresh(command)
        path = self.folder / command.output
        before = path.stat().st_size if path.exists() else 0
        try:
            self.tool.must(command.words(), self.folder, self.slow)
        except Problem as problem:
            self.skip(command.name, problem)
            return False
        self.undisturbed[command.name] = before, path.stat().st_size, self.state(command)
        return True

    def refused(self, result, output, why):
        """One line with the file's name and the reason."""
        if not result.refused():
            raise Problem("other", f"not exit 2 with one line, but {result}")
        if output not in result.err:
            raise Problem("other", f"the line does not name {output}: {result}")
        if not re.search(why, result.err):
            raise Problem("other", f"the line does not say why: {result}")

    def kept(self, command, output, before, old):
        """Nothing but a log of SQLite's may have been added, and what was there opens as it was."""
        after = content_of(self.folder)
        beside = {output + end for end in ("-wal", "-shm", "-journal")} if isinstance(command.kind, Results) else set()
        new = set(after) - set(before) - {output} - beside
        if new:
            raise Problem("other", f"leaves {', '.join(sorted(new))}")
        changed = [n for n, c in before.items() if n not in (output, FILLER) and (n not in after or after[n] != c)]
        if changed:
            raise Problem("lost", f"{', '.join(changed)} is not what it was")
        if isinstance(command.kind, (Results, AppendedLines)):
            command.kind.check(self.state(command, output), old, self.undisturbed[command.name][2])
        elif after.get(output) != before.get(output):
            raise Problem("lost", f"{output} is not what it was")

    def readable(self, command, output):
        """A results file can be read, on a disk that is still full too, or the line says that that is why not."""
        if isinstance(command.kind, Results) and (self.folder / output).exists():
            page = str(self.tool.scratch / "opens.html")
            read = ["price", output] if command.kind.priced else ["report", output, "-o", page]
            result = self.tool.run(read, self.folder)
            told = re.search(f"{FULL}|{NOTHING_COMPLETE.pattern}|{HOW_TO_REPAIR.pattern}", result.err, re.M)
            if result.code != 0 and not (result.refused() and told):
                raise Problem("closed", f"{read[0]}, on the full disk: {result}")

    def fitted(self, command, output, old):
        """Exit 0 says that all is there, in one file: it needed less room than an undisturbed run shows."""
        path = self.folder / output
        beside = [p.name for p in path.parent.glob(path.name + "*") if p != path]
        if beside:
            raise Problem("other", f"exit 0, but {', '.join(sorted(beside))} is left")
        try:
            command.kind.check_again(self.state(command, output), old, old, self.undisturbed[command.name][2])
        except Problem as problem:
            raise Problem("other", f"exit 0, but {problem}") from None

    def refuse(self, command, output=None, before=None, make_room=lambda: None):
        """Runs the command, whose inputs lie in the folder, on what is full, and expects a refusal."""
        output = output or command.output
        old, files = self.state(command, output), content_of(self.folder)
        result = self.tool.run(command.words(output), self.folder, before)
        if result.code == 0:
            return self.fitted(command, output, old)
        self.refused(result, output, FULL)
        self.readable(command, output)
        make_room()
        self.kept(command, output, files, old)


def size_limits(suite, command):
    """Every file of the command is held to a size at which its output does not fit."""
    old, new, _ = suite.undisturbed[command.name]
    grown = [old + (new - old) * i // 3 for i in (0, 1, 2)] if new > old else []
    for most in sorted({0, 1, PAGE, new // 2, new - 1, *grown}):
        if most >= new or isinstance(command.kind, AppendedLines) and most < old:
            continue  # an append beyond a file's old size is what can fail
        suite.fresh(command)
        suite.case(command.name, f"files of at most {most:,} bytes",
                   lambda: suite.refuse(command, before=limit_file_size(most)))


def small_disks(suite, command):
    """The output lies on a disk with little room left."""
    old, new, _ = suite.undisturbed[command.name]
    for free in sorted({0, PAGE, 2 * PAGE, (new - old) // 2, new // 2}):
        if free >= max(new - old, PAGE + 1):
            continue
        suite.fresh(command)
        output = f"disk/{command.output}"
        with SmallDisk(suite.folder / "disk") as disk:
            if command.before:
                shutil.move(suite.folder / command.output, suite.folder / output)
            disk.leave_free(free)
            suite.case(command.name, f"a disk with {free:,} bytes left",
                       lambda: suite.refuse(command, output, make_room=disk.make_room))


def device(suite, command):
    """An output that is always full. The device is our own: a tool may replace its output by a file."""
    suite.fresh(command)
    with SmallDisk(suite.folder / "disk") as disk:
        node = disk.folder / "full"
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        (suite.folder / command.output).unlink(missing_ok=True)

        def check():
            suite.refused(suite.tool.run(command.words("disk/full"), suite.folder), "disk/full", REFUSED)
            if not node.is_char_device():
                raise Problem("lost", "the device is replaced by a file")
            if len(names := sorted(p.name for p in disk.folder.iterdir())) > 1:
                raise Problem("other", f"in the folder of the device are {', '.join(names)}")
        suite.case(command.name, "a full device", check)


def wrong_places(suite, command):
    """Folders that are not there or may not be written, and an output that is a folder."""
    def refuse_new(output, before=None):
        suite.fresh(command)
        (suite.folder / command.output).unlink(missing_ok=True)
        (suite.folder / "taken").mkdir()
        files = content_of(suite.folder)
        suite.refused(suite.tool.run(command.words(output), suite.folder, before), output, REFUSED)
        if content_of(suite.folder) != files:
            raise Problem("lost", "the folder is not what it was")
    suite.case(command.name, "a folder that is not there", lambda: refuse_new(f"nowhere/{command.output}"))
    suite.case(command.name, "an output that is a folder", lambda: refuse_new("taken"))
    suite.fresh(command)

    def read_only_folder():
        old, files = suite.state(command), content_of(suite.folder)
        with read_only(suite.folder):
            result = suite.tool.run(command.words(), suite.folder, as_nobody)
        suite.refused(result, command.output, REFUSED)
        suite.kept(command, command.output, files, old)
    suite.case(command.name, "a folder without permission to write", read_only_folder)


NOT_THESE = [("report many.db -o", "many.db", "./many.db", "link.db", "few.json", "old.csv"),
             ("price many.db --focus", "many.db", "few.json", "old.html"),
             ("calibrate measured.jsonl --chip l4 -o", "measured.jsonl", "few.json"),
             ("run few.json --no-bands -o", "few.json", "", ":memory:", "file:m.db?mode=memory"),
             ("report many.db -o", ""), ("price many.db --focus", ""), ("audit claims.json -o", ":memory:")]


def wrong_files(suite):
    """Inputs and files of another kind as output, which would be lost, and names that are no file."""
    for line, *outputs in NOT_THESE:
        for output in outputs:
            shutil.rmtree(suite.folder, ignore_errors=True)
            shutil.copytree(suite.stock, suite.folder)
            (suite.folder / "link.db").symlink_to("many.db")
            files = content_of(suite.folder)

            def check():
                suite.refused(suite.tool.run([*line.split(), output], suite.folder), output, "")
                if content_of(suite.folder) != files:
                    raise Problem("lost", "the folder is not what it was")
            suite.case(line, f"output '{output}'", check)


def on_small_disks(suite, chosen):
    """Last: it changes this process for good."""
    try:
        private_mounts()
    except OSError as error:
        return suite.skip("small disks and a full device", error)
    for check, what in ((small_disks, "small disks"), (device, "a full device")):
        try:
            for command in chosen:
                check(suite, command)
        except (OSError, subprocess.CalledProcessError) as error:
            suite.skip(what, error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--command", choices=[c.name for c in commands()], help="only this one")
    parser.add_argument("--slow", type=float, default=10, metavar="SECONDS",
                        help="leave out commands that take longer undisturbed")
    args = parser.parse_args()
    with work_folder() as work:
        tool = Tool(args.binary, work / "scratch")
        make_stock(tool, work / "stock")
        suite = Suite(tool, work, args.slow)
        chosen = [c for c in commands() if args.command in (None, c.name) and suite.write(c)]
        for command in chosen:
            size_limits(suite, command)
            wrong_places(suite, command)
        if not args.command:
            wrong_files(suite)
        on_small_disks(suite, chosen)
    counts = suite.counts
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
