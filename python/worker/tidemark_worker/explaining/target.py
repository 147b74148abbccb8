"""The number that is explained: what a model predicts, or how probable it holds a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tidemark_worker.answers import answer_of
from tidemark_worker.models import estimator_flavor, load
from tidemark_worker.rows import Column, Gap, columns_of, frame_of

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

Of = Literal["prediction", "probability"]


@dataclass(frozen=True)
class Target:
    """A model as a function from rows of raw columns to numbers.

    Attributes
    ----------
    classes
        Names of the function's outputs, for a classifier; None for numbers.
    """

    pyfunc: PyFuncModel
    columns: list[Column]
    estimator: Any
    classes: list[Any] | None

    @property
    def of(self) -> Of:
        return "prediction" if self.classes is None else "probability"

    def values(self, rows: list[dict[str, Any]]) -> np.ndarray:
        """One line a row, with a number for each output.

        Raises
        ------
        ValueError
            The model answers by something else than numbers, one list a row.
        """
        import numpy as np

        frame = frame_of(rows, self.columns)
        if self.classes is not None:
            return np.asarray(self.estimator.predict_proba(frame), dtype="float64")
        values, form = answer_of(self.pyfunc.predict(frame), len(rows))
        array = np.asarray(values, dtype=object).reshape(len(rows), -1) if form == "rows" else None
        if array is None or any(isinstance(value, str | dict | list | bool) or value is None for value in array.ravel()):
            raise ValueError("The model answers by labels without probabilities, or by something else than numbers: there is no number to explain.")
        return array.astype("float64")


def target_of(folder: str, gap: Gap) -> Target:
    """Load a model of named columns, in which a missing text becomes ``gap``."""
    pyfunc = load(folder)
    estimator = pyfunc.get_raw_model() if estimator_flavor(pyfunc.metadata.flavors) else None
    labels = getattr(estimator, "classes_", None)
    classes = None
    if hasattr(estimator, "predict_proba") and labels is not None:
        classes = [value.item() if hasattr(value, "item") else value for value in labels]
    return Target(pyfunc, columns_of(pyfunc, gap), estimator, classes)
