"""An estimator of scikit-learn, or of a library that has its form, which is to be converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.subject import Compared, Subject
from tidemark_worker.rows import columns_of, frame_of

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

    from tidemark_worker.conversion.converted import Converted


@dataclass(frozen=True)
class Estimator(Subject):
    """An estimator and how it answers.

    Attributes
    ----------
    method
        The method of the estimator that ``pyfunc`` calls, as ``pyfunc_predict_fn`` of ``log_model`` named it.
    """

    method: str

    @property
    def is_classifier(self) -> bool:
        return hasattr(self.native, "classes_")

    @property
    def by_probability(self) -> bool:
        return self.is_classifier

    @property
    def gives_labels(self) -> bool:
        """Whether its answers are names, of classes or clusters, and not quantities."""
        from sklearn.base import is_clusterer, is_outlier_detector

        if self.method != "predict":
            return False
        return self.is_classifier or is_clusterer(self.native) or is_outlier_detector(self.native)

    def convert(self) -> Converted:
        from tidemark_worker.conversion.converters import convert

        return convert(self)

    def compared(self, answers: list[Any]) -> Compared:
        if self.method == "predict_proba":
            return "probabilities"
        if self.gives_labels or any(isinstance(answer, str | bool) for answer in answers):
            return "labels"
        return "numbers"

    def scores(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """Probabilities, decision values, else the numbers predicted."""
        import numpy as np

        frame = frame_of(rows, self.columns)
        if self.is_classifier and self.method == "predict":
            finer = next((method for method in ("predict_proba", "decision_function") if hasattr(self.native, method)), None)
            return None if finer is None else np.asarray(getattr(self.native, finer)(frame), dtype="float64").reshape(len(rows), -1)
        values: np.ndarray = np.asarray(self.pyfunc.predict(frame))
        if values.dtype.kind not in "fiu":
            return None
        return values.astype("float64").reshape(len(rows), -1)


def estimator_of(pyfunc: PyFuncModel, flavor: str) -> Estimator:
    """The estimator inside a loaded model.

    Raises
    ------
    ValueError
        It has no named columns.
    """
    method = str(pyfunc.metadata.flavors.get("python_function", {}).get("predict_fn", "predict"))
    return Estimator(pyfunc, pyfunc.get_raw_model(), flavor, columns_of(pyfunc), method)
