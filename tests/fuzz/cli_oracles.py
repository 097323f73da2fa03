"""What must be true of every answer of the tool. Each finding is (class, detail)."""
import re
import stat
import unicodedata

from cli_accounts import check_runs, check_sizes
from cli_formats import WORDS, Broken, check_format, is_of_kind, is_whole, strict_json, text_of

EXIT_CODES = (0, 2, 3)
LONGEST_ERROR = 500


def judge(case, outcome, before, after, leftovers):
    """All findings on one run. `before` and `after`: files of its folder; `leftovers`: of its temporary folder."""
    if outcome.stopped in ("hang", "memory"):
        as_asked = outcome.stopped == "hang" and not case.bounded
        return [] if as_asked else [(outcome.stopped, f"{outcome.seconds:.1f} s, {outcome.rss_mb:.0f} MB")]
    if outcome.code < 0:
        return [("signal", f"died of signal {-outcome.code}")]
    if outcome.code not in EXIT_CODES:
        return [("exit", f"exit {outcome.code}")]
    found = list(check_error(case, outcome.err) if outcome.code else check_output(case, outcome.out))
    found += check_secret(case, outcome)
    found += check_files(case, outcome, before, after)
    if leftovers:
        found.append(("leftover", f"in TMPDIR: {sorted(leftovers)[:3]}"))
    return found


def check_text(text, where, case):
    """No control characters, and no number that is none; unless the user typed that word."""
    controls = sorted({f"U+{ord(c):04X}" for c in text if unicodedata.category(c) == "Cc" and c != "\n"})
    if controls:
        yield f"control characters in {where}", ", ".join(controls[:5])
    typed = {word.lower() for word in WORDS.findall(case.given().decode("utf-8", "replace"))}
    if where == "stderr":  # what a packed file holds is quoted there
        text = re.sub(r'"[^"\n]*"', '""', text)
    for match in WORDS.finditer(text):
        if match.group().lower() not in typed:
            yield f"no number in {where}", text[max(0, match.start() - 60):match.end() + 20]
            return


def check_error(case, err):
    try:
        text = text_of(err)
    except Broken as e:
        yield "error line", f"stderr {e}"
        return
    if text.count("\n") != 1 or not text.endswith("\n"):
        yield "error line", f"{text.count(chr(10))} line ends in stderr"
    if len(text.rstrip("\n")) > LONGEST_ERROR:
        yield "error line too long", f"{len(text)} characters"
    yield from check_text(text, "stderr", case)


def prints_json(case):
    others = (b"--topology", b"--help", b"-h", b"--version")
    return case.flag(b"--json") and case.command() != b"report" and not any(case.flag(f) for f in others)


def check_output(case, out):
    if case.deaf:
        yield "lost output", "exit 0 although standard output cannot be written"
        return
    try:
        text = text_of(out)
        if not prints_json(case):
            yield from check_text(text, "stdout", case)
            return
        document = strict_json(text)
    except Broken as e:
        yield "stdout", f"stdout {e}"
        return
    if case.exact and case.command() != b"audit":  # which repeats what was claimed
        yield from check_sizes(document)
        yield from check_runs(document)


def check_secret(case, outcome):
    if case.secret and case.secret.encode() in outcome.out + outcome.err:
        yield "secret", "prints what stands in a file that is no trace"


def check_files(case, outcome, before, after):
    outputs = case.outputs()
    for name, content in before.items():
        if name not in after:
            yield "input gone", name
        elif after[name] != content and name not in case.devices and (name not in outputs or is_read(case, name)):
            yield "input changed", name + (", which is the output too" if name in outputs else "")
    for name in after:
        if name not in before and name not in outputs:
            yield "leftover", name
    for name, kind in outputs.items():
        yield from check_written(case, outcome, name, kind, before.get(name), after)


def is_read(case, name):
    """Whether an output is an input too: by the arguments, or by what stands in another input."""
    uses = sum(argument.decode("latin-1") == name for argument in case.argv)
    named = any(name.encode() in content for other, content in case.files.items() if other != name)
    return uses > 1 or (named and name.endswith((".csv", ".jsonl", ".json")))


def check_written(case, outcome, name, kind, old, after):
    """An output is as it was, or whole; and there where the tool says that all went well."""
    if name in case.devices:
        if case.devices[name] == "full" and outcome.code == 0:
            yield "lost output", "exit 0 although the disk is full"
    elif name not in after:
        if outcome.code == 0 and not case.flag(b"--help"):
            yield "lost output", f"exit 0, and {name!r} is not there"
    elif after[name] is not None and after[name] != old:
        yield from check_replaced(case, name, kind, old, after[name])


def check_replaced(case, name, kind, old, new):
    if old and not is_of_kind(kind, old):
        yield "another kind of file overwritten", f"{name!r} was no {kind}"
        return
    if old and kind == "sqlite" and not is_whole(kind, old):
        return  # it was damaged before
    try:
        check_format(kind, new)
    except Broken as e:
        yield "broken output", f"{name!r} {e}"
        return
    if kind == "json" and case.command() == b"report" and case.exact:
        for run in strict_json(new):
            yield from check_runs(run)


def still_devices(case, folder):
    """Devices that were replaced by something else."""
    for name in case.devices:
        path = folder / name
        if not path.exists() or not stat.S_ISCHR(path.stat().st_mode):
            yield "device replaced", name
