"""Fits the model on the training films and logs it. The holdout is no input of this step: it cannot leak."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import mlflow.sklearn

from steps import EXPERIMENT
from steps.columns import EVENT_TIME, INPUTS, LABEL
from steps.model import TRUSTED_TYPES, example, new_model, signature
from tidemark import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping

# Named, because inferring them would start another Python and import everything again.
REQUIREMENTS = [f"{name}=={version(name)}" for name in ("mlflow", "scikit-learn", "pandas", "numpy")]


@step
def run(ctx: Context) -> Mapping[str, str | float]:
    films = ctx.input("training")
    with ctx.start_run(EXPERIMENT) as run:
        started = time.perf_counter()
        model = new_model(int(ctx.params["trees"] or 0), ctx.seed).fit(films[INPUTS], films[LABEL])
        seconds = time.perf_counter() - started
        mlflow.log_params({"films": len(films), "trainedTo": f"{films[EVENT_TIME].max():%Y-%m-%d}"})
        mlflow.log_metric("fit_seconds", seconds)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature(),
            input_example=example(films),
            pip_requirements=REQUIREMENTS,
            skops_trusted_types=TRUSTED_TYPES,
        )
    ctx.log(f"Fitted {ctx.params['trees']} trees on {len(films)} films in {seconds:.1f} s: run {run.info.run_id}.")
    ctx.output("reference", films[INPUTS])
    ctx.output_json("model", {"mlflowRun": run.info.run_id, "modelUri": logged.model_uri})
    return {"mlflowRun": run.info.run_id, "modelUri": logged.model_uri, "fitSeconds": seconds}
