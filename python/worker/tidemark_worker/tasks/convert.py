"""Converts a model to ONNX, and writes what a parity check needs. Runs in a child that may be killed: some models make their converter
loop for ever.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.boundaries import boundary_rows
from tidemark_worker.conversion.edges import edge_rows, lone_rows
from tidemark_worker.conversion.gaps import Answered, gaps_of
from tidemark_worker.conversion.subject import Subject, subject_of
from tidemark_worker.lines import json_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidemark_worker.conversion.converted import Converted
    from tidemark_worker.tasks import Channel

PROBABILITY_TOLERANCE = 1e-4
TOLERANCE_OF_SD = 1e-4
# Predictions whose spread is less than this share of them are one, but for rounding: then what float32 rounds off is allowed.
NO_SPREAD = 1e-12
TOLERANCE_OF_CONSTANT = 1e-6
# From so many real rows on their predictions tell the spread of the target; with fewer, the generated ones help.
ENOUGH_FOR_SD = 30


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Write ``model.onnx``, ``input-map.json`` and ``parity.ndjson`` into ``outDir``.

    ``parity.ndjson`` has a row of raw values and what Python says of it, ``{"kind", "request", "row", "prediction" | "error", "scores"}`` a
    line: rows of the input example and of the sample, and rows that never occurred (see ``edges`` and ``boundaries``).
    The platform runs the same rows through its own ONNX runtime; nothing here says that the conversion is right.

    Parameters
    ----------
    arguments
        ``modelDir``, ``sampleFile`` (rows of raw inputs, or null), ``outDir``.

    Raises
    ------
    ValueError
        There is no converter for the model, or no row to compare it on.
    """
    subject = subject_of(arguments["modelDir"])
    converted = subject.convert()
    rows = parity_rows(subject, arguments.get("sampleFile"), arguments["modelDir"])
    results = by_request(rows, subject.answers)
    kind = subject.compared([result["prediction"] for result in results if "prediction" in result])
    scores = _scores(subject, rows, results) if kind == "labels" else None
    out = Path(arguments["outDir"])
    with open(out / "parity.ndjson", "wb") as parity:
        for place, (row, result) in enumerate(zip(rows, results, strict=True)):
            own = {} if scores is None or "error" in result else {"scores": scores[place]}
            parity.write(json_line({"kind": row.kind, "request": row.request, "row": subject.record(row.row), **result, **own}))
    (out / "model.onnx").write_bytes(converted.model.SerializeToString())
    kinds = [row.kind for row in rows]
    shape, names = _shape(results)
    mapping = {
        "format": 1,
        "inputs": inputs_of(converted, subject, kinds, results, scores),
        "output": converted.output,
        "shape": shape,
        "names": names,
        "scores": converted.scores if scores is not None else None,
        "kind": kind,
        "tolerance": _tolerance(kind, kinds, results),
    }
    (out / "input-map.json").write_text(json.dumps(mapping, indent=2) + "\n")
    return {"inputs": len(converted.inputs), "parityRows": len(rows), "bytes": (out / "model.onnx").stat().st_size}


@dataclass(frozen=True)
class Compared:
    """A row to compare the runtimes on.

    Attributes
    ----------
    kind
        What it is for.
    request
        Rows of the same one are asked together, others not: what a gap is to a model depends on what else a request holds.
    """

    kind: str
    row: dict[str, Any]
    request: str = ""


def parity_rows(subject: Subject, sample_file: str | None, folder: str) -> list[Compared]:
    """Real rows, then edges made from them, with what each row is for."""
    example = subject.example_rows(folder)
    sample = subject.sample_rows(sample_file)
    real = [*example, *sample]
    if not real:
        raise ValueError("There are no rows to compare the runtimes on: log the model with an input example.")
    made = [("example", row) for row in example] + [("sample", row) for row in sample]
    made += edge_rows(real, subject.columns, subject.varied, subject.random_rows)
    # From the whole rows: where one column's absence is an error, a row with a gap says nothing of the others.
    whole = [row for row in real if all(value is not None for value in row.values())] or real
    made += boundary_rows(whole, subject.varied, _guarded(subject), _smallest_jump(subject, whole))
    lone = [Compared(kind, row, request) for request, rows in lone_rows(real, subject.columns) for kind, row in rows]
    return [*(Compared(kind, row) for kind, row in made), *lone]


