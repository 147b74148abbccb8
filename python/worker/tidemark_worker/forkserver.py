"""One preloaded process that forks a child for each task and passes on what the children say."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import selectors
import signal
from dataclasses import dataclass, field
from typing import Any

from tidemark_worker import child, processes
from tidemark_worker.lines import LineReader, json_line, write_all

LONGEST_LOG_LINE_BYTES = 16_384


@dataclass
class Running:
    """A task whose child lives, or whose pipes still hold something."""

    task: int
    pid: int
    pipes: set[int] = field(default_factory=set)
    outcome: dict[str, Any] | None = None


class ForkServer:
    """Reads commands, forks, multiplexes. Single-threaded, so that forking is safe.

    Commands: ``run`` (task, kind, arguments, env, limits, workDir, seed), ``cancel`` (task). Events: ``ready``, ``started``, ``log``,
    ``message``, ``done``. When the commands end, so does everything.
    """

    def __init__(self, commands_fd: int, events_fd: int) -> None:
        self._events_fd = events_fd
        self._commands = LineReader(commands_fd)
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, Running] = {}

    def serve(self) -> None:
        """Serve until the platform closes its end, or dies."""
        processes.adopt_orphans()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the platform decides who stops
        self._selector.register(self._commands.fd, selectors.EVENT_READ, None)
        self._say({"said": "ready", "pid": os.getpid(), "python": platform.python_version()})
        try:
            while not self._commands.ended:
                for key, _ in self._selector.select():
                    if key.data is None:
                        for line in self._commands.read():
                            self._obey(json.loads(line))
                    else:
                        key.data()
        except BrokenPipeError:
            pass
        finally:
            self._kill_everything()

    def _say(self, event: dict[str, Any]) -> None:
        write_all(self._events_fd, json_line(event))

    def _obey(self, command: dict[str, Any]) -> None:
        if command["do"] == "run":
            self._fork(command)
            return
        running = self._running.get(command["task"])
        if running is None:
            return
        if command["do"] == "cancel":
            processes.kill_group(running.pid)

    def _fork(self, command: dict[str, Any]) -> None:
        messages, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_child(command, messages, stdout, stderr)
        for fd in (messages[1], stdout[1], stderr[1]):
            os.close(fd)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # by both sides, so that a cancellation that comes at once finds the group
        running = Running(command["task"], pid)
        self._running[running.task] = running
        pidfd = os.pidfd_open(pid)
        self._selector.register(pidfd, selectors.EVENT_READ, lambda: self._child_ended(running, pidfd))
        self._watch(running, messages[0], self._hear)
        self._watch(running, stdout[0], lambda r, line: self._log(r, "stdout", line), LONGEST_LOG_LINE_BYTES)
        self._watch(running, stderr[0], lambda r, line: self._log(r, "stderr", line), LONGEST_LOG_LINE_BYTES)
        self._say({"said": "started", "task": running.task, "pid": pid})

    def _become_child(self, command: dict[str, Any], *pipes: tuple[int, int]) -> None:
        """In the child: keep its own ends only, then run the task. Never returns."""
        code = 70
        try:
            os.setpgid(0, 0)
            messages, stdout, stderr = pipes
            empty = os.open(os.devnull, os.O_RDONLY)
            os.dup2(empty, 0)
            os.dup2(stdout[1], 1)
            os.dup2(stderr[1], 2)
            keep = {0, 1, 2, messages[1]}
            self._selector.close()
            for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
                if fd not in keep:
                    with contextlib.suppress(OSError):
                        os.close(fd)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = child.run(command, messages[1])
        finally:
            os._exit(code)

    def _watch(self, running: Running, fd: int, hear: Any, longest_bytes: int = 1 << 30) -> None:
        lines = LineReader(fd, longest_bytes)

        def ready() -> None:
            for line in lines.read():
                hear(running, line)
            if lines.ended:
                self._close_pipe(running, fd)

        running.pipes.add(fd)
        self._selector.register(fd, selectors.EVENT_READ, ready)

    def _hear(self, running: Running, line: bytes) -> None:
        said = json.loads(line)
        if "outcome" in said:
            running.outcome = said["outcome"]
        else:
            self._say({"said": "message", "task": running.task, "message": said["message"]})

    def _log(self, running: Running, stream: str, line: bytes) -> None:
        self._say({"said": "log", "task": running.task, "stream": stream, "line": line.decode("utf-8", "replace")})

    def _close_pipe(self, running: Running, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)
        running.pipes.discard(fd)
        if not running.pipes:
            self._finish(running)

    def _child_ended(self, running: Running, pidfd: int) -> None:
        """What the task left running holds its pipes open and shall not outlive it. The child is not reaped yet: its group is its own."""
        self._selector.unregister(pidfd)
        os.close(pidfd)
        processes.kill_group(running.pid)
        self._kill_orphans()

    def _finish(self, running: Running) -> None:
        # A task may close all its pipes and go on: it has no way left to say anything.
        processes.kill_group(running.pid)
        _, status = os.waitpid(running.pid, 0)
        del self._running[running.task]
        self._kill_orphans()
        outcome = running.outcome or _ended(status)
        self._say({"said": "done", "task": running.task, "outcome": outcome})

    def _kill_orphans(self) -> None:
        """Descendants that left their group came to us when their parent ended: they outlive no task."""
        tasks = {running.pid for running in self._running.values()}
        for pid in processes.children_of(os.getpid()):
            if pid not in tasks:
                processes.kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            for pid in processes.zombies_of(os.getpid()):
                if pid not in tasks:
                    os.waitpid(pid, os.WNOHANG)

    def _kill_everything(self) -> None:
        for running in self._running.values():
            processes.kill_group(running.pid)
        for pid in processes.children_of(os.getpid()):
            processes.kill_group(pid)


def _ended(status: int) -> dict[str, Any]:
    """The outcome of a child that ended without naming one."""
    if os.WIFSIGNALED(status):
        return {"kind": "killed", "signal": signal.Signals(os.WTERMSIG(status)).name}
    return {"kind": "exited", "code": os.WEXITSTATUS(status)}
