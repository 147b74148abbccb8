"""Tracks, registers and loads a model with nothing but the mlflow client and scikit-learn.

    python -m venv .venv && .venv/bin/pip install mlflow==3.17.2 scikit-learn
    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 .venv/bin/python examples/films/quickstart.py

Nothing here knows the platform: it is the address alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import root_mean_squared_error

sys.path.insert(0, str(Path(__file__).parent))
from steps.columns import INPUTS, LABEL
from steps.films import films_of, split
from steps.model import TRUSTED_TYPES, example, new_model, signature

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

EXPERIMENT = "films-quickstart"
MODEL = "films"


def load_films() -> pd.DataFrame:
    """Read the films from the npm package that the clone depends on."""
    file = Path(__file__).parents[2] / "node_modules/vega-datasets/data/movies.json"
    if not file.exists():
        sys.exit(f"The film data is not at {file}. Run `npm ci` in the clone: it fetches the package vega-datasets.")
    raw = pd.DataFrame(json.loads(file.read_text(encoding="utf-8")))
    released = pd.to_datetime(raw["Release Date"], format="%b %d %Y")
    # Later rows have years that were written with two digits; the platform's data gate finds them by itself.
    return films_of(raw[released <= "2010-12-31"].astype({"Title": "string"}))


def autologged(films: pd.DataFrame, holdout: pd.DataFrame) -> str:
    """Fit with autolog, which records the forest's parameters and training metrics by itself; gives the run's id."""
    mlflow.sklearn.autolog(log_models=False, silent=True)
    with mlflow.start_run(run_name="autolog") as run:
        numbers = films[["Production Budget", "Release Month"]].fillna(-1)
        model = RandomForestRegressor(50, min_samples_leaf=5, random_state=1).fit(numbers, films[LABEL])
        predicted = model.predict(holdout[numbers.columns].fillna(-1))
        mlflow.log_metric("holdout_rmse", root_mean_squared_error(holdout[LABEL], predicted))
    mlflow.sklearn.autolog(disable=True)
    return run.info.run_id


def batched(client: MlflowClient, experiment_id: str) -> str:
    """Write many metrics, parameters and tags in one request; gives the run's id."""
    run = client.create_run(experiment_id, run_name="batch")
    now = int(time.time() * 1000)
    curve = [Metric("loss", 1 / (step + 1), now + step, step) for step in range(100)]
    client.log_batch(run.info.run_id, curve, [Param("rate", "0.1")], [RunTag("kind", "curve")])
    client.set_terminated(run.info.run_id)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [point.value for point in history] == [point.value for point in curve], "the curve came back changed"
    return run.info.run_id


def logged_model(films: pd.DataFrame, holdout: pd.DataFrame) -> tuple[str, Pipeline]:
    """Fit the site's model and log it with a signature and an input example; gives the run's id and the model."""
    with mlflow.start_run(run_name="forest") as run:
        model = new_model(trees=100, seed=1).fit(films[INPUTS], films[LABEL])
        mlflow.log_params({"trees": 100, "films": len(films)})
        mlflow.log_metric("holdout_rmse", root_mean_squared_error(holdout[LABEL], model.predict(holdout[INPUTS])))
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature(),
            input_example=example(films),
            registered_model_name=MODEL,
            skops_trusted_types=TRUSTED_TYPES,
            pip_requirements=[f"mlflow=={mlflow.__version__}", "scikit-learn", "pandas"],
        )
    return run.info.run_id, model


def main() -> None:
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        sys.exit("Set MLFLOW_TRACKING_URI to the platform's address, http://127.0.0.1:5000 unless you chose another port.")
    started = time.perf_counter()
    films, holdout = split(load_films(), "2000-01", 24)
    client = MlflowClient()
    experiment = mlflow.set_experiment(EXPERIMENT)
    print(f"Experiment {experiment.name} ({experiment.experiment_id}) at {mlflow.get_tracking_uri()}")

    auto = autologged(films, holdout)
    data = client.get_run(auto).data
    print(f"Autologged run {auto}: {len(data.params)} parameters, {len(data.metrics)} metrics")
    batch = batched(client, experiment.experiment_id)
    print(f"Batch run {batch}: 100 points of a curve, read back")

    forest, fitted = logged_model(films, holdout)
    version = max(client.search_model_versions(f"name='{MODEL}'"), key=lambda found: int(found.version))
    assert version.run_id == forest, "the newest version is not the run's"
    client.set_registered_model_alias(MODEL, "champion", version.version)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    difference = abs(loaded.predict(holdout[INPUTS]) - fitted.predict(holdout[INPUTS])).max()
    assert difference == 0, f"the loaded model predicts otherwise, by {difference}"
    print(f"Registered {MODEL}/{version.version} as champion, loaded it, same predictions for {len(holdout)} films")

    found = mlflow.search_runs(
        [experiment.experiment_id],
        filter_string="metrics.holdout_rmse < 2 and params.trees = '100' and attributes.status = 'FINISHED'",
        order_by=["metrics.holdout_rmse ASC"],
    )
    assert forest in set(found["run_id"]), "the search does not find the run"
    assert batch not in set(found["run_id"]), "the search finds a run that the filter excludes"
    rmse = float(found.loc[found["run_id"] == forest, "metrics.holdout_rmse"].iloc[0])
    print(f"Search found it: RMSE {rmse:.3f} on {len(holdout)} films of 1998 and 1999")
    print(f"Done in {time.perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main()
