"""Run by path in the namespaces of a new container, before its program: what that can change is its /tmp alone.

It sees the system's folders, read-only, and a few harmless devices; every other folder of the root (homes, /work, /run
with its sockets) is empty. It needs ``mount_setattr`` (Linux 5.12), and ``setpriv`` (util-linux), which drops what a
root could undo this with. It imports nothing of this project: the interpreter that runs it knows no path to it.
"""

import ctypes
import errno
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path

READY = "sandbox-ready"
SYSTEM = frozenset({
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "var", "nix", "gnu", "proc", "sys", "dev",
    "tmp",
})  # fmt: skip
"""What of the root a program needs so that it runs; all else is hidden."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
KEPT = "chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+sys_ptrace"
"""Capabilities that reach no further than its own files and processes; none of them mounts or makes a device."""
UNPRIVILEGED = ("setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,+{KEPT}", "--")
_BIND, _SETATTR = 0x1000, 442
_HERE, _RECURSIVE = -100, 0x8000
_READONLY, _NODEV = 0x1, 0x4
_LIBC = ctypes.CDLL(None, use_errno=True)


def _failed(what: str) -> OSError:
    number = ctypes.get_errno()
    if number == errno.ENOSYS:
        return OSError(number, f"{what} needs Linux 5.12 or newer")
    return OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    if _LIBC.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), None):
        raise _failed(f"mount {target}")


def _attributes(target: str, *, add: int = 0, clear: int = 0, below: bool = False) -> None:
    asked = struct.pack("QQQQ", add, clear, 0, 0)
    flags = _RECURSIVE if below else 0
    if _LIBC.syscall(_SETATTR, _HERE, target.encode(), flags, asked, ctypes.c_size_t(len(asked))):
        raise _failed("a read-only view of the files")


def _hide(shown: Path) -> None:
    """Covers what isn't the system's; the interpreter's own folder stays seen, wherever it lies."""
    held = os.open(shown, os.O_PATH)
    for one in Path("/").iterdir():
        if one.name in SYSTEM or one.is_symlink() or not one.is_dir():
            continue
        _mount("none", str(one), "tmpfs")
        if one in shown.parents:
            shown.mkdir(parents=True)
            _mount(f"/proc/self/fd/{held}", str(shown), flags=_BIND)
    os.close(held)


def _devices() -> None:
    held = {}
    for name in DEVICES:
        with suppress(OSError):
            held[name] = os.open(f"/dev/{name}", os.O_PATH)
    _mount("none", "/dev", "tmpfs")
    # In a folder with a sticky bit Linux opens nobody else's device with O_CREAT, as shells do.
    Path("/dev").chmod(0o755)
    for name, number in held.items():
        Path("/dev", name).touch()
        _mount(f"/proc/self/fd/{number}", f"/dev/{name}", flags=_BIND)
        os.close(number)
    for name, target in LINKS.items():
        Path("/dev", name).symlink_to(target)


def enclose(folder: str) -> None:
    """From now on this process and its children see the machine so; ``folder`` is their /tmp."""
    _mount(folder, "/tmp", flags=_BIND)  # noqa: S108 - the container's own
    _hide(Path(sys.base_prefix).resolve())
    _devices()
    _attributes("/", add=_READONLY | _NODEV, below=True)
    _attributes("/dev", clear=_NODEV, below=True)
    _attributes("/tmp", clear=_READONLY)  # noqa: S108 - the container's own
    os.chdir("/")


if __name__ == "__main__":
    try:
        enclose(sys.argv[1])
    except OSError as error:
        sys.exit(str(error.args[-1]))
    command = (*UNPRIVILEGED, "sh", "-c", f'echo {READY} && exec "$@"', "sh", *sys.argv[2:])
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError:
        sys.exit("setpriv (util-linux) isn't there")
