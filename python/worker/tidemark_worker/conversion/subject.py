"""A model that is to be converted: as MLflow serves it, and as its own library knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import answer_of
from tidemark_worker.models import load
from tidemark_worker.rows import Column, columns_of, frame_of

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

CONVERTED_FLAVORS = ("sklearn", "xgboost", "lightgbm")


@dataclass(frozen=True)
class Subject:
    """A model and how it answers.

    Attributes
    ----------
    pyfunc
        What MLflow serves: its answers are what a conversion must give.
    native
        The estimator inside it.
    flavor
        MLflow's name of the library that it was logged with.
    method
        The method of the estimator that ``pyfunc`` calls, as ``pyfunc_predict_fn`` of ``log_model`` named it.
    """

    pyfunc: PyFuncModel
    native: Any
    flavor: str
    method: str
    columns: list[Column]

    @property
    def is_classifier(self) -> bool:
        return hasattr(self.native, "classes_")

    @property
    def gives_labels(self) -> bool:
        """Whether its answers are names, of classes or clusters, and not quantities."""
        from sklearn.base import is_clusterer, is_outlier_detector

        if self.method != "predict":
            return False
        return self.is_classifier or is_clusterer(self.native) or is_outlier_detector(self.native)

    def answers(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One ``{"prediction": …}`` or ``{"error": …}`` a row, as it is served. Should all together fail, each row is tried alone.

        Raises
        ------
        ValueError
            The model does not answer by rows.
        """
        try:
            values, form = answer_of(self.pyfunc.predict(frame_of(rows, self.columns)), len(rows))
        except Exception as error:  # whatever a model raises is an answer about that row
            if len(rows) == 1:
                return [{"error": f"{type(error).__name__}: {error}"}]
            return [result for row in rows for result in self.answers([row])]
        if form != "rows":
            raise ValueError("It does not answer by rows.")
        # As the JSON that callers get: an array's rows are arrays, and none of them is a list.
        return [{"prediction": value} for value in (values if isinstance(values, list) else values.tolist())]

    def scores(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """What decides the answers, finer than the answers themselves: probabilities, decision values, else the numbers predicted.

        Returns
        -------
        numpy.ndarray or None
            One line a row. None when the model gives labels and nothing finer.
        """
        import numpy as np

        frame = frame_of(rows, self.columns)
        for method in ("predict_proba", "decision_function"):
            if self.method == "predict" and self.is_classifier and hasattr(self.native, method):
                return np.asarray(getattr(self.native, method)(frame), dtype="float64").reshape(len(rows), -1)
        if self.is_classifier and self.method == "predict":
            return None
        values: np.ndarray = np.asarray(self.pyfunc.predict(frame))
        if values.dtype.kind not in "fiu":
            return None
        return values.astype("float64").reshape(len(rows), -1)


def subject_of(folder: str) -> Subject:
    """Load a model of one of the libraries that have a converter.

    Raises
    ------
    ValueError
        It was logged with another library, or has no named columns.
    """
    import importlib

    from mlflow.models import Model

    flavors = Model.load(str(Path(folder) / "MLmodel")).flavors
    flavor = next((name for name in CONVERTED_FLAVORS if name in flavors), None)
    if flavor is None:
        own = ", ".join(name for name in flavors if name != "python_function") or "a Python function of its own"
        raise ValueError(f"It was logged with {own}: what converts are models of {', '.join(CONVERTED_FLAVORS)}.")
    pyfunc = load(folder)
    native = importlib.import_module(f"mlflow.{flavor}").load_model(folder)
    method = str(flavors.get("python_function", {}).get("predict_fn", "predict"))
    return Subject(pyfunc, native, flavor, method, columns_of(pyfunc))
