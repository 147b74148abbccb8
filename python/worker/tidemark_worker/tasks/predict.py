"""Predicts every row of a file with an MLflow model, for gates and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import answers_by_row
from tidemark_worker.lines import json_line
from tidemark_worker.models import load
from tidemark_worker.rows import columns_of, frame_of, read_rows

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel

BATCH_ROWS = 1_000


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, int]:
    """Write one line of JSON for each row of the input: ``{"prediction": …}`` or ``{"error": "Type: message"}``.

    Parameters
    ----------
    arguments
        ``modelDir`` (a folder with an MLmodel file), ``inputFile`` (``.parquet``, else a JSON object a line), ``outputFile``.

    Returns
    -------
    dict
        ``rows`` and ``errors``: how many there were.
    """
    model = load(arguments["modelDir"])
    columns = columns_of(model)
    rows = read_rows(Path(arguments["inputFile"]))
    errors = 0
    with open(arguments["outputFile"], "wb") as output:
        for start in range(0, len(rows), BATCH_ROWS):
            for result in answers_by_row(lambda some: model.predict(frame_of(some, columns)), rows[start : start + BATCH_ROWS]):
                errors += "error" in result
                output.write(json_line(result))
    return {"rows": len(rows), "errors": errors}
