"""Splits the films by time: what the model may learn from, and the months that judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from tidemark import Context, step

from steps.columns import EVENT_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping


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


@step
def run(ctx: Context) -> Mapping[str, str | int]:
    training, holdout = split(ctx.input("films"), str(ctx.params["asOf"]), int(ctx.params["holdoutMonths"] or 0))
    ctx.output("training", training)
    ctx.output("holdout", holdout)
    last, first = training[EVENT_TIME].max(), holdout[EVENT_TIME].min()
    ctx.log(f"{len(training)} films to learn from, the last of {last:%Y-%m-%d}; {len(holdout)} to judge by, the first of {first:%Y-%m-%d}.")
    return {"training": len(training), "holdout": len(holdout), "trainedTo": f"{last:%Y-%m-%d}", "holdoutFrom": f"{first:%Y-%m-%d}"}
