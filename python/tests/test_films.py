"""The example keeps its promise: nothing of the holdout, and nothing that is known only later, reaches the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from steps.columns import ENTITY, EVENT_TIME, INPUTS, LABEL
from steps.films import films_of, split
from steps.model import new_model

EXAMPLE = Path(__file__).parents[2] / "examples/films"
DATA = Path(__file__).parents[2] / "node_modules/vega-datasets/data/movies.json"
KNOWN_LATER = {"US Gross", "Worldwide Gross", "US DVD Sales", "Rotten Tomatoes Rating", "IMDB Rating", "IMDB Votes"}


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    raw = pd.DataFrame(json.loads(DATA.read_text()))
    released = pd.to_datetime(raw["Release Date"], format="%b %d %Y")
    return films_of(raw[released <= "2010-12-31"].astype({"Title": "string"}))


@pytest.mark.parametrize("year", range(2000, 2012))
@pytest.mark.parametrize("months", [12, 24])
def test_no_film_of_the_holdout_is_in_the_training(films: pd.DataFrame, year: int, months: int) -> None:
    training, holdout = split(films, f"{year}-03", months)
    end = pd.Timestamp(f"{year}-03-01", tz="UTC")
    assert training[EVENT_TIME].max() < end - pd.DateOffset(months=months) <= holdout[EVENT_TIME].min()
    assert holdout[EVENT_TIME].max() < end
    assert set(training[ENTITY]).isdisjoint(holdout[ENTITY])
    assert len(training) + len(holdout) == (films[EVENT_TIME] < end).sum()


def test_what_happened_in_the_holdout_does_not_change_the_model(films: pd.DataFrame) -> None:
    changed = films.copy()
    late = changed[EVENT_TIME] >= pd.Timestamp("1998-01-01", tz="UTC")
    changed.loc[late, LABEL] = 1.0
    changed.loc[late, "Director"] = "Nobody"
    predictions = []
    for version in (films, changed):
        training, _ = split(version, "2000-01", 24)
        predictions.append(new_model(trees=20, seed=1).fit(training[INPUTS], training[LABEL]).predict(films[INPUTS]))
    np.testing.assert_array_equal(*predictions)


def test_the_inputs_are_known_on_release_day_and_do_not_tell_the_year(films: pd.DataFrame) -> None:
    assert KNOWN_LATER.isdisjoint(INPUTS)
    assert set(films["Release Month"]) == set(range(1, 13))
    assert not any("date" in name.lower() or "year" in name.lower() for name in INPUTS)


def test_the_training_step_reads_the_training_films_and_nothing_else() -> None:
    steps = {step["name"]: step for step in yaml.safe_load((EXAMPLE / "pipeline.yaml").read_text())["steps"]}
    assert steps["train"]["inputs"] == {"training": {"step": "features", "output": "training"}}


def test_every_input_column_but_the_month_is_declared_in_the_dataset() -> None:
    declared = yaml.safe_load((EXAMPLE / "dataset.yaml").read_text())["columns"]
    assert set(INPUTS) - {"Release Month"} <= set(declared)


def test_a_model_of_films_before_1998_beats_the_mean_of_the_holdout(films: pd.DataFrame) -> None:
    training, holdout = split(films, "2000-01", 24)
    model = new_model(trees=100, seed=1).fit(training[INPUTS], training[LABEL])
    rmse = float(np.sqrt(np.mean((model.predict(holdout[INPUTS]) - holdout[LABEL]) ** 2)))
    assert 1.0 < rmse < 0.92 * float(holdout[LABEL].std())
