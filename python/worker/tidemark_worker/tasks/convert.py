"""Converts a scikit-learn model to ONNX, and writes what a parity check needs. Runs in a child that may be killed: some models
make the converter loop for ever.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.lines import json_line
from tidemark_worker.models import load
from tidemark_worker.rows import Column, columns_of, predict_rows
from tidemark_worker.tasks.predict import read_rows

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel

SAMPLE_ROWS = 500
EDGE_BASES = 5
UNKNOWN = "\u2047 never seen"
TOLERANCE_OF_SD = 1e-4
TENSORS = {"number": "float32", "integer": "int64", "string": "string"}


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Write ``model.onnx``, ``input-map.json`` and ``parity.ndjson`` into ``outDir``.

    ``parity.ndjson`` has a row of raw values and what Python predicts for it, ``{"row", "kind", "prediction" | "error"}`` a line:
    rows of the sample, and rows that never occurred (nothing in a column, an unknown category, values out of range).
    The platform runs the same rows through its own ONNX runtime; nothing here says that the conversion is right.

    Parameters
    ----------
    arguments
        ``modelDir``, ``sampleFile`` (rows of raw inputs), ``outDir``.
    """
    model = load(arguments["modelDir"])
    columns = columns_of(model)
    out = Path(arguments["outDir"])
    rows = parity_rows(read_rows(Path(arguments["sampleFile"])), columns)
    results = predict_rows(model, columns, [row for _, row in rows])
    with open(out / "parity.ndjson", "wb") as parity:
        for (kind, row), result in zip(rows, results, strict=True):
            parity.write(json_line({"kind": kind, "row": row, **result}))
    onnx_model = convert(_sklearn_model(arguments["modelDir"]), columns)
    (out / "model.onnx").write_bytes(onnx_model.SerializeToString())
    numbers = [result["prediction"] for result in results if isinstance(result.get("prediction"), float)]
    mapping = {
        "format": 1,
        "inputs": _input_map(onnx_model, columns),
        "output": onnx_model.graph.output[0].name,
        "tolerance": TOLERANCE_OF_SD * _sd(numbers),
    }
    (out / "input-map.json").write_text(json.dumps(mapping, indent=2) + "\n")
    return {"inputs": len(columns), "parityRows": len(rows), "bytes": (out / "model.onnx").stat().st_size}


def convert(model: Any, columns: list[Column]) -> Any:
    """Convert with one input of shape [rows, 1] for each column, numbers as float32.

    Raises
    ------
    ValueError
        A column has a type that has no tensor here.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.base import is_classifier

    tensors = {"number": FloatTensorType, "integer": Int64TensorType, "string": StringTensorType}
    unsupported = [column.name for column in columns if column.kind not in tensors]
    if unsupported:
        raise ValueError(f"No ONNX tensor for these columns: {', '.join(unsupported)}.")
    inputs = [(column.name, tensors[column.kind]([None, 1])) for column in columns]
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    return to_onnx(model, initial_types=inputs, options=options, target_opset={"": 18, "ai.onnx.ml": 3})


def parity_rows(sample: list[dict[str, Any]], columns: list[Column]) -> list[tuple[str, dict[str, Any]]]:
    """Rows to compare, with what each is for: evenly spaced rows of the sample, then edges made from some of them.

    Examples
    --------
    >>> columns = [Column("budget", "double", True), Column("genre", "string", True)]
    >>> [kind for kind, _ in parity_rows([{"budget": 2.0, "genre": "Drama"}], columns)]
    ['sample', 'missing budget', 'range budget', 'range budget', 'range budget', 'missing genre', 'unknown genre', 'all missing']
    """
    step = max(1, math.ceil(len(sample) / SAMPLE_ROWS))
    names = [column.name for column in columns]
    plain = [{name: _plain(row.get(name)) for name in names} for row in sample[::step]]
    rows = [("sample", row) for row in plain]
    bases = plain[:: max(1, len(plain) // EDGE_BASES)][:EDGE_BASES]
    for column in columns:
        for base in bases:
            if column.kind != "integer":
                rows.append((f"missing {column.name}", {**base, column.name: None}))
            if column.kind == "string":
                rows.append((f"unknown {column.name}", {**base, column.name: UNKNOWN}))
            elif column.kind in ("number", "integer"):
                largest = max((abs(row[column.name]) for row in plain if row[column.name] is not None), default=1)
                rows += [(f"range {column.name}", {**base, column.name: value}) for value in (0, -largest, largest * 10)]
    if not any(column.kind == "integer" for column in columns):
        rows.append(("all missing", dict.fromkeys(names)))
    return rows


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _input_map(onnx_model: Any, columns: list[Column]) -> list[dict[str, Any]]:
    """Which tensor each column feeds: skl2onnx renames "Running Time min" to "Running_Time_min", and drops what no step uses."""
    tensors = [tensor.name for tensor in onnx_model.graph.input]
    named = {re.sub(r"[^A-Za-z0-9_]", "_", column.name): column for column in columns}
    inputs = []
    for tensor in tensors:
        column = named.get(re.sub(r"[^A-Za-z0-9_]", "_", tensor))
        if column is None or list(named).count(tensor) > 1:
            raise ValueError(f"ONNX input {tensor!r} belongs to no column.")
        null = {"number": "NaN", "string": ""}.get(column.kind)
        inputs.append({"column": column.name, "tensor": tensor, "type": TENSORS[column.kind], "null": null})
    return inputs


def _sklearn_model(folder: str) -> Any:
    import mlflow.sklearn
    from mlflow.models import Model

    if "sklearn" not in Model.load(str(Path(folder) / "MLmodel")).flavors:
        raise ValueError("Only scikit-learn models are converted; this one runs in Python.")
    return mlflow.sklearn.load_model(folder)


def _sd(values: list[float]) -> float:
    if not values:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
