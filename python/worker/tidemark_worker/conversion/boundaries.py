"""Where a model's answer jumps as one number grows: found by bisection, so that it works whatever comes before the trees."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from tidemark_worker.rows import Column

    Row = dict[str, Any]
    # A column, the row it changes in, and two of its values that may lie around a jump.
    Place = tuple[Column, Row, float, float]
    Scores = Callable[[list[Row]], "np.ndarray | None"]

GRID = 12
BASES = 3
JUMPS_A_COLUMN = 4
FLOAT32_STEPS = 34
FLOAT64_STEPS = 31


def boundary_rows(rows: list[Row], columns: list[Column], scores: Scores, smallest: float) -> list[tuple[str, Row]]:
    """Rows at both sides of jumps, as near as float32 can tell them apart.

    A model that rounds its input to float32, as trees do, jumps between two neighbouring float32 values: both must be right. One
    that computes in double precision before it jumps (a scaler, say) has its jump somewhere between two neighbours, and takes means
    away before: no float32 computation can follow it nearer than what float32 rounds off at the column's largest values. Then the
    values two such steps away must be right.

    Parameters
    ----------
    rows
        Real rows, which the others are made from.
    scores
        What decides the model's answers, a line a row; None when it has nothing of the kind.
    smallest
        A change of a score that counts as a jump.
    """
    import numpy as np

    numeric = [column for column in columns if column.kind in ("number", "integer")]
    bases = rows[:: max(1, len(rows) // BASES)][:BASES]
    places: list[Place] = []
    for column in numeric:
        known = sorted({float(row[column.name]) for row in rows if row.get(column.name) is not None})
        if not known:
            continue
        span = (known[-1] - known[0]) or abs(known[0]) or 1.0
        grid = np.linspace(known[0] - span / 10, known[-1] + span / 10, GRID)
        grid = np.unique(np.round(grid) if column.kind == "integer" else grid.astype("float32").astype("float64"))
        for base in bases:
            places += [(column, base, float(low), float(high)) for low, high in itertools.pairwise(grid)]
    found = _narrow(_with_jump(places, scores, smallest), scores, smallest, _middle_float32, FLOAT32_STEPS)
    found = _few_a_column(_with_jump(found, scores, smallest))
    return _rows_of(found, scores, {column.name: _largest(rows, column.name) for column in numeric})


def _largest(rows: list[Row], name: str) -> float:
    return max((abs(float(row[name])) for row in rows if row.get(name) is not None), default=0.0)


def _at(places: list[Place], values: list[float]) -> list[Row]:
    return [
        {**base, column.name: int(value) if column.kind == "integer" else float(value)}
        for (column, base, _, _), value in zip(places, values, strict=True)
    ]


def _with_jump(places: list[Place], scores: Scores, smallest: float) -> list[Place]:
    import numpy as np

    if not places:
        return []
    both = scores(_at(places, [low for _, _, low, _ in places]) + _at(places, [high for _, _, _, high in places]))
    if both is None:
        return []
    change = np.abs(both[: len(places)] - both[len(places) :]).max(axis=1)
    return [place for place, moved in zip(places, change, strict=True) if moved > smallest]


def _narrow(
    places: list[Place],
    scores: Scores,
    smallest: float | None,
    middle: Callable[[Column, float, float], float],
    steps: int,
) -> list[Place]:
    """Halve every place until its ends are neighbours, keeping the half where more happens.

    A place of which neither half changes by more than ``smallest`` has a slope, and is dropped; None: all are kept.
    """
    import numpy as np

    for _ in range(steps):
        middles = [middle(column, low, high) for column, _, low, high in places]
        if not places or all(m in (low, high) for m, (_, _, low, high) in zip(middles, places, strict=True)):
            break
        ends = [[low for _, _, low, _ in places], middles, [high for _, _, _, high in places]]
        answer = scores([row for values in ends for row in _at(places, values)])
        if answer is None:
            return []
        left, here, right = np.split(answer, 3)
        before, behind = np.abs(left - here).max(axis=1), np.abs(here - right).max(axis=1)
        places = [
            (column, base, low, m) if first >= second else (column, base, m, high)
            for (column, base, low, high), m, first, second in zip(places, middles, before, behind, strict=True)
            if smallest is None or max(first, second) > smallest
        ]
    return places


def _middle_float32(column: Column, low: float, high: float) -> float:
    import numpy as np

    if column.kind == "integer":
        return float((int(low) + int(high)) // 2)
    return float(np.float32((low + high) / 2))


def _middle_float64(_column: Column, low: float, high: float) -> float:
    return (low + high) / 2


def _few_a_column(places: list[Place]) -> list[Place]:
    kept: dict[str, list[Place]] = {}
    for place in places:
        own = kept.setdefault(place[0].name, [])
        if len(own) < JUMPS_A_COLUMN and all(place[2] != other[2] for other in own):
            own.append(place)
    return [place for own in kept.values() for place in own]


def _rows_of(found: list[Place], scores: Scores, largest: dict[str, float]) -> list[tuple[str, Row]]:
    import numpy as np

    exact = _narrow(list(found), scores, None, _middle_float64, FLOAT64_STEPS)
    made: list[tuple[str, Row]] = []
    for place, (_, _, low64, high64) in zip(found, exact, strict=True):
        column, _, low, high = place
        sides = [low, high]
        if column.kind != "integer" and np.float32(low64) == np.float32(high64):
            # It jumps where rounding to float32 does not.
            step = 2 * float(np.spacing(np.float32(max(largest[column.name], abs(low), abs(high)))))
            sides = [float(np.float32(low - step)), float(np.float32(high + step))]
        made += [(f"boundary {column.name}", row) for side in sides for row in _at([place], [side])]
    return made
