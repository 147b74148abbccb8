"""The fork server by its protocol: JSON lines in, JSON lines out, whatever the tasks do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = Path(__file__).parents[1]
STEPS = """
import os, subprocess, sys, time

def fine(ctx):
    print("said on stdout"); print("said on stderr", file=sys.stderr)
    os.write(1, b'{"said":"done","task":1}\\n')
    return {"seed": ctx.seed, "home": os.environ["HOME"]}

def wrong(ctx):
    raise LookupError("no such film")

def leaves(ctx):
    code = "import time; time.sleep(300)"
    child = subprocess.Popen([sys.executable, "-c", code])
    daemon = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    return {"child": child.pid, "daemon": daemon.pid}

def waits(ctx):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print(child.pid, flush=True)
    time.sleep(300)

def eats(ctx):
    return {"bytes": len(bytearray(1 << 30))}

def quits(ctx):
    os._exit(9)

def nothing_plain(ctx):
    return {"rmse": float("nan")}
"""


class Server:
    """A fork server and its two pipes."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{PYTHON / 'worker'}:{PYTHON / 'sdk/src'}"}

        def to_three() -> None:
            os.dup2(writing, 3)

        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", "tidemark_worker"],
            stdin=subprocess.PIPE,
            pass_fds=(3, writing),
            preexec_fn=to_three,
            env=env,
        )
        os.close(writing)
        self.events = os.fdopen(reading)
        assert self.read()["said"] == "ready"

    def read(self) -> dict[str, Any]:
        line = self.events.readline()
        assert line, "the fork server ended"
        return json.loads(line)

    def write(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def start(self, task: int, entry: str, folder: Path, limits: dict[str, int] | None = None) -> None:
        arguments = {"codeDir": str(folder), "entry": f"things:{entry}", "workDir": str(folder), "inputs": {}, "parameters": {}, "seed": 7}
        command = {"do": "run", "task": task, "kind": "run_step", "arguments": arguments, "seed": 7}
        self.write({**command, "env": {"HOME": str(folder)}, "limits": limits or {}, "workDir": str(folder)})

    def until_done(self, task: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while True:
            event = self.read()
            if event["said"] == "done" and event["task"] == task:
                return seen, event["outcome"]
            seen.append(event)

    def outcome(self, entry: str, folder: Path, limits: dict[str, int] | None = None) -> dict[str, Any]:
        self.start(1, entry, folder, limits)
        return self.until_done(1)[1]


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    assert running.process.stdin is not None
    running.process.stdin.close()
    running.process.wait(10)
    running.events.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "things.py").write_text(STEPS)
    return tmp_path


def ended(pid: int, within_seconds: float = 5) -> bool:
    """Whether a process is gone or a zombie."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_a_step_s_result_and_its_lines_come_back_and_nothing_it_prints_is_taken_for_the_protocol(server: Server, folder: Path) -> None:
    server.start(1, "fine", folder)
    seen, outcome = server.until_done(1)
    assert outcome == {"kind": "result", "value": {"outputs": {}, "values": {"seed": 7, "home": str(folder)}}}
    lines = {(event["stream"], event["line"]) for event in seen if event["said"] == "log"}
    assert lines == {("stdout", "said on stdout"), ("stderr", "said on stderr"), ("stdout", '{"said":"done","task":1}')}


def test_an_exception_comes_back_with_the_step_s_own_traceback(server: Server, folder: Path) -> None:
    outcome = server.outcome("wrong", folder)
    assert (outcome["kind"], outcome["type"], outcome["message"]) == ("raised", "LookupError", "no such film")
    assert "things.py" in outcome["traceback"]
    assert "tidemark_worker" not in outcome["traceback"]


def test_what_a_step_leaves_running_ends_with_it_even_in_a_session_of_its_own(server: Server, folder: Path) -> None:
    left = server.outcome("leaves", folder)["value"]["values"]
    assert ended(left["child"])
    assert ended(left["daemon"])


def test_a_cancelled_step_ends_with_its_children(server: Server, folder: Path) -> None:
    server.start(1, "waits", folder)
    while (event := server.read())["said"] != "log":
        pass
    server.write({"do": "cancel", "task": 1})
    assert server.until_done(1)[1] == {"kind": "killed", "signal": "SIGKILL"}
    assert ended(int(event["line"]))


def test_a_step_that_outgrows_its_memory_fails_alone(server: Server, folder: Path) -> None:
    assert server.outcome("eats", folder, {"memoryBytes": 600_000_000})["type"] == "MemoryError"
    assert server.outcome("eats", folder)["value"]["values"] == {"bytes": 1 << 30}


def test_a_step_that_quits_is_told_by_its_exit_code(server: Server, folder: Path) -> None:
    assert server.outcome("quits", folder) == {"kind": "exited", "code": 9}


def test_not_a_number_arrives_as_null(server: Server, folder: Path) -> None:
    assert server.outcome("nothing_plain", folder)["value"]["values"] == {"rmse": None}


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_when_the_platform_or_the_fork_server_is_gone_no_task_lives_on(folder: Path, how: str) -> None:
    server = Server()
    server.start(1, "waits", folder)
    pid = server.read()["pid"]
    while (event := server.read())["said"] != "log":
        pass
    if how == "closed":
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert ended(int(event["line"]))
    else:
        server.process.send_signal(signal.SIGKILL)
    assert ended(pid)
    server.process.wait(10)
    server.events.close()
    if how == "killed":
        os.kill(int(event["line"]), signal.SIGKILL)
