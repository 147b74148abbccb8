"""Judges the model on the holdout's films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow.sklearn
import numpy as np

from steps import EXPERIMENT
from steps.columns import ENTITY, EVENT_TIME, INPUTS, LABEL
from tidemark import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def losses(predictions: pd.DataFrame) -> dict[str, float]:
    """Root mean squared and mean absolute error, in rating points.

    Examples
    --------
    >>> import pandas as pd
    >>> losses(pd.DataFrame({"label": [6.0, 8.0], "prediction": [7.0, 8.0]}))
    {'rmse': 0.7071067811865476, 'mae': 0.5}
    """
    error = predictions["prediction"] - predictions[LABEL]
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(error.abs().mean())}


@step
def run(ctx: Context) -> Mapping[str, float]:
    logged = ctx.input_json("model")
    holdout = ctx.input("holdout")
    model = mlflow.sklearn.load_model(logged["modelUri"])
    predictions = holdout[[ENTITY, EVENT_TIME, LABEL]].assign(prediction=model.predict(holdout[INPUTS]))
    metrics = losses(predictions)
    # What always saying the holdout's own mean would lose: a model must do better.
    spread = float(holdout[LABEL].std(ddof=0))
    with ctx.start_run(EXPERIMENT, run_id=logged["mlflowRun"]):
        mlflow.log_metrics({f"holdout_{name}": value for name, value in metrics.items()} | {"holdout_sd": spread})
    ctx.output("predictions", predictions)
    ctx.output_json("metrics", metrics)
    ctx.log(f"{len(holdout)} films: RMSE {metrics['rmse']:.3f}, mean absolute error {metrics['mae']:.3f}; the ratings' own spread is {spread:.3f}.")
    return metrics
