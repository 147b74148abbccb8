"""Predicts every row of a file with an MLflow model, for gates and comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.lines import json_line
from tidemark_worker.models import load
from tidemark_worker.rows import columns_of, predict_rows

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
            for result in predict_rows(model, columns, rows[start : start + BATCH_ROWS]):
                errors += "error" in result
                output.write(json_line(result))
    return {"rows": len(rows), "errors": errors}


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file or of lines of JSON."""
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(file).to_pylist()
    with open(file, "rb") as lines:
        return [json.loads(line) for line in lines if line.strip()]
