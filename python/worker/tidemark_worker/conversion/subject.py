"""A model that is to be converted: as MLflow serves it, and as its own library knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import answers_by_row
from tidemark_worker.models import ESTIMATOR_FLAVORS, estimator_flavor, flavors_of, load
from tidemark_worker.rows import Column, columns_of, frame_of

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel


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
        """One ``{"prediction": …}`` or ``{"error": …}`` a row, as it is served."""
        return answers_by_row(self.pyfunc, self.columns, rows)

    def scores(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """What decides the answers, finer than the answers themselves: probabilities, decision values, else the numbers predicted.

        Returns
        -------
        numpy.ndarray or None
            One line a row. None when the model gives labels and nothing finer.
        """
        import numpy as np

        frame = frame_of(rows, self.columns)
        if self.is_classifier and self.method == "predict":
            finer = next((method for method in ("predict_proba", "decision_function") if hasattr(self.native, method)), None)
            return None if finer is None else np.asarray(getattr(self.native, finer)(frame), dtype="float64").reshape(len(rows), -1)
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
    flavors = flavors_of(folder)
    flavor = estimator_flavor(flavors)
    if flavor is None:
        own = ", ".join(name for name in flavors if name != "python_function") or "a Python function of its own"
        raise ValueError(f"It was logged with {own}: what converts are models of {', '.join(ESTIMATOR_FLAVORS)}.")
    pyfunc = load(folder)
    method = str(flavors.get("python_function", {}).get("predict_fn", "predict"))
    return Subject(pyfunc, pyfunc.get_raw_model(), flavor, method, columns_of(pyfunc))
