"""Running tokenfab, and what it means that a file it writes is whole. Shared by kill_test.py and disk_full_test.py."""
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
NOTHING_COMPLETE = re.compile(r"holds no (complete run|results)|: no such file$", re.M)
HOW_TO_REPAIR = re.compile(r"cop(y|ied)|writable|write permission|recover|repair")


class Problem(Exception):
    """What a user would have lost. kind: "lost", "closed" (a file that does not open) or "other"."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def refused(self):
        return self.code == 2 and self.err.count("\n") == 1

    def __str__(self):
        return f"exit {self.code}: {self.err.strip() or '(no message)'}"


class Tool:
    """The binary, and a folder that anybody may write what a test does not look at into."""

    def __init__(self, binary, scratch):
        self.binary = str(Path(binary).resolve())
        self.scratch = scratch
        scratch.mkdir()
        scratch.chmod(0o777)

    def start(self, arguments, folder, before=None):
        return subprocess.Popen([self.binary, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=before)

    def run(self, arguments, folder, before=None, seconds=300):
        try:
            done = subprocess.run([self.binary, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                                  preexec_fn=before, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Problem("other", f"takes more than {seconds:.0f} s") from None
        return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def must(self, arguments, folder, seconds=300):
        result = self.run(arguments, folder, seconds=seconds)
        if result.code != 0:
            raise SystemExit(f"tokenfab {' '.join(arguments)}: {result}")


def as_nobody():
    """Permissions do not bind root: who has none is somebody else."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@contextlib.contextmanager
def read_only(folder):
    modes = {path: path.stat().st_mode for path in [folder, *folder.iterdir()]}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextlib.contextmanager
