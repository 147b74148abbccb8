"""What a served model is asked: its rows as the frame or the arrays that it takes, by its own signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tidemark_worker.rows import KINDS, Column, Gap, values_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.types import ParamSchema, Schema


class Refused(ValueError):
    """The caller's mistake, which only the signature tells: the message names the column or parameter, and never repeats a value."""


@dataclass(frozen=True)
class Question:
    """One request's rows.

    Attributes
    ----------
    kind
        ``table``: the model gets a frame. ``tensors``: an array for each column, or for ``""`` that array alone.
    data
        For each column its values, one a row: a list, or an array where all are numbers (NaN where one is missing).
    rows
        How many there are.
    """

    kind: Literal["table", "tensors"]
    columns: tuple[str, ...]
    data: list[Any]
    rows: int
    params: dict[str, Any] | None = None


def together(questions: list[Question]) -> Question:
    """All rows of questions of the same kind, columns and parameters, in their order."""
    import numpy as np

    first = questions[0]
    data: list[Any] = []
    for parts in zip(*(question.data for question in questions), strict=True):
        if all(isinstance(part, np.ndarray) for part in parts):
            data.append(np.concatenate(parts))
        else:
            data.append([value for part in parts for value in part])
    return Question(first.kind, first.columns, data, sum(question.rows for question in questions), first.params)


def input_of(question: Question, schema: Schema | None, gap: Gap = "request") -> Any:
    """What ``predict`` takes: a frame, an array, or arrays by name. ``gap``: what a missing text becomes.

    Examples
    --------
    >>> input_of(Question("tensors", ("",), [[[1, 2], [3, 4]]], 2), None).tolist()
    [[1, 2], [3, 4]]
    """
    if question.kind == "tensors":
        return _arrays(question, schema)
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        import pandas as pd

        return pd.DataFrame(dict(zip(question.columns, question.data, strict=True)), columns=list(question.columns))
    return _table(question, schema, gap)


def _table(question: Question, schema: Schema, gap: Gap) -> pd.DataFrame:
    """A frame of the signature's columns in its order; a column that the question lacks is missing in each row."""
    import pandas as pd

    places = {name: place for place, name in enumerate(question.columns)}
    data: dict[str, Any] = {}
    others = False
    for spec in schema.inputs:
        name = str(spec.name)
        place = places.get(name)
        kind = getattr(spec.type, "name", "")
        if kind in KINDS:
            values = [None] * question.rows if place is None else question.data[place]
            data[name] = values_of(values, Column(name, kind, bool(spec.required), missing=gap))
        elif place is not None:
            others = True
            data[name] = pd.Series(list(question.data[place]), dtype=object)
    frame = pd.DataFrame(data)
    # Dates, bytes, lists and records: as MLflow's own server reads them.
    return _cast(frame, schema) if others else frame


def _cast(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    from mlflow.types import Schema
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    try:
        cast = cast_df_types_according_to_schema(frame, schema)
    except Exception:
        for spec in schema.inputs:
            if spec.name in frame and getattr(spec.type, "name", "") not in KINDS:
                try:
                    cast_df_types_according_to_schema(frame[[spec.name]], Schema([spec]))
                except Exception as error:
                    raise Refused(f'A value of column "{spec.name}" cannot be read as {getattr(spec.type, "name", spec.type)}.') from error
        raise
    for name, dtype in cast.dtypes.items():
        if getattr(dtype, "tz", None) is not None:
            raise Refused(f'A value of column "{name}" has a time zone, and the model takes times without one.')
    return cast


def settled_types(schema: Schema | None) -> list[Any] | None:
    """The types of the frame's columns that MLflow's check of a signature leaves as they are; None where it has more to say, as of texts and dates.

    Examples
    --------
    >>> from mlflow.types import ColSpec, Schema
    >>> settled_types(Schema([ColSpec("double", "a"), ColSpec("long", "b")]))
    [dtype('float64'), dtype('int64')]
    >>> settled_types(Schema([ColSpec("string", "a")]))
    """
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    from mlflow.types import DataType

    types = [spec.type for spec in schema.inputs if isinstance(spec.type, DataType) and KINDS.get(spec.type.name, "string") != "string"]
    return [each.to_numpy() for each in types] if len(types) == len(schema.inputs) else None


def check_params(params: dict[str, Any] | None, schema: ParamSchema | None) -> None:
    """Compare parameters with the signature, as ``predict`` will; those that it does not know are ignored there.

    Raises
    ------
    Refused
        A parameter is of another type or shape.
    """
    if not params or schema is None:
        return
    from mlflow.exceptions import MlflowException
    from mlflow.types import ParamSpec

    for spec in schema.params:
        if spec.name not in params:
            continue
        try:
            ParamSpec.validate_param_spec(params[spec.name], spec)
        except MlflowException as error:
            kind = str(getattr(spec.dtype, "name", "record"))
            raise Refused(f'The parameter "{spec.name}" must be {"of type" if spec.shape is None else "a list of type"} {kind}.') from error


def _arrays(question: Question, schema: Schema | None) -> Any:
    import numpy as np

    tensors = schema is not None and schema.is_tensor_spec()
    types: dict[str, Any] = {spec.name or "": spec.type for spec in schema.inputs} if schema is not None and tensors else {}
    arrays = {}
    for place, name in enumerate(question.columns):
        dtype = types.get(name)
        # Text is left to numpy: its types count characters.
        known = None if dtype is None or dtype.kind in "OUS" else dtype
        arrays[name] = np.asarray(question.data[place], dtype=known)
    return arrays[""] if list(arrays) == [""] else arrays
