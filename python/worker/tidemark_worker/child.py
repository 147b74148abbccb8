"""A forked child: takes on its task's limits and environment, runs it, reports its outcome, ends."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import traceback
from typing import Any

from tidemark_worker import processes
from tidemark_worker.lines import json_line, write_all
from tidemark_worker.tasks import task_named


class PipeChannel:
    """A child's pipe to the fork server."""

    def __init__(self, writing: int) -> None:
        self._writing = writing

    def send(self, message: dict[str, Any]) -> None:
        write_all(self._writing, json_line({"message": message}))

    def finish(self, outcome: dict[str, Any]) -> None:
        write_all(self._writing, json_line({"outcome": outcome}))


def run(command: dict[str, Any], writing: int) -> int:
    """Run one task in this process, which is its own group, and give the exit code."""
    processes.die_with_parent()
    channel = PipeChannel(writing)
    try:
        os.environ.update(command["env"])
        os.chdir(command["workDir"])
        processes.limit(command["limits"])
        _seed(command.get("seed"))
        value = task_named(command["kind"])(command["arguments"], channel)
        channel.finish({"kind": "result", "value": value})
        return 0
    except BaseException as error:  # a step may raise SystemExit or KeyboardInterrupt: they are outcomes too
        channel.finish(raised(error))
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def raised(error: BaseException) -> dict[str, Any]:
    """An exception as the platform shows it: its traceback begins in the task's own code."""
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if "tidemark_worker" not in step.filename] or list(steps)
    lines = [*traceback.format_list(own), *traceback.format_exception_only(error)]
    if error.__cause__ is not None:
        lines += ["Caused by: ", *traceback.format_exception(error.__cause__)]
    return {
        "kind": "raised",
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(lines),
    }


def _seed(seed: int | None) -> None:
    """Seed Python's and numpy's global generators; a child never shares its siblings' sequence."""
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(None if seed is None else seed % 2**32)
