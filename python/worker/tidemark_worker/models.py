"""Loading MLflow models from a folder."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

# Libraries whose models hold an estimator in scikit-learn's form, or may.
ESTIMATOR_FLAVORS = ("sklearn", "xgboost", "lightgbm")
# Libraries whose models are networks that have a converter.
NETWORK_FLAVORS = ("keras", "tensorflow", "pytorch")


def load(folder: str) -> PyFuncModel:
    """Load a model as pyfunc.

    Raises
    ------
    RuntimeError
        It was logged under another minor version of Python, whose pickles this one may read wrongly.
    """
    import mlflow.pyfunc

    logged = str(flavors_of(folder).get("python_function", {}).get("python_version", ""))
    here = platform.python_version()
    if logged and logged.split(".")[:2] != here.split(".")[:2]:
        raise RuntimeError(
            f"The model was logged under Python {logged} and this environment has {here}. "
            f"Train it again here, or start the platform with TIDEMARK_PYTHON naming a Python {'.'.join(logged.split('.')[:2])}."
        )
    return mlflow.pyfunc.load_model(folder)


def flavors_of(folder: str) -> dict[str, Any]:
    """What a model's ``MLmodel`` says of each flavor, without loading the model."""
    from mlflow.models import Model

    return Model.load(str(Path(folder) / "MLmodel")).flavors


def estimator_flavor(flavors: dict[str, Any]) -> str | None:
    """The library of the estimator that ``get_raw_model`` of such a model gives; None where it is none's."""
    return next((name for name in ESTIMATOR_FLAVORS if name in flavors), None)


def network_flavor(flavors: dict[str, Any]) -> str | None:
    """The library of the network that ``get_raw_model`` of such a model gives; None where it is none's."""
    return next((name for name in NETWORK_FLAVORS if name in flavors), None)
