"""Keeps a model loaded and answers batches of questions, one batch at a time, until the platform has no more."""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import Form, answer_of
from tidemark_worker.frames import Packed, groups_of, read_frame, write_frame
from tidemark_worker.models import load
from tidemark_worker.questions import Question, Refused, check_params, input_of, settled_types, together

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from tidemark_worker.rows import Gap
    from tidemark_worker.tasks import Channel


def run(arguments: dict[str, Any], channel: Channel) -> None:
    """Load ``modelDir``, connect to ``socket``, say so, then answer its frames, missing texts as ``gap`` says, until the platform closes it."""
    served = Served(load(arguments["modelDir"]), arguments["gap"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(arguments["socket"])
        connection.sendall(arguments["token"].encode())
        channel.send({"ready": True})
        while (frame := read_frame(connection)) is not None:
            packed = Packed()
            answers = [served.answer(questions, packed) for questions in groups_of(*frame)]
            write_frame(connection, {"groups": answers}, packed.blocks)
            if served.exhausted:
                raise MemoryError("The model used up its memory: a fresh process takes its place.")


@dataclass(frozen=True)
class Answer:
    """What the model gave for some rows, or what it raised."""

    values: Any = None
    form: Form = "rows"
    error: str | None = None
    # The error is the caller's.
    refused: bool = False


class Served:
    """A model that answers questions together where it was seen to answer them as it does alone.

    Not every model may be asked for the rows of several callers at once: one may rank its rows, or answer by something else than rows.
    So of the first batch, and then of the 2nd, 4th, 8th … some questions are asked alone too; a model that then differs is asked singly from
    then on.
    """

    def __init__(self, model: PyFuncModel, gap: Gap = "request") -> None:
        self._model = model
        self._gap: Gap = gap
        self._schema = model.metadata.get_input_schema()
        self._params = model.metadata.get_params_schema()
        self._settled = settled_types(self._schema)
        self._together = True
        self._batches = 0
        self.exhausted = False

    def answer(self, questions: list[Question], packed: Packed) -> list[dict[str, Any]]:
        """The answers to questions of the same kind, columns and parameters, in order. A question's fault is its own."""
        if len(questions) == 1 or not self._together:
            return [_pack(self._ask(question), 1, packed) for question in questions]
        self._batches += 1
        shared = self._ask(together(questions))
        # What failed together may fail for one question's fault; what is not by rows is nobody's answer.
        usable = shared.error is None and shared.form != "whole"
        if usable and (self._batches & (self._batches - 1) != 0 or self._answers_so_alone(shared, questions)):
            return [_pack(shared, len(questions), packed)]
        single = [self._ask(question) for question in questions]
        if all(answer.error is None for answer in single):
            self._together = False
        return [_pack(answer, 1, packed) for answer in single]

    def _answers_so_alone(self, shared: Answer, questions: list[Question]) -> bool:
        """Whether some of the questions, the first and the last among them, are answered alone as they were together."""
        starts = list(accumulate((question.rows for question in questions), initial=0))
        last = len(questions) - 1
        for place in sorted({0, last // 2, last}):
            alone = self._ask(questions[place])
            part = shared.values[starts[place] : starts[place + 1]]
            if alone.error is not None or alone.form != shared.form or not _alike(list(part), list(alone.values)):
                return False
        return True

    def _ask(self, question: Question) -> Answer:
        try:
            check_params(question.params, self._params)
            values, form = answer_of(self._predict(input_of(question, self._schema, self._gap), question.params), question.rows)
            return Answer(values, form)
        except MemoryError as error:
            # What it has leaked stays: it would fail from now on.
            self.exhausted = True
            return Answer(error=f"MemoryError: {error}")
        except Refused as error:
            return Answer(error=str(error), refused=True)
        except Exception as error:  # whatever a model raises is an answer about that question
            return Answer(error=f"{type(error).__name__}: {error}")

    def _predict(self, asked: Any, params: dict[str, Any] | None) -> Any:
        if self._settled is None or list(asked.dtypes) != self._settled:
            return self._model.predict(asked, params=params)
        # Made by the signature a moment ago: to compare each column with it once more takes longer than many a model.
        metadata = self._model.metadata
        metadata.get_input_schema = _nothing  # type: ignore[method-assign]
        try:
            return self._model.predict(asked, params=params)
        finally:
            del metadata.get_input_schema


def _nothing() -> None:
    return None


def _pack(answer: Answer, questions: int, packed: Packed) -> dict[str, Any]:
    if answer.error is not None:
        return {"for": questions, "error": answer.error, "refused": answer.refused}
    return packed.answer(answer.values, answer.form, questions)


def _alike(a: Any, b: Any) -> bool:
    """Equal but for the last digits, which change with the order in which many rows are added up."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    if hasattr(a, "tolist") and hasattr(b, "tolist"):
        return _alike(a.tolist(), b.tolist())
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
    return bool(a == b)
