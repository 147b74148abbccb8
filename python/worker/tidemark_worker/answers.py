"""What a model answered, as JSON, with one value a row wherever the answer is by rows."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Form = Literal["rows", "names", "whole"]
# A call of a network costs as much as hundreds of its rows.
FEW_ROWS = 8


def answer_of(answer: Any, rows: int) -> tuple[Any, Form]:
    """The values of what ``predict`` gave.

    ``rows``: the answer is the list of the values. ``names``: it is a list for each name, each value a record of them. ``whole``: it
    is not by rows, and is the one value. Values are a list, or an array of numbers with as many rows. The JSON
    is that of MLflow's own server: frames and series are lists of records.

    Raises
    ------
    ValueError
        A number is not finite: JSON has none, and ``null`` would look like an answer. In frames NaN is pandas' missing value: ``null``.

    Examples
    --------
    >>> import numpy as np
    >>> answer_of(np.array([[0.2, 0.8]]), 1)
    (array([[0.2, 0.8]]), 'rows')
    >>> answer_of({"label": np.array(["a", "b"]), "p": [0.1, 0.2]}, 2)
    ([{'label': 'a', 'p': 0.1}, {'label': 'b', 'p': 0.2}], 'names')
    >>> answer_of("three films", 3)
    (['three films'], 'whole')
    """
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.Series):
        answer = answer.to_frame()
    if isinstance(answer, pd.DataFrame):
        records = [{str(name): _cell(value) for name, value in record.items()} for record in answer.to_dict(orient="records")]
        return (records, "rows") if len(records) == rows else ([records], "whole")
    if hasattr(answer, "toarray"):  # a sparse matrix
        answer = answer.toarray()
    if isinstance(answer, np.ndarray):
        if answer.ndim == 0 or len(answer) != rows:
            return [_array(answer)], "whole"
        if answer.dtype.kind in "fiu":
            _require_finite(answer)
            return answer, "rows"
        return _array(answer), "rows"
    if isinstance(answer, dict):
        return _named(answer, rows)
    if isinstance(answer, list | tuple) and len(answer) == rows and not _by_output(answer, rows):
        return [plain(value) for value in answer], "rows"
    return [plain(answer)], "whole"


def answers_by_row(predict: Callable[[list[dict[str, Any]]], Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One ``{"prediction": …}`` or ``{"error": …}`` a row, as callers get it.

    Should all together fail, a few are tried at once, then each alone: a row's fault is its own.

    Examples
    --------
    >>> import numpy as np
    >>> answers_by_row(lambda rows: np.array([1.5, np.nan]), [{"x": 3}, {"x": None}])[0]
    {'prediction': 1.5}
    """
    import numpy as np

    if not rows:
        return []
    try:
        answer = predict(rows)
        if isinstance(answer, np.ndarray) and answer.ndim > 0 and len(answer) == len(rows) and answer.dtype.kind in "fiu":
            return _numbers_by_row(answer)
        values, form = answer_of(answer, len(rows))
        if form == "whole" and len(rows) > 1:
            raise ValueError("It does not answer by rows.")
    except Exception as error:  # whatever a model raises is an answer about that row
        if len(rows) == 1:
            return [{"error": f"{type(error).__name__}: {error}"}]
        few = FEW_ROWS if len(rows) > FEW_ROWS else 1
        return [result for start in range(0, len(rows), few) for result in answers_by_row(predict, rows[start : start + few])]
    # An array's rows are arrays, and none of them is a list.
    return [{"prediction": value} for value in (values if isinstance(values, list) else values.tolist())]


def _numbers_by_row(answer: Any) -> list[dict[str, Any]]:
    """Of many rows with one that is not finite, the others need not be asked again."""
    import numpy as np

    finite = np.isfinite(answer).reshape(len(answer), -1).all(axis=1).tolist()
    error = {"error": "ValueError: The model's prediction is missing or not a finite number."}
    return [{"prediction": value} if good else error for value, good in zip(answer.tolist(), finite, strict=True)]


def _named(answer: dict[Any, Any], rows: int) -> tuple[list[Any], Form]:
    """A network with several outputs answers by their names; a dictionary of anything else is one value."""
    lists = {str(name): plain(value) for name, value in answer.items()}
    if not lists or not all(isinstance(values, list) and len(values) == rows for values in lists.values()):
        return [lists], "whole"
    return [{name: values[row] for name, values in lists.items()} for row in range(rows)], "names"


def _by_output(answer: Any, rows: int) -> bool:
    """A list of arrays that have a value for each row is a list of outputs, not of rows."""
    import numpy as np

    return all(isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == rows for value in answer)


def _cell(value: Any) -> Any:
    """A value of a frame: NaN, NaT and NA are missing."""
    import pandas as pd

    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return plain(value)


def _array(array: Any) -> Any:
    _require_finite(array)
    return array.tolist() if array.dtype.kind in "fiub" else plain(array.tolist())


def _require_finite(array: Any) -> None:
    import numpy as np

    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array).reshape((*array.shape[:1], -1)).all(axis=1))[0][0]) if array.ndim > 0 else 0
        raise ValueError(f"The model's prediction for row {row} is missing or not a finite number.")


def plain(value: Any) -> Any:
    """A value as JSON has it.

    Raises
    ------
    ValueError
        It has no JSON: a number that is not finite, an object.
    """
    import numpy as np

    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("The model's prediction is missing or not a finite number.")
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    for convert in ("model_dump", "isoformat", "tolist"):
        if hasattr(value, convert):
            return plain(getattr(value, convert)())
    raise ValueError(f"The model's prediction holds a {type(value).__name__}, which has no JSON.")
