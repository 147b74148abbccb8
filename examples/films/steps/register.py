"""Registers the logged model as a new version. Whether it serves is for gates, approval and rollout to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow

from tidemark import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "films"


@step
def run(ctx: Context) -> Mapping[str, str]:
    logged = ctx.input_json("model")
    metrics = ctx.input_json("metrics")
    tags = {"asOf": str(ctx.params["asOf"]), "holdout_rmse": f"{metrics['rmse']:.4f}"}
    version = mlflow.register_model(logged["modelUri"], MODEL, tags=tags)
    ctx.log(f"Registered {MODEL}/{version.version}.")
    return {"modelVersion": f"{MODEL}/{version.version}", "mlflowRun": logged["mlflowRun"]}
