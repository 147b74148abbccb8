"""Keeps a model loaded and answers batches of rows, one at a time, until the platform has no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidemark_worker.models import load
from tidemark_worker.rows import columns_of, predict_rows

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel


def run(arguments: dict[str, Any], channel: Channel) -> None:
    """Load ``modelDir``, say ``{"columns": …}``, then answer ``{"batch", "rows"}`` with ``{"batch", "results"}``."""
    model = load(arguments["modelDir"])
    columns = columns_of(model)
    named = [{"name": column.name, "type": column.type, "required": column.required} for column in columns]
    channel.send({"columns": named})
    for request in channel.receive():
        channel.send({"batch": request["batch"], "results": predict_rows(model, columns, request["rows"])})
