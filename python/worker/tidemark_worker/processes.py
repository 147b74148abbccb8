"""What the kernel offers to contain a task: limits, death with the parent, adoption of orphans."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended: none escapes by forking twice."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def limit(limits: dict[str, int]) -> None:
    """Lower this process's limits for good. Without core files, always."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Data, not address space: preloaded libraries map gigabytes that nobody touches.
    for name, kind in (
        ("memoryBytes", resource.RLIMIT_DATA),
        ("cpuSeconds", resource.RLIMIT_CPU),
        ("openFiles", resource.RLIMIT_NOFILE),
        ("fileBytes", resource.RLIMIT_FSIZE),
        ("processes", resource.RLIMIT_NPROC),
    ):
        if name in limits:
            resource.setrlimit(kind, (limits[name], limits[name]))


def kill_group(pid: int) -> None:
    """Kill a process and all that share its group. That none is left is no error."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def children_of(parent: int) -> list[int]:
    """The pids of a process's children that live."""
    return [pid for pid, state in _children(parent) if state != b"Z"]


def zombies_of(parent: int) -> list[int]:
    """The pids of a process's children that ended and were not waited for."""
    return [pid for pid, state in _children(parent) if state == b"Z"]


def _children(parent: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append((int(entry), fields[0]))
    return found
