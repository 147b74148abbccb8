"""The example's choices rest on films before 2000, and the model has the form that they gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from choose.form import CANDIDATES, SPANS, Form, choose, model_of
from choose.known import OPENS, labelled, read_known, release_days
from steps.columns import EVENT_TIME, INPUTS, LABEL
from steps.model import new_model

CLONE = Path(__file__).parents[2]
DATA = CLONE / "node_modules/vega-datasets/data/movies.json"


def known_after(tmp_path: Path, change: Any) -> pd.DataFrame:
    rows = json.loads(DATA.read_text())
    file = tmp_path / "movies.json"
    file.write_text(json.dumps([change(row) if row["Title"] else row for row in rows]))
    return read_known(file)


def is_later(row: dict[str, Any]) -> bool:
    return int(row["Release Date"][-4:]) >= 2000


def test_films_from_2000_on_cannot_be_seen(tmp_path: Path) -> None:
    changed = known_after(tmp_path, lambda row: {**row, "IMDB Rating": 1.0, "Director": "Nobody"} if is_later(row) else row)
    pd.testing.assert_frame_equal(changed, read_known(DATA))
    assert labelled(changed)[EVENT_TIME].max() < OPENS
    assert max(release_days(changed, 24)) < "2000-01-01"


def test_films_before_2000_are_seen(tmp_path: Path) -> None:
    changed = known_after(tmp_path, lambda row: row if is_later(row) else {**row, "Director": "Nobody"})
    assert not changed.equals(read_known(DATA))


def test_no_span_of_the_tuning_reaches_into_the_first_holdout() -> None:
    assert max(SPANS) <= "1998-01"


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [([1.2, 1.1, 1.0], 2), ([1.0009, 1.1, 1.0], 0), ([1.0011, 1.1, 1.0], 2)],
)
def test_the_lowest_loss_wins_and_ties_go_to_the_simpler(scores: list[float], chosen: int) -> None:
    assert choose(list(zip(CANDIDATES[:3], scores, strict=True))) == CANDIDATES[chosen]


def test_the_model_has_the_form_that_the_rule_gave() -> None:
    form = Form(**json.loads((CLONE / "examples/films/choose/choices.json").read_text())["form"]["chosen"])
    films = labelled(read_known(DATA))
    ruled, used = (model.fit(films[INPUTS], films[LABEL]) for model in (model_of(form, 10, 1), new_model(10, 1)))
    np.testing.assert_array_equal(used.predict(films[INPUTS]), ruled.predict(films[INPUTS]))
