"""Reads the dataset and gives each film its inputs, label, name and release day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from tidemark import Context, step

from steps.columns import CATEGORIES, ENTITY, EVENT_TIME, INPUTS, LABEL, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping


def films_of(raw: pd.DataFrame) -> pd.DataFrame:
    """One row a labelled film: inputs, ``label``, ``entity`` and ``event_time``, by release day.

    A missing category is ``""`` and a missing number NaN, as at serving.
    """
    released = pd.to_datetime(raw["Release Date"], utc=True, format="mixed")
    films = pd.DataFrame({name: pd.to_numeric(raw[name]) for name in NUMBERS if name in raw})
    # The month, for seasons; never the year, which would tell the model when it is.
    films["Release Month"] = released.dt.month
    films = films[NUMBERS].astype("float64")
    for name in CATEGORIES:
        films[name] = raw[name].fillna("").astype(str)
    films = films[INPUTS]
    films[LABEL] = pd.to_numeric(raw["IMDB Rating"])
    films[ENTITY] = [entity_of(title, day) for title, day in zip(raw["Title"], released, strict=True)]
    films[EVENT_TIME] = released
    return films.dropna(subset=[LABEL]).sort_values([EVENT_TIME, ENTITY], ignore_index=True)


def entity_of(title: object, released: pd.Timestamp) -> str:
    """The name under which a film's predictions and label meet: titles alone repeat.

    Examples
    --------
    >>> entity_of("Halloween", pd.Timestamp("1978-10-17"))
    'Halloween (1978-10-17)'
    """
    return f"{title} ({released.date().isoformat()})"


@step
def run(ctx: Context) -> Mapping[str, int]:
    raw = ctx.input("films")
    films = films_of(raw)
    ctx.log(f"{len(raw)} films, {len(films)} of them with a rating.")
    ctx.output("films", films)
    return {"films": len(raw), "labelled": len(films)}
