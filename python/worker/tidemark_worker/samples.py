"""Real rows of a model's input: those of its training where they are known, else the example that it was logged with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.rows import evenly_spaced, read_rows

if TYPE_CHECKING:
    from tidemark_worker.rows import Column

MOST_ROWS = 500


def real_rows(rows: list[dict[str, Any]], columns: list[Column]) -> list[dict[str, Any]]:
    """At most 500 evenly spaced rows, with the model's columns alone; what is no number is missing.

    Examples
    --------
    >>> from tidemark_worker.rows import Column
    >>> real_rows([{"budget": float("nan"), "title": "Halloween"}], [Column("budget", "double", False)])
    [{'budget': None}]
    """
    return [{column.name: _plain(row.get(column.name)) for column in columns} for row in evenly_spaced(rows, MOST_ROWS)]


def sample_rows(sample_file: str | None, columns: list[Column]) -> list[dict[str, Any]]:
    """Rows of a sample's file; none without one."""
    return real_rows(read_rows(Path(sample_file), MOST_ROWS), columns) if sample_file else []


def example_rows(folder: str, columns: list[Column]) -> list[dict[str, Any]]:
    """The rows that a model was logged with; none when there are none, or when they are no table."""
    from mlflow.models import Model

    example: Any = Model.load(str(Path(folder) / "MLmodel")).load_input_example(folder)
    return real_rows(example.to_dict("records"), columns) if hasattr(example, "to_dict") else []


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
