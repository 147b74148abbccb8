"""Rows that a conversion is compared on: real ones, and rows that never occurred."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tidemark_worker.rows import INTEGERS

if TYPE_CHECKING:
    from tidemark_worker.rows import Column

Row = dict[str, Any]
EDGE_BASES = 5
RANDOM_ROWS = 200
CATEGORIES_SHOWN = 20
UNKNOWN = "\u2047 never seen"
# What converters write for a gap among the categories that a model knows, and what stood for a gap once: a caller may send them as texts.
TEXTS_OF_GAPS = ("nan", "None", "")
SEED = 20_240_229


def edge_rows(rows: list[Row], columns: list[Column], varied: list[Column] | None = None, random_rows: int = RANDOM_ROWS) -> list[tuple[str, Row]]:
    """Rows with nothing in a column, an unknown category, values out of range; then random ones, made of what the real rows hold.

    Parameters
    ----------
    varied
        The columns that are varied one by one; None: all.
    random_rows
        How many without gaps; a quarter as many have some.

    Examples
    --------
    >>> from tidemark_worker.rows import Column
    >>> columns = [Column("budget", "double", True), Column("genre", "string", True)]
    >>> made = edge_rows([{"budget": 2.0, "genre": "Drama"}], columns)
    >>> sorted({kind for kind, _ in made if "text" not in kind})
    ['all missing', 'missing budget', 'missing genre', 'random', 'random with gaps', 'range budget', 'unknown genre']
    """
    made: list[tuple[str, Row]] = []
    bases = rows[:: max(1, len(rows) // EDGE_BASES)][:EDGE_BASES]
    for column in columns if varied is None else varied:
        name = column.name
        for base in bases:
            if column.kind != "boolean" and column.gaps:
                made.append((f"missing {name}", {**base, name: None}))
            if column.kind == "string":
                made.append((f"unknown {name}", {**base, name: UNKNOWN}))
                made += [(f"text {text!r} {name}", {**base, name: text}) for text in TEXTS_OF_GAPS]
            elif column.kind == "boolean":
                made += [(f"either {name}", {**base, name: value}) for value in (True, False)]
            else:
                made += [(f"range {name}", {**base, name: value}) for value in _out_of_range(rows, column)]
        if column.kind == "string" and bases:
            made += [(f"category {name}", {**bases[0], name: value}) for value in _known(rows, name)[1:CATEGORIES_SHOWN]]
    gaps = [column.name for column in columns if column.gaps]
    if gaps:
        made.append(("all missing", {**bases[0], **dict.fromkeys(gaps)}))
    return made + _random_rows(rows, columns, gaps, random_rows)


def lone_rows(rows: list[Row], columns: list[Column]) -> list[tuple[str, list[tuple[str, Row]]]]:
    """Requests in which no row has a text of some column: their names, and their rows like those of ``edge_rows``.

    Examples
    --------
    >>> from tidemark_worker.rows import Column
    >>> columns = [Column("budget", "double", True), Column("genre", "string", True)]
    >>> lone_rows([{"budget": 2.0, "genre": "Drama"}], columns)[0]
    ('without genre', [('none has genre', {'budget': 2.0, 'genre': None})])
    """
    bases = rows[:: max(1, len(rows) // EDGE_BASES)][:EDGE_BASES]
    texts = [column.name for column in columns if column.kind == "string"]
    alone = [(f"without {name}", [(f"none has {name}", {**base, name: None}) for base in bases]) for name in texts]
    nothing = ("without any text", [("none has a text", {**base, **dict.fromkeys(texts)}) for base in bases[:1]])
    return [*alone, nothing] if texts else []


def _random_rows(rows: list[Row], columns: list[Column], may_miss: list[str], count: int) -> list[tuple[str, Row]]:
    """Every column on its own, so that combinations appear that no real row has; numbers half a span beyond the known ones."""
    draw = random.Random(SEED)
    pools = {column.name: _known(rows, column.name) for column in columns}

    def value(column: Column) -> Any:
        known = pools[column.name]
        if not known:
            return None
        if column.kind in ("string", "boolean"):
            return draw.choice(known)
        low, high = min(known), max(known)
        span = (high - low) or abs(high) or 1
        if draw.random() < 0.3:
            return draw.choice(known)
        drawn = draw.uniform(low - span / 2, high + span / 2)
        return _within(round(drawn), column.type) if column.kind == "integer" else drawn

    made = [("random", {column.name: value(column) for column in columns}) for _ in range(count)]
    for _ in range(count // 4 if may_miss else 0):
        row = {column.name: value(column) for column in columns}
        gaps = draw.sample(may_miss, k=min(len(may_miss), 1 + draw.randrange(max(1, len(may_miss) // 2))))
        made.append(("random with gaps", {**row, **dict.fromkeys(gaps)}))
    return made


def _out_of_range(rows: list[Row], column: Column) -> list[Any]:
    known = _known(rows, column.name) or [1]
    low, high = min(known), max(known)
    largest = max(abs(low), abs(high))
    beyond = [0, low, high, -largest, largest * 10]
    return [_within(value, column.type) for value in beyond]


def _within(value: Any, kind: str) -> Any:
    """Whole numbers have bounds beyond which nothing can be sent."""
    if kind not in INTEGERS:
        return value
    least, most = INTEGERS[kind]
    return int(max(least, min(most, value)))


def _known(rows: list[Row], name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in rows if row.get(name) is not None))
