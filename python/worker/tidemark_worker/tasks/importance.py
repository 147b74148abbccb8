"""Measures what a model's columns are worth to its answers, over real rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidemark_worker.explaining.importance import importance
from tidemark_worker.explaining.target import target_of
from tidemark_worker.samples import example_rows, sample_rows

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Give ``{"of", "rows", "columns"}``: of each column the mean absolute change of the answer when its values are exchanged.

    Parameters
    ----------
    arguments
        ``modelDir``, ``gap`` (see ``rows``), ``sampleFile`` (rows of raw inputs, or null).

    Raises
    ------
    ValueError
        The model gives no number to measure, or fewer than two real rows are known.
    """
    target = target_of(arguments["modelDir"], arguments["gap"])
    rows = [*example_rows(arguments["modelDir"], target.columns), *sample_rows(arguments.get("sampleFile"), target.columns)]
    if len(rows) < 2:
        raise ValueError("Fewer than two real rows of the model's input are known: log it with an input example of several rows.")
    found = importance(target, rows)
    return {"of": target.of, "rows": len(rows), "columns": dict(zip([column.name for column in target.columns], found, strict=True))}