def by_request(rows: list[Compared], ask: Callable[[list[dict[str, Any]]], list[Any]]) -> list[Any]:
    """What is said of each row, in their order, when those of a request are asked together."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.request, []).append(place)
    said: list[Any] = [None] * len(rows)
    for own in places.values():
        for place, each in zip(own, ask([rows[place].row for place in own]), strict=True):
            said[place] = each
    return said


def inputs_of(
    converted: Converted,
    subject: Subject,
    kinds: list[str],
    results: list[dict[str, Any]],
    scores: list[list[float] | None] | None,
) -> list[dict[str, Any]]:
    """The inputs with what a gap is in each: refused where Python refuses it, in a text column what stands for it."""
    refusing = subject.inputs_without_gaps(columns_without_gaps(kinds, results))
    answered = [Answered(kind, result, scores[place] if scores else None) for place, (kind, result) in enumerate(zip(kinds, results, strict=True))]
    texts = {column.name for column in subject.columns if column.kind == "string"}
    return [
        {
            **source,
            "missing": "refused" if source["column"] in refusing else "allowed",
            **({"gap": gaps_of(source["column"], answered)} if source["column"] in texts else {}),
        }
        for source in converted.inputs
    ]


def columns_without_gaps(kinds: list[str], results: list[dict[str, Any]]) -> set[str]:
    """Columns whose missing values Python refuses, whatever else the row holds.

    Examples
    --------
    >>> columns_without_gaps(["missing a", "missing b"], [{"error": "x"}, {"prediction": 1}])
    {'a'}
    """
    refused: dict[str, list[bool]] = {}
    for kind, result in zip(kinds, results, strict=True):
        if kind.startswith("missing "):
            refused.setdefault(kind.removeprefix("missing "), []).append("error" in result)
    return {column for column, outcomes in refused.items() if all(outcomes)}


def _scores(subject: Subject, rows: list[Compared], results: list[dict[str, Any]]) -> list[list[float] | None] | None:
    """The probabilities or decision values behind labels; a margin of two classes as values around nought. None: they are compared without."""
    good = [place for place, result in enumerate(results) if "prediction" in result]

    def ask(some: list[dict[str, Any]]) -> list[Any]:
        found = _guarded(subject)(some)
        return [None] * len(some) if found is None else found.tolist()

    lines = by_request([rows[place] for place in good], ask)
    if all(line is None for line in lines):
        return None
    scores: list[list[float] | None] = [None] * len(rows)
    for place, line in zip(good, lines, strict=True):
        scores[place] = [-line[0], line[0]] if line is not None and len(line) == 1 else line
    return scores


def _guarded(subject: Subject) -> Any:
    """The scores of rows; None where the model cannot give them: labels and the search of boundaries do without."""

    def scores(rows: list[dict[str, Any]]) -> Any:
        try:
            return subject.scores(rows)
        except Exception:  # what the model raises of a row shows when it is predicted
            return None

    return scores


def _smallest_jump(subject: Subject, rows: list[dict[str, Any]]) -> float:
    found = _guarded(subject)(rows)
    if found is None or subject.by_probability:
        return PROBABILITY_TOLERANCE
    return max(TOLERANCE_OF_SD * float(found.std()), TOLERANCE_OF_CONSTANT)


def _tolerance(kind: str, purposes: list[str], results: list[dict[str, Any]]) -> float:
    if kind != "numbers":
        return PROBABILITY_TOLERANCE
    known = list(zip(purposes, results, strict=True))
    for wanted in (("example", "sample"), ("example", "sample", "random")):
        answers = [result["prediction"] for purpose, result in known if purpose in wanted and "prediction" in result]
        # In a frame Python answers a gap by a gap.
        lines = [_flat(answer) for answer in answers if not (isinstance(answer, dict) and None in answer.values())]
        if len(lines) >= ENOUGH_FOR_SD:
            break
    if not lines or len({len(line) for line in lines}) > 1:
        return 0.0
    # Of several outputs the one that varies least sets what is allowed.
    smallest = min(_sd(column) for column in zip(*lines, strict=True))
    largest = max(abs(value) for line in lines for value in line)
    return TOLERANCE_OF_SD * smallest if smallest > NO_SPREAD * largest else TOLERANCE_OF_CONSTANT * largest


def _shape(results: list[dict[str, Any]]) -> tuple[str, list[str] | None]:
    """``value``: one plain value a row. ``list``: a list of them, as probabilities are. ``record``: values by these names, as in a frame."""
    answers = [result["prediction"] for result in results if "prediction" in result]
    kinds = {dict if isinstance(answer, dict) else list if isinstance(answer, list) else None for answer in answers}
    parts = [list(answer.values()) if isinstance(answer, dict) else answer for answer in answers if isinstance(answer, dict | list)]
    names = {tuple(answer) for answer in answers if isinstance(answer, dict)}
    if len(kinds) > 1 or len(names) > 1 or any(isinstance(value, list | dict) for part in parts for value in part):
        raise ValueError("Its answers are neither one value a row nor a list of values: they have no ONNX tensor here.")
    if dict in kinds:
        return "record", list(names.pop())
    return "list" if list in kinds else "value", None


def _flat(answer: Any) -> list[float]:
    if isinstance(answer, dict):
        return _flat(list(answer.values()))
    if isinstance(answer, list):
        return [value for part in answer for value in _flat(part)]
    return [float(answer)]


def _sd(values: tuple[float, ...]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
