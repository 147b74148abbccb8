"""Rows of raw values into the frame that a model expects: the one place that says what a missing value becomes.

A missing number is NaN and a missing boolean false. A missing text is what pandas makes of it, and so what ``mlflow models serve`` gives
a model: NaN in a column in which another row of the request has a text, None in a column in which none has. The ONNX runtime of
the gateway does the same by texts that stand for the two (``input-map.json``), so that a model answers alike in both.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from mlflow.pyfunc import PyFuncModel
    from numpy.typing import NDArray

Kind = Literal["number", "integer", "string", "boolean"]
KINDS: dict[str, Kind] = {
    "double": "number",
    "float": "number",
    "long": "integer",
    "integer": "integer",
    "string": "string",
    "boolean": "boolean",
}
# Smaller ones are numpy's, of tensors alone. A caller's JSON has no whole number beyond 53 bits.
INTEGERS: dict[str, tuple[int, int]] = {
    "long": (-(2**53) + 1, 2**53 - 1),
    "integer": (-(2**31) + 1, 2**31 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "uint16": (0, 2**16 - 1),
    "uint8": (0, 2**8 - 1),
}


# What a missing text becomes. ``request``: as pandas has it, by whether any row has a text. ``nan`` and ``none``: that, whatever the others have.
# ``empty``: "", for versions that were registered, and compared with their conversions, when that was so.
Gap = Literal["request", "nan", "none", "empty"]


@dataclass(frozen=True)
class Column:
    """A column of a model's signature, or one cell of a tensor's row.

    Attributes
    ----------
    type
        MLflow's name of the type: ``double``, ``float``, ``long``, ``integer``, ``string`` or ``boolean``; of small whole numbers in
        tensors numpy's.
    gaps
        Whether a caller can leave it out: in arrays only numbers that are not whole can be missing.
    missing
        What a missing text becomes.
    """

    name: str
    type: str
    required: bool
    gaps: bool = True
    missing: Gap = "request"

    @property
    def kind(self) -> Kind:
        return "integer" if self.type in INTEGERS else KINDS[self.type]


def columns_of(model: PyFuncModel, gap: Gap = "request") -> list[Column]:
    """The input columns of a model, in its order, and what a missing text becomes in them.

    Raises
    ------
    ValueError
        The model has no signature of named columns of simple types.
    """
    schema = model.metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec():
        raise ValueError("The model has no signature with named columns. Log it with a signature (mlflow.models.infer_signature).")
    columns = [Column(str(spec.name), str(spec.type.name), bool(spec.required), missing=gap) for spec in schema.inputs]
    unknown = [column for column in columns if column.type not in KINDS]
    if unknown:
        names = ", ".join(f"{column.name} ({column.type})" for column in unknown)
        raise ValueError(f"These columns have types that cannot be served: {names}.")
    return columns


def frame_of(rows: list[dict[str, Any]], columns: list[Column]) -> pd.DataFrame:
    """A frame with exactly the model's columns, in its order.

    Examples
    --------
    >>> columns = [Column("budget", "double", True), Column("genre", "string", False)]
    >>> frame_of([{"budget": 1, "genre": None}, {"genre": "Drama"}], columns).values.tolist()
    [[1.0, nan], [nan, 'Drama']]
    >>> frame_of([{"budget": 1}], columns).values.tolist()
    [[1.0, None]]
    """
    import pandas as pd

    data = {column.name: values_of([row.get(column.name) for row in rows], column) for column in columns}
    return pd.DataFrame(data, columns=[column.name for column in columns])


def lacking(columns: list[Column], rows: list[dict[str, Any]]) -> list[str]:
    """The columns of texts that none of the rows has."""
    return [column.name for column in columns if column.kind == "string" and all(_missing(row.get(column.name)) for row in rows)]


def settled(columns: list[Column], lacks: list[str]) -> list[Column]:
    """The same columns with what a missing text of a request becomes that lacks some: its rows mean the same then in whatever company.

    Examples
    --------
    >>> columns = [Column("genre", "string", False), Column("source", "string", False)]
    >>> [column.missing for column in settled(columns, lacking(columns, [{"genre": None}, {"genre": "Drama"}]))]
    ['nan', 'none']
    """
    return [replace(column, missing="none" if column.name in lacks else "nan") if column.missing == "request" else column for column in columns]


def values_of(values: list[Any] | NDArray[Any], column: Column) -> NDArray[Any] | pd.Series:
    """The values of one column in the type that the signature asks for, missing ones as this module says."""
    import numpy as np

    if isinstance(values, np.ndarray):
        return _numbers_of(values, column)
    if column.kind == "string":
        return _texts_of(values, column.missing)
    if column.kind == "boolean":
        return np.array([not _missing(value) and bool(value) for value in values], dtype=bool)
    if column.kind == "integer":
        # Without a missing value as the signature asks; with one, the model's own check names the column.
        if any(_missing(value) for value in values):
            return np.array([float("nan") if _missing(value) else value for value in values], dtype="float64")
        return np.array(values, dtype="int32" if column.type == "integer" else "int64")
    dtype = "float32" if column.type == "float" else "float64"
    return np.array([float("nan") if _missing(value) else float(value) for value in values], dtype=dtype)


def _texts_of(values: list[Any], gap: Gap) -> NDArray[Any] | pd.Series:
    import numpy as np
    import pandas as pd

    texts = [None if _missing(value) else str(value) for value in values]
    if None not in texts:
        return np.array(texts, dtype=object)
    if gap == "empty":
        return np.array([text or "" for text in texts], dtype=object)
    none = not any(text is not None for text in texts) if gap == "request" else gap == "none"
    # Typed, since pandas would make NaN of a None beside a text, and an object of NaN alone.
    return pd.Series(texts, dtype=object if none else "str")


def _numbers_of(numbers: NDArray[Any], column: Column) -> NDArray[Any] | pd.Series:
    """The same for numbers that came as an array, NaN where one is missing."""
    import numpy as np

    if column.kind == "number":
        return numbers.astype("float32" if column.type == "float" else "float64")
    if column.kind == "integer" and numbers.dtype.kind == "i":
        return numbers.astype("int32" if column.type == "integer" else "int64")
    if column.kind == "integer":
        return numbers
    return values_of([None if np.isnan(value) else value for value in numbers.tolist()], column)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def evenly_spaced(rows: list[Any], most: int) -> list[Any]:
    """At most so many of them.

    Examples
    --------
    >>> evenly_spaced([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    return rows[:: max(1, math.ceil(len(rows) / most))]


def read_rows(file: Path, most: int | None = None) -> list[dict[str, Any]]:
    """The rows of a Parquet file or of lines of JSON; with ``most`` no more than so many, evenly spaced."""
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(file)
        # Chosen before they become Python's objects: a training may have millions.
        return (table if most is None else table.take(evenly_spaced(list(range(len(table))), most))).to_pylist()
    with open(file, "rb") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return rows if most is None else evenly_spaced(rows, most)
