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

    skl2onnx writes a category that is NaN as "nan" and one that is None as "None". A model that takes a gap for a text it never saw gets such a
    text, since those two may be texts that it knows; one that does not gets what skl2onnx wrote. None: Python refuses such a gap.
    ``instead`` is what is fed for a cell that holds such a text itself, where Python does not take it for a gap.

    Examples
    --------
    >>> known = [Answered("unknown a", {"prediction": 1.0}), Answered("missing a", {"prediction": 2.0}), Answered("none has a", {"prediction": 1.0})]
    >>> gaps_of("a", known) == {"some": "nan", "none": UNKNOWN, "instead": {}}
    True
    >>> gaps_of("a", [*known, Answered("text 'nan' a", {"prediction": 1.0})])["instead"] == {"nan": UNKNOWN}
    True
    >>> gaps_of("a", [*known[:2], Answered("none has a", {"error": "no text"})])["none"] is None
    True
    """
    unknown = _of(f"unknown {column}", rows)
    gaps = {"nan": _of(f"missing {column}", rows), "None": _of(f"none has {column}", rows)}
    some, none = (_text(gap, unknown, written) for written, gap in gaps.items())
    used = [text for text in (some, none) if text in gaps]
    instead = {text: UNKNOWN for text in used if not _all_alike(_of(f"text {text!r} {column}", rows), gaps[text])}
    return {"some": some, "none": none, "instead": instead}


def _of(kind: str, rows: Sequence[Answered]) -> list[Answered]:
    return [row for row in rows if row.kind == kind]


def _text(gaps: list[Answered], unknown: list[Answered], written: str) -> str | None:
    if gaps and all("error" in gap.result for gap in gaps):
        return None
    return UNKNOWN if _all_alike(gaps, unknown) else written


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
