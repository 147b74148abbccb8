"""Keeps a model loaded and answers batches of questions, one batch at a time, until the platform has no more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tidemark_worker.answers import answer_of
from tidemark_worker.models import load
from tidemark_worker.questions import Question, input_of, together

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from tidemark_worker.tasks import Channel

    Answer = dict[str, Any]


def run(arguments: dict[str, Any], channel: Channel) -> None:
    """Load ``modelDir``, say ``{"ready": true}``, then answer ``{"batch", "questions"}`` with ``{"batch", "answers"}``."""
    served = Served(load(arguments["modelDir"]))
    channel.send({"ready": True})
    for request in channel.receive():
        questions = [Question(asked["kind"], tuple(asked["columns"]), asked["rows"], asked.get("params")) for asked in request["questions"]]
        channel.send({"batch": request["batch"], "answers": served.answer(questions)})


class Served:
    """A model that answers questions together where it was seen to answer them as it does alone.

    Not every model may be asked for the rows of several callers at once: one may rank its rows, or answer by something else than rows.
    So the first batch, and then the 2nd, 4th, 8th … are answered both ways; a model that differs is asked singly from then on.
    """

    def __init__(self, model: PyFuncModel) -> None:
        self._model = model
        self._schema = model.metadata.get_input_schema()
        self._together = True
        self._batches = 0

    def answer(self, questions: list[Question]) -> list[Answer]:
        """One answer a question, in order: ``{"values", "form"}``, or ``{"error"}`` with what the model raised. A question's fault is its own."""
        answers: dict[int, Answer] = {}
        places = list(range(len(questions)))
        while places:
            first = questions[places[0]]
            own = [place for place in places if questions[place].goes_with(first)]
            answers |= dict(zip(own, self._answer_alike([questions[place] for place in own]), strict=True))
            places = [place for place in places if place not in answers]
        return [answers[place] for place in range(len(questions))]

    def _answer_alike(self, questions: list[Question]) -> list[Answer]:
        if len(questions) == 1 or not self._together:
            return [self._ask(question) for question in questions]
        self._batches += 1
        shared = self._share(questions)
        if shared is None or self._batches & (self._batches - 1) == 0:
            single = [self._ask(question) for question in questions]
            # A batch that failed says nothing when one of its questions fails alone too.
            if not any("error" in answer for answer in single):
                self._together = shared is not None and all(map(_alike, shared, single))
            return single
        return shared

    def _share(self, questions: list[Question]) -> list[Answer] | None:
        """The answers of one call for all; None when it failed or was not by rows."""
        answer = self._ask(together(questions))
        if "error" in answer or answer["form"] == "whole":
            return None
        start = 0
        answers = []
        for question in questions:
            end = start + len(question.rows)
            answers.append({"values": answer["values"][start:end], "form": answer["form"]})
            start = end
        return answers

    def _ask(self, question: Question) -> Answer:
        try:
            answer = self._model.predict(input_of(question, self._schema), params=question.params)
            values, form = answer_of(answer, len(question.rows))
            return {"values": values, "form": form}
        except Exception as error:  # whatever a model raises is an answer about that question
            return {"error": f"{type(error).__name__}: {error}"}


def _alike(a: Any, b: Any) -> bool:
    """Equal but for the last digits, which change with the order in which many rows are added up."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
    return bool(a == b)
