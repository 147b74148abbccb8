"""What a forked child can do, by the name that the protocol uses. Each takes the task's arguments and a channel to the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Channel(Protocol):
    """A child's line to the platform."""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; the platform reads it as it comes."""
        ...

    def receive(self) -> Iterator[dict[str, Any]]:
        """Give the platform's messages in order, until it has no more."""
        ...


Task = "Callable[[dict[str, Any], Channel], Any]"


def task_named(kind: str) -> Callable[[dict[str, Any], Channel], Any]:
    """Import the module of one kind of task and give its ``run``."""
    if kind == "run_step":
        from tidemark_worker.tasks import run_step as module
    elif kind == "predict":
        from tidemark_worker.tasks import predict as module
    elif kind == "convert":
        from tidemark_worker.tasks import convert as module
    elif kind == "serve":
        from tidemark_worker.tasks import serve as module
    else:
        raise ValueError(f"There is no task of kind {kind!r}.")
    return module.run
