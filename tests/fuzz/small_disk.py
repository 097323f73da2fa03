"""File systems in memory, mounted where nobody else sees them."""
import ctypes
import os
import subprocess
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
DISK_BYTES = 1 << 20


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def private_mounts():
    """What this process mounts from now on is seen by it and its children alone. OSError: that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group, root = os.geteuid(), os.getegid(), os.geteuid() == 0
    checked(libc.unshare(CLONE_NEWNS | (0 if root else CLONE_NEWUSER)))
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))


class SmallDisk:
    """A file system in memory, mounted on a folder of ours."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.folder)], check=True,
                       capture_output=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", str(self.folder)], check=True)
        self.folder.rmdir()

    def leave_free(self, count):
        disk = os.statvfs(self.folder)
        (self.folder / "filler").write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - count)))

    def make_room(self):
        (self.folder / "filler").write_bytes(b"")
