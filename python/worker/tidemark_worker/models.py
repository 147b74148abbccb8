"""Loading MLflow models from a folder."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


def load(folder: str) -> PyFuncModel:
    """Load a model as pyfunc.

    Raises
    ------
    RuntimeError
        It was logged under another minor version of Python, whose pickles this one may read wrongly.
    """
    import mlflow.pyfunc
    from mlflow.models import Model

    metadata = Model.load(str(Path(folder) / "MLmodel"))
    logged = str(metadata.flavors.get("python_function", {}).get("python_version", ""))
    here = platform.python_version()
    if logged and logged.split(".")[:2] != here.split(".")[:2]:
        raise RuntimeError(
            f"The model was logged under Python {logged} and this environment has {here}. "
            f"Train it again here, or start the platform with TIDEMARK_PYTHON naming a Python {'.'.join(logged.split('.')[:2])}."
        )
    return mlflow.pyfunc.load_model(folder)
