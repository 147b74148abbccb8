"""Trains three recommenders on the ratings before 2015, and registers them with the plain mlflow client."""

from __future__ import annotations

import json
import sys
from typing import Any

import mlflow
import pandas as pd
from features import FEATURES
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

MODEL = "ratings"
# Models are stored as skops files, which hold no code; these of its types it trusts only by name.
TRUSTED_TYPES = [
    "sklearn.tree._tree.Tree",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss.loss.HalfSquaredError",
]


def film_mean() -> Any:
    """What the film was given so far, and nothing about who asks."""
    return make_pipeline(ColumnTransformer([("mean", "passthrough", ["movie_mean"])]), LinearRegression())


RECOMMENDERS = {
    "film's mean": film_mean,
    "tree without a limit": lambda: DecisionTreeRegressor(random_state=0),
    "boosted trees": lambda: GradientBoostingRegressor(subsample=0.3, random_state=0),
}


def years(table: pd.DataFrame, begin: int, end: int) -> pd.DataFrame:
    """Ratings from the year ``begin`` up to the year ``end``, the latter not included."""
    year = pd.to_datetime(table.timestamp, unit="s").dt.year
    return table[(year >= begin) & (year < end)]


def mean_absolute_error(model: Any, table: pd.DataFrame) -> float:
    return float((model.predict(table[FEATURES]) - table.rating).abs().mean())


def main(path: str) -> None:
    table = pd.read_csv(path).astype(dict.fromkeys(FEATURES, float))
    earlier = years(table, 1995, 2013)
    before = film_mean().fit(earlier[FEATURES], earlier.rating)
    margin = 0.05 * mean_absolute_error(before, years(table, 2013, 2015))
    mlflow.set_experiment("movielens")
    training = years(table, 1995, 2015)
    for name, make in RECOMMENDERS.items():
        with mlflow.start_run(run_name=name):
            model = make().fit(training[FEATURES], training.rating)
            mlflow.log_params({"recommender": name, "trained_to": "2014-12-31", "ratings": len(training)})
            mlflow.sklearn.log_model(
                model,
                name="model",
                skops_trusted_types=TRUSTED_TYPES,
                registered_model_name=MODEL,
                signature=infer_signature(training[FEATURES], model.predict(training[FEATURES][:5])),
                input_example=training[FEATURES][:: len(training) // 50],
            )
    print(json.dumps({"lossMargin": round(margin, 4), "versions": list(RECOMMENDERS)}))


if __name__ == "__main__":
    main(sys.argv[1])
