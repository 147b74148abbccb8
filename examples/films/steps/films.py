"""Films as the model learns from them, and their split by time. Needs pandas alone."""

from __future__ import annotations

import pandas as pd

from steps.columns import CATEGORIES, ENTITY, EVENT_TIME, INPUTS, LABEL, NUMBERS


def films_of(raw: pd.DataFrame) -> pd.DataFrame:
    """One row a labelled film: inputs, ``label``, ``entity`` and ``event_time``, by release day.

    What is missing is missing, as at serving: what becomes of it is for the model to say.
    """
    released = pd.to_datetime(raw["Release Date"], utc=True, format="mixed")
    films = pd.DataFrame({name: pd.to_numeric(raw[name]) for name in NUMBERS if name in raw})
    # The month, for seasons; never the year, which would tell the model when it is.
    films["Release Month"] = released.dt.month
    films = films[NUMBERS].astype("float64")
    for name in CATEGORIES:
        films[name] = raw[name].astype("str").where(raw[name].notna())
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


def split(films: pd.DataFrame, as_of: str, holdout_months: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into films before the holdout and films of the holdout: the ``holdout_months`` months before the month of ``as_of``.

    Examples
    --------
    >>> days = pd.to_datetime(["1997-12-31", "1998-01-01", "1999-12-31", "2000-01-01"], utc=True)
    >>> training, holdout = split(pd.DataFrame({"event_time": days}), "2000-01", 24)
    >>> len(training), len(holdout)
    (1, 2)
    """
    end = pd.Timestamp(as_of[:7], tz="UTC")
    start = end - pd.DateOffset(months=holdout_months)
    training = films[films[EVENT_TIME] < start]
    holdout = films[(films[EVENT_TIME] >= start) & (films[EVENT_TIME] < end)]
    if training.empty or holdout.empty:
        raise ValueError(
            f"As of {as_of} with a holdout of {holdout_months} months there are {len(training)} films to learn from and "
            f"{len(holdout)} to judge by: choose a later month, or append the films that are missing."
        )
    return training.reset_index(drop=True), holdout.reset_index(drop=True)