def work_folder():
    """A temporary folder that goes away, and through which anybody may pass."""
    with tempfile.TemporaryDirectory(prefix="tokenfab-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def size_text(content):
    return "no file" if content is None else f"{len(content):,} bytes"


class TextFile:
    """Written as a whole: to the byte what it was, or what an undisturbed run writes."""

    def state(self, tool, folder, name):
        path = folder / name
        return path.read_bytes() if path.exists() else None

    def check(self, now, old, new):
        if now not in (old, new):
            raise Problem("lost", f"{size_text(now)}, of {size_text(old)} before and {size_text(new)} expected")

    def check_again(self, again, now, old, new):
        if again != new:
            raise Problem("other", "run again, it does not write what an undisturbed run does")


class StepLog(TextFile):
    """Its times differ from run to run; its tokens do not."""

    def state(self, tool, folder, name):
        text = super().state(tool, folder, name)
        if text is None:
            return None
        try:
            steps = [json.loads(line) for line in text.splitlines()]
            return [sum(s[key] for s in steps) for key in ("prefill_tokens", "prefill_outputs", "decode_sequences")]
        except (ValueError, KeyError):
            raise Problem("lost", f"{len(text):,} bytes that do not parse") from None

    def check(self, now, old, new):
        if now not in (old, new):
            raise Problem("lost", f"tokens {now}, of {old} before and {new} expected")


class AppendedLines:
    """Lines of JSON that are added one by one: none is lost, and a later run adds what is missing."""

    def __init__(self, torn_lines=False):
        self.torn_lines = torn_lines  # whether a line that was cut off may stay, with a line break after it

    def state(self, tool, folder, name):
        path = folder / name
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # a cut-off last line does not count

    def _points(self, lines):
        rows = [json.loads(line) for line in lines if not self.torn_lines or line.endswith(b"}")]
        return sorted(row.get("key") or row.get("name") for row in rows if "key" in row or "name" in row)

    def check(self, now, old, new):
        if now[:len(old)] != old:
            raise Problem("lost", f"{len(now)} lines, and not the {len(old)} that were there before")
        try:
            self._points(now)
        except ValueError:
            raise Problem("lost", "a line in the middle does not parse") from None

    def check_again(self, again, now, old, new):
        self.check(again, now, new)
        if self._points(again) != self._points(new):
            raise Problem("other", "run again, the points are not those of an undisturbed run, each once")


@dataclass(frozen=True)
class Stored:
    runs: list
    tables: dict


class Results:
    """A results file. Complete runs stay, what is not complete is not there. `table`: of another command's results."""

    def __init__(self, table="", appends=False, priced=True):
        self.table, self.appends, self.priced = table, appends, priced

    def state(self, tool, folder, name):
        """Through the tool first: it has to cope with what a kill left behind."""
        runs = self._runs(tool, folder, name)
        if runs and self.priced:
            page = tool.run(["report", name, "-o", str(tool.scratch / "opens.html")], folder)
            if page.code != 0:
                raise Problem("closed", f"report: {page}")
        return Stored(runs, self._tables(folder / name))

    def _runs(self, tool, folder, name, before=None):
        """The complete runs as JSON, in their order."""
        if self.priced:
            result = tool.run(["price", name, "--json"], folder, before)
            text = result.out
        else:
            page = tool.scratch / "runs.json"
            result = tool.run(["report", name, "--format", "json", "-o", str(page)], folder, before)
            text = page.read_text() if result.code == 0 else ""
            page.unlink(missing_ok=True)
        if result.refused() and NOTHING_COMPLETE.search(result.err):
            return []
        if result.code != 0:
            raise Problem("closed", f"{'price' if self.priced else 'report'}: {result}")
        runs = json.loads(text)
        return runs if isinstance(runs, list) else runs.get("runs", [runs])

    def _tables(self, path):
        """Rows of the other tables, of a copy: SQLite may write where it only reads."""
        if not path.exists():
            return {}
        with work_folder() as folder:
            for part in path.parent.glob(path.name + "*"):
                shutil.copy(part, folder / part.name)
            with contextlib.closing(sqlite3.connect(folder / path.name)) as db:
                try:
                    whole = db.execute("PRAGMA integrity_check").fetchall()
                    names = [n for n, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                             if self.table and n.startswith(self.table)]
                    rows = {n: db.execute(f"SELECT * FROM {n}").fetchall() for n in sorted(names)}
                except sqlite3.Error as error:
                    raise Problem("closed", f"SQLite: {error}") from None
        if whole != [("ok",)]:
            raise Problem("closed", f"integrity_check: {whole[0][0]}")
        return {n: r for n, r in rows.items() if r}

    def check(self, now, old, new):
        count = len(old.runs)
        if now.runs[:count] != old.runs:
            raise Problem("lost", f"of {count} complete runs not all are there as they were")
        if self.priced and now.runs != new.runs[:len(now.runs)]:
            raise Problem("other", "a run that is called complete is not that of an undisturbed run")
        if self.table and now.tables not in (old.tables, new.tables):
            raise Problem("lost", f"the tables {self.table}* are neither the old nor the new ones")

    def check_again(self, again, now, old, new):
        added = len(new.runs) - len(old.runs)
        if len(again.runs) != len(now.runs) + added or again.runs[:len(now.runs)] != now.runs:
            raise Problem("other", f"run again: {len(again.runs)} runs, of {len(now.runs)} before and {added} more")
        if self.appends and len(again.tables[self.table]) != len(now.tables.get(self.table, [])) + 1:
            raise Problem("other", f"run again: {self.table} has not one row more")
        if self.table and not self.appends and again.tables != new.tables:
            raise Problem("other", f"run again: {self.table} is not that of an undisturbed run")

    def check_read_only(self, tool, folder, name, old):
        """What a kill left is read without permission to write, or the line says what to do."""
        with read_only(folder):
            try:
                runs = self._runs(tool, folder, name, as_nobody)
            except Problem as problem:
                if " exit 2: " in str(problem) and HOW_TO_REPAIR.search(str(problem)):
                    return
                raise Problem("closed", f"in a read-only folder, {problem}") from None
        if runs[:len(old.runs)] != old.runs:
            raise Problem("closed", f"in a read-only folder {len(runs)} of {len(old.runs)} complete runs are seen")
