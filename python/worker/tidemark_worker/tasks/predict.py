"""Predicts every row of a file with an MLflow model, for gates and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import answers_by_row
from tidemark_worker.lines import json_line
from tidemark_worker.models import load
from tidemark_worker.rows import columns_of, frame_of, lacking, read_rows, settled

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from tidemark_worker.rows import Column
    from tidemark_worker.tasks import Channel

BATCH_ROWS = 1_000


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, int]:
    """Write one line of JSON for each row of the input: ``{"prediction": …}`` or ``{"error": "Type: message"}``.

    Parameters
    ----------
    arguments
        ``modelDir`` (a folder with an MLmodel file), ``gap`` (see ``rows``), ``inputFile`` (``.parquet``, else a JSON object a
        line), ``outputFile``.

    Returns
    -------
    dict
        ``rows`` and ``errors``: how many there were.
    """
    model = load(arguments["modelDir"])
    columns = columns_of(model, arguments["gap"])
    rows = read_rows(Path(arguments["inputFile"]))
    errors = 0
    with open(arguments["outputFile"], "wb") as output:
        for start in range(0, len(rows), BATCH_ROWS):
            for result in _answers(model, columns, rows[start : start + BATCH_ROWS]):
                errors += "error" in result
                output.write(json_line(result))
    return {"rows": len(rows), "errors": errors}


def _answers(model: PyFuncModel, columns: list[Column], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # Asked alone since another raised, a row has the gap that it had beside it.
    own = settled(columns, lacking(columns, rows))
    return answers_by_row(lambda some: model.predict(frame_of(some, own)), rows)
