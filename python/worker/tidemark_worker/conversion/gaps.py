"""What stands for a gap in a tensor of texts, which holds none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.edges import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Answered:
    """A row of the comparison and what Python said of it, finer than the answer where that is known."""

    kind: str
    result: dict[str, Any]
    scores: list[float] | None = None


def gaps_of(column: str, rows: Sequence[Answered]) -> dict[str, Any]:
    """The texts for a gap in a column: ``some`` where another row of the request has a text, ``none`` where none has.

    skl2onnx writes a category that is NaN as "nan" and one that is None as "None". These stand for the two, unless one is a text that the
    model knows and a gap is to it what a text is that it never saw. None: Python refuses such a gap.
    ``instead`` is what is fed for a cell that holds such a text itself, where that is no text that the model knows.

    Examples
    --------
    >>> known = [Answered("unknown a", {"prediction": 1.0}), Answered("missing a", {"prediction": 2.0}), Answered("none has a", {"prediction": 1.0})]
    >>> texts = [Answered("text 'nan' a", {"prediction": 1.0}), Answered("text 'None' a", {"prediction": 3.0})]
    >>> gaps_of("a", [*known, *texts]) == {"some": "nan", "none": UNKNOWN, "instead": {"nan": UNKNOWN}}
    True
    >>> gaps_of("a", [*known[:2], *texts, Answered("none has a", {"error": "no text"})])["none"] is None
    True
    """
    unknown = _of(f"unknown {column}", rows)
    gaps = {"nan": _of(f"missing {column}", rows), "None": _of(f"none has {column}", rows)}
    texts = {written: _of(f"text {written!r} {column}", rows) for written in gaps}
    some, none = (_text(gap, unknown, texts[written], written) for written, gap in gaps.items())
    instead = {text: UNKNOWN for text in (some, none) if text in texts and _all_alike(texts[text], unknown)}
    return {"some": some, "none": none, "instead": instead}


def _of(kind: str, rows: Sequence[Answered]) -> list[Answered]:
    return [row for row in rows if row.kind == kind]


def _text(gaps: list[Answered], unknown: list[Answered], itself: list[Answered], written: str) -> str | None:
    if gaps and all("error" in gap.result for gap in gaps):
        return None
    # Where answers are too coarse to tell, as clusters are, all three are alike.
    return UNKNOWN if not _all_alike(itself, gaps) and _all_alike(gaps, unknown) else written


def _all_alike(some: list[Answered], others: list[Answered]) -> bool:
    return all(map(_alike, some, others))


def _alike(one: Answered, other: Answered) -> bool:
    if "error" in one.result or "error" in other.result:
        return "error" in one.result and "error" in other.result
    return _equal(one.result["prediction"], other.result["prediction"]) and _equal(one.scores, other.scores)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        # Sums of many rows are not always added up in the same order.
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)
