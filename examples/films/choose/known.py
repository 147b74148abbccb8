"""The films that a choice may look at: those released before the site opens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from steps.columns import EVENT_TIME
from steps.films import films_of

if TYPE_CHECKING:
    from pathlib import Path

# The site opens on this day; no film released from then on, and nothing about one, reaches a choice.
OPENS = pd.Timestamp("2000-01-01", tz="UTC")


def read_known(file: Path) -> pd.DataFrame:
    """Rows of the source with a title that were released before the site opens; all others are dropped before anything else is done."""
    raw = pd.DataFrame(json.loads(file.read_text(encoding="utf-8")))
    released = pd.to_datetime(raw["Release Date"], utc=True, format="%b %d %Y")
    return raw[(released < OPENS) & raw["Title"].notna()].astype({"Title": "string"})


def labelled(known: pd.DataFrame) -> pd.DataFrame:
    """Films with a rating, as the pipeline's `prepare` makes them."""
    films = films_of(known)
    assert (films[EVENT_TIME] < OPENS).all()
    return films


def release_days(known: pd.DataFrame, months: int) -> list[str]:
    """Release days of the last `months` months, with or without a rating, in order."""
    released = pd.to_datetime(known["Release Date"], utc=True, format="%b %d %Y")
    recent = released[released >= OPENS - pd.DateOffset(months=months)].sort_values()
    return list(recent.dt.strftime("%Y-%m-%d"))
