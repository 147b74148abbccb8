"""How much a model's answers move with each column, over many rows: Breiman's permutation, of predictions and not of losses."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tidemark_worker.rows import evenly_spaced

if TYPE_CHECKING:
    from tidemark_worker.explaining.target import Target

ROWS = 200
ROUNDS = 5
SEED = 20_240_229


def importance(target: Target, rows: list[dict[str, Any]]) -> list[float]:
    """The mean absolute change of the answer when one column takes its value from another row, a number a column in their order.

    Of several outputs the one that changes most counts. It needs no labels, and no more than the model: with one row, or a column of
    one value, it is 0. (L. Breiman, Random Forests, Machine Learning 45, 2001, section 10, with the change of the answer in place
    of the rise of the error.)
    """
    import numpy as np

    some = evenly_spaced(rows, ROWS)
    whole = target.values(some)
    draw = random.Random(SEED)
    orders = [draw.sample(range(len(some)), k=len(some)) for _ in range(ROUNDS)]
    found = []
    for column in target.columns:
        changed = [{**row, column.name: some[other][column.name]} for order in orders for row, other in zip(some, order, strict=True)]
        change = np.abs(target.values(changed) - np.tile(whole, (ROUNDS, 1))).max(axis=1)
        found.append(float(change.mean()))
    return found
