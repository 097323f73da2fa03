"""Runs the tool once under limits of time and memory."""
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

MB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
LARGEST_FILE = 1024 * MB
SLICE_S = 0.05


@dataclass
class Outcome:
    code: int  # negative: the signal
    out: bytes
    err: bytes
    rss_mb: float
    seconds: float
    stopped: str = ""  # "", "hang", "memory", or "deadline": ended by us


@dataclass
class Limits:
    seconds: float
    rss_mb: float
    deadline: float  # time.monotonic() at which all ends


def most_rss_mb(budget_mb):
    """What a process that is held to a budget may have in memory: code, stacks and slack on top."""
    return budget_mb * 1.25 + 100


def run_child(binary, argv, folder, scratch, limits, home, deaf=False):
    """The tool's answer. `scratch` is its TMPDIR."""
    env = {**os.environ, "TMPDIR": str(scratch), "TOKENFAB_HOME": home, "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open("/dev/full", "wb") as full:
        started = time.monotonic()
        child = subprocess.Popen([os.fsencode(binary), *argv], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                 stdout=full if deaf else out, stderr=err, start_new_session=True)
        limit_resources(child.pid, limits)
        stopped = watch(child.pid, limits, started)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        rss_mb = peak_mb(usage)
        if child.returncode == -signal.SIGXCPU:
            stopped = "hang"
        elif rss_mb > limits.rss_mb:
            stopped = "memory"
        return Outcome(child.returncode, content(out), content(err), rss_mb, time.monotonic() - started, stopped)


def peak_mb(usage):
    """Most memory of a child. Until its exec it counts ours, so nothing below that is known."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss / 1024 if usage.ru_maxrss > ours else 0


def limit_resources(pid, limits):
    cpu = int(limits.seconds) + 1
    for what, most in ((resource.RLIMIT_CPU, cpu), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, LARGEST_FILE)):
        try:
            resource.prlimit(pid, what, (most, most + 1 if most else 0))
        except ProcessLookupError:
            return  # it has ended already


def watch(pid, limits, started):
    """Waits for the end without reaping; kills what passes a limit, and says which."""
    handle = os.pidfd_open(pid)
    try:
        while True:
            if select.select([handle], [], [], SLICE_S)[0]:
                return ""
            now = time.monotonic()
            reason = ("deadline" if now > limits.deadline else "hang" if now - started > limits.seconds else
                      "memory" if resident_mb(pid) > limits.rss_mb else "")
            if reason:
                os.killpg(pid, signal.SIGKILL)
                return reason
    finally:
        os.close(handle)


def resident_mb(pid):
    try:
        with open(f"/proc/{pid}/statm") as f:
            return int(f.read().split()[1]) * PAGE / MB
    except (OSError, IndexError):
        return 0


def content(file):
    file.seek(0)
    return file.read()
