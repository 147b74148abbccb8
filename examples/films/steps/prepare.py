"""Reads the dataset and gives each film its inputs, label, name and release day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.films import films_of
from tidemark import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping


@step
def run(ctx: Context) -> Mapping[str, int]:
    raw = ctx.input("films")
    films = films_of(raw)
    ctx.log(f"{len(raw)} films, {len(films)} of them with a rating.")
    ctx.output("films", films)
    return {"films": len(raw), "labelled": len(films)}
