"""A case: one command line with the files that lie in its folder, and what may be said about its answer."""
import json
import os
import re
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path

FORMATS = {b"run": "sqlite", b"audit": "sqlite", b"calibrate": "json", b"engine": "sqlite", b"report": "html"}
OUTPUT_OPTIONS = {b"-o": "", b"--output": "", b"--focus": "csv", b"--log": "any", b"--outputs": "any"}
FLAGS = (b"--stepwise", b"--rows", b"--no-rows", b"--no-bands", b"--json", b"--bases", b"--topology", b"--release-idle")


@dataclass
class Case:
    kind: str
    ident: str  # SEED:COUNTER, all that it takes to make the case again
    argv: list  # bytes, without the binary
    files: dict = field(default_factory=dict)  # name -> bytes
    folders: list = field(default_factory=list)
    devices: dict = field(default_factory=dict)  # name -> "full" or "null"
    exact: bool = True  # the accounts must add up; not where the records were tampered with
    bounded: bool = True  # little work is asked for: a long run is a hang
    steady: bool = True  # the same command prints the same again: nothing in it is measured
    twice: bool = False  # and is asked to
    deaf: bool = False  # standard output is a full disk
    limits_memory: bool = True  # may be given --max-memory
    secret: str = ""  # must not be printed

    def command(self):
        """The subcommand."""
        return next((a for a in self.argv if not a.startswith(b"-")), b"")

    def outputs(self):
        """Names that the tool may write to, each with the kind of file that belongs there."""
        found = {}
        for option, name in zip(self.argv, self.argv[1:]):
            if option in OUTPUT_OPTIONS:
                found[os.fsdecode(name)] = OUTPUT_OPTIONS[option] or self.format()
        return found or ({"report.html": "html"} if self.command() == b"report" else {})

    def format(self):
        """Of what -o names."""
        if (b"--format", b"json") in zip(self.argv, self.argv[1:]):
            return "json"
        return FORMATS.get(self.command(), "any")

    def flag(self, name):
        """Whether a flag is given, and not as the value of an option before it."""
        before = dict(zip(self.argv[1:], self.argv)).get(name)
        return before is not None and (before in FLAGS or not before.startswith(b"-")) and b"--" not in self.argv

    def given(self):
        """Everything that was put in, to tell the user's words from the tool's."""
        return b"\n".join([*self.argv, *self.files.values()])


def words(line):
    """A command line, or a part of one."""
    return line.encode().split()


def lines(*texts):
    return [words(text) for text in texts]


def unpack(case, folder):
    for name in case.folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, device in case.devices.items():
        make_device(folder / name, device)


def make_device(path, device):
    """A device of our own: a tool that replaces its output by a new file must not meet the machine's."""
    minor = {"null": 3, "full": 7}[device]
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
    except OSError:
        if os.geteuid() == 0:
            raise
        path.symlink_to("/dev/" + device)  # which we may not replace


def snapshot(folder):
    """Name -> content of every file; None for what is no regular file."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file():
            found[name] = path.read_bytes()
        elif not path.is_dir():
            found[name] = None
    return found


def save(case, folder):
    """Keeps a case so that load() finds it."""
    target = Path(folder) / case.ident.replace(":", "-")
    for name, content in case.files.items():
        path = target / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    fields = {k: v for k, v in vars(case).items() if k not in ("argv", "files")}
    fields["argv"] = [a.decode("latin-1") for a in case.argv]
    (target / "case.json").write_text(json.dumps(fields, indent=1))
    (target / "command.txt").write_text(shell_line(case.argv) + "\n")


def load(folder):
    folder = Path(folder)
    fields = json.loads((folder / "case.json").read_text())
    fields["argv"] = [a.encode("latin-1") for a in fields["argv"]]
    inputs = folder / "files"
    files = snapshot(inputs) if inputs.is_dir() else {}
    return Case(files=files, **fields)


def shell_word(argument):
    text = argument.decode("latin-1")
    if re.fullmatch(r"[ -~]*", text):
        return shlex.quote(text)
    escaped = "".join(c if " " <= c <= "~" and c not in "'\\" else f"\\x{ord(c):02x}" for c in text)
    return f"$'{escaped}'"


def shell_line(argv, longest=None):
    words = [shell_word(a) for a in argv]
    if longest:
        words = [w if len(w) <= longest else f"{w[:longest]}...({len(w)} characters)" for w in words]
    return " ".join(["tokenfab", *words])
