"""Two bad versions for the demonstration: each wraps a good one, and is wrong in a way that happens."""

from __future__ import annotations

import os
import sys
from typing import Any

import cloudpickle
import mlflow
from mlflow.models import Model
from mlflow.pyfunc import PythonModel

MODEL = "films"


class FailsWithoutRunningTime(PythonModel):
    """Somebody "knew" that every film has a running time."""

    def load_context(self, context: Any) -> None:
        self.good = mlflow.pyfunc.load_model(context.artifacts["good"])

    def predict(self, context, model_input, params=None):  # mlflow takes hints for a signature
        if model_input["Running Time min"].isna().any():
            raise ValueError("Running Time min is missing: cannot put the film into a length class.")
        return self.good.predict(model_input)


class RatesTooLow(PythonModel):
    """A scale was centred twice: every rating comes out 0.7 points too low."""

    def load_context(self, context: Any) -> None:
        self.good = mlflow.pyfunc.load_model(context.artifacts["good"])

    def predict(self, context, model_input, params=None):  # mlflow takes hints for a signature
        return self.good.predict(model_input) - 0.7


def register(good_uri: str, fault: str, model: PythonModel) -> str:
    """Log and register a bad version; gives its number."""
    good = mlflow.artifacts.download_artifacts(good_uri)
    mlflow.set_experiment("films-bad-versions")
    with mlflow.start_run(run_name=fault):
        mlflow.set_tags({"fault": fault, "wraps": good_uri})
        mlflow.pyfunc.log_model(
            name="model",
            python_model=model,
            artifacts={"good": good},
            signature=Model.load(good).signature,
            pip_requirements=[f"mlflow=={mlflow.__version__}"],
            registered_model_name=MODEL,
        )
    versions = mlflow.MlflowClient().search_model_versions(f"name='{MODEL}'", order_by=["version_number DESC"], max_results=1)
    return str(versions[0].version)


VERSIONS = {"failsWithoutRunningTime": FailsWithoutRunningTime, "ratesTooLow": RatesTooLow}


def run(ctx: Any) -> dict[str, str]:
    """Step of bad_versions.yaml: registers both; gives their versions."""
    # They are runs of their own, not the pipeline's.
    os.environ.pop("MLFLOW_RUN_ID", None)
    # The classes travel inside the logged models: who loads one has no such module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return {fault: f"{MODEL}/{register(ctx.params['good'], fault, model())}" for fault, model in VERSIONS.items()}
