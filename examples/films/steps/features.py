"""Splits the films by time: what the model may learn from, and the months that judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.columns import EVENT_TIME
from steps.films import split
from tidemark import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping


@step
def run(ctx: Context) -> Mapping[str, str | int]:
    training, holdout = split(ctx.input("films"), str(ctx.params["asOf"]), int(ctx.params["holdoutMonths"] or 0))
    ctx.output("training", training)
    ctx.output("holdout", holdout)
    last, first = training[EVENT_TIME].max(), holdout[EVENT_TIME].min()
    ctx.log(f"{len(training)} films to learn from, the last of {last:%Y-%m-%d}; {len(holdout)} to judge by, the first of {first:%Y-%m-%d}.")
    return {"training": len(training), "holdout": len(holdout), "trainedTo": f"{last:%Y-%m-%d}", "holdoutFrom": f"{first:%Y-%m-%d}"}
