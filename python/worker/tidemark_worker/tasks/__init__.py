"""What a forked child can do, by the name that the protocol uses. Each takes the task's arguments and a channel to the platform."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Channel(Protocol):
    """A child's line to the platform."""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; the platform reads it as it comes."""
        ...


KINDS = ("run_step", "predict", "convert", "explain", "importance", "serve")


def task_named(kind: str) -> Callable[[dict[str, Any], Channel], Any]:
    """Import the module of one kind of task and give its ``run``."""
    if kind not in KINDS:
        raise ValueError(f"There is no task of kind {kind!r}.")
    run: Callable[[dict[str, Any], Channel], Any] = importlib.import_module(f"tidemark_worker.tasks.{kind}").run
    return run
