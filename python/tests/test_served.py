"""What a served model is asked and answers: whatever a pyfunc takes and gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, ColSpec

from tidemark_worker.answers import answer_of
from tidemark_worker.frames import Packed
from tidemark_worker.models import load
from tidemark_worker.questions import Question, input_of
from tidemark_worker.tasks.serve import Served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWERS: list[tuple[str, Any, int, tuple[list[Any], str]]] = [
    ("an array", np.array([1.5, 2.5]), 2, ([1.5, 2.5], "rows")),
    ("probabilities", np.array([[0.5, 0.5], [1, 0]]), 2, ([[0.5, 0.5], [1.0, 0.0]], "rows")),
    ("an array of another length", np.array([1, 2, 3]), 2, ([[1, 2, 3]], "whole")),
    ("a series", pd.Series([1, 2], name="y"), 2, ([{"y": 1}, {"y": 2}], "rows")),
    (
        "a frame with a missing value",
        pd.DataFrame({"y": [1.5, None], "why": ["a", None]}),
        2,
        ([{"y": 1.5, "why": "a"}, {"y": None, "why": None}], "rows"),
    ),
    ("a list of anything", ["a", None], 2, (["a", None], "rows")),
    ("true and false", np.array([True, False]), 2, ([True, False], "rows")),
    ("a list of outputs", [np.array([1, 2, 3]), np.array([4, 5, 6])], 3, ([[[1, 2, 3], [4, 5, 6]]], "whole")),
    ("outputs by name", {"a": np.array([1, 2]), "b": np.array([[3], [4]])}, 2, ([{"a": 1, "b": [3]}, {"a": 2, "b": [4]}], "names")),
    ("lists by name, each of another length", {"words": [[1], [2, 3]]}, 2, ([{"words": [1]}, {"words": [2, 3]}], "names")),
    ("a record", {"best": "Drama", "share": 0.5}, 2, ([{"best": "Drama", "share": 0.5}], "whole")),
    ("a number", np.float32(0.5), 2, ([0.5], "whole")),
    ("dates and bytes", [pd.Timestamp("2001-02-03"), b"ab"], 2, (["2001-02-03T00:00:00", "YWI=\n"], "rows")),
]


@pytest.mark.parametrize(("answer", "rows", "told"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_an_answer_is_json_with_a_value_a_row_where_it_is_by_rows(answer: Any, rows: int, told: tuple[list[Any], str]) -> None:
    values, form = answer_of(answer, rows)
    assert (values.tolist() if isinstance(values, np.ndarray) else values, form) == told


@pytest.mark.parametrize("answer", [np.array([1.0, np.nan]), [1.0, float("inf")], np.array([[1.0, 2.0], [np.inf, 0.0]]), [object(), 1]])
def test_what_json_lacks_is_the_model_s_failure(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"not a finite number|has no JSON"):
        answer_of(answer, 2)


class Model(mlflow.pyfunc.PythonModel):
    """Answers by a function of what it is given."""

    def __init__(self, predict: Callable[[Any, Any], Any]) -> None:
        self._predict = predict

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return self._predict(model_input, params)


def served(folder: Path, predict: Callable[[Any, Any], Any], signature: ModelSignature | None = None) -> Served:
    mlflow.pyfunc.save_model(folder / "model", python_model=Model(predict), signature=signature, pip_requirements=["mlflow"])
    return Served(load(str(folder / "model")))


def table(*values: Any) -> Question:
    return Question("table", ("x",), [list(values)], len(values))


def ask(model: Served, *questions: Question) -> list[dict[str, Any]]:
    """The answers question by question, as the platform splits them."""
    packed = Packed()
    answers: list[dict[str, Any]] = []
    for answer in model.answer(list(questions), packed):
        if "error" in answer:
            answers += [answer] * answer["for"]
            continue
        values = answer["values"] if "values" in answer else np.concatenate([block.ravel() for block in packed.blocks])[answer["at"] :]
        values = values if "values" in answer else values[: math.prod(answer["shape"])].reshape(answer["shape"]).tolist()
        start = 0
        for question in questions[len(answers) : len(answers) + answer["for"]]:
            answers.append({"values": values[start : start + question.rows] if answer["form"] != "whole" else values, "form": answer["form"]})
            start += question.rows
    return answers


def test_a_model_with_a_tensor_gets_an_array_of_its_type(tmp_path: Path) -> None:
    signature = infer_signature(np.zeros((2, 3), dtype="float32"))
    model = served(tmp_path, lambda given, _: [[str(given.dtype), *given.shape] for _ in given], signature)
    [answer] = ask(model, Question("tensors", ("",), [[[1, 2, 3]]], 1))
    assert answer == {"values": [["float32", 1, 3]], "form": "rows"}


def test_tensors_with_names_come_by_name(tmp_path: Path) -> None:
    signature = infer_signature({"a": np.zeros((2, 2)), "b": np.zeros((2,), dtype="int64")})
    model = served(tmp_path, lambda given, _: given["a"].sum(axis=1) + given["b"], signature)
    assert ask(model, Question("tensors", ("a", "b"), [[[1, 2], [4, 5]], [3, 6]], 2)) == [{"values": [6.0, 15.0], "form": "rows"}]


def test_without_a_signature_a_table_keeps_its_columns_and_arrays_stay_arrays(tmp_path: Path) -> None:
    model = served(tmp_path, lambda given, _: {"got": type(given).__name__, "rows": len(given)})
    assert [ask(model, question)[0]["values"][0] for question in (table(1, "a"), Question("tensors", ("",), [[1, 2, 3]], 3))] == [
        {"got": "DataFrame", "rows": 2},
        {"got": "ndarray", "rows": 3},
    ]


def test_lists_and_dates_come_as_the_signature_says(tmp_path: Path) -> None:
    schema = Schema([ColSpec(Array(DataType.long), "x"), ColSpec(DataType.datetime, "day"), ColSpec(DataType.double, "y", required=False)])
    model = served(tmp_path, lambda given, _: [[sum(x), day.year] for x, day in zip(given["x"], given["day"], strict=True)], ModelSignature(schema))
    [answer] = ask(model, Question("table", ("x", "day"), [[[1, 2]], ["2001-02-03"]], 1))
    assert answer == {"values": [[3, 2001]], "form": "rows"}


def test_a_frame_of_the_signature_s_own_types_is_not_compared_with_it_again_and_any_other_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Schema([ColSpec(DataType.float, "x"), ColSpec(DataType.long, "n"), ColSpec(DataType.boolean, "b")])
    model = served(tmp_path, lambda given, _: [[str(kind) for kind in given.dtypes]] * len(given), ModelSignature(schema))
    checks: list[int] = []
    check = mlflow.pyfunc._enforce_schema
    monkeypatch.setattr(mlflow.pyfunc, "_enforce_schema", lambda *given: (checks.append(1), check(*given))[1])
    [whole] = ask(model, Question("table", ("x", "n", "b"), [[1.5], [2], [True]], 1))
    assert (whole["values"], checks) == ([["float32", "int64", "bool"]], [])
    [gap] = ask(model, Question("table", ("x", "n", "b"), [[1.5], [None], [True]], 1))
    assert "float64" in gap["error"] and checks == [1]


def test_parameters_reach_the_model(tmp_path: Path) -> None:
    signature = infer_signature(pd.DataFrame({"x": [1.5]}), [1.5], params={"factor": 2})
    model = served(tmp_path, lambda given, params: given["x"] * params["factor"], signature)
    asked = [table(1.0), Question("table", ("x",), [[1.0]], 1, {"factor": 5})]
    assert [ask(model, question)[0]["values"] for question in asked] == [[{"x": 2.0}], [{"x": 5.0}]]


def test_what_the_signature_does_not_take_is_the_caller_s_mistake_by_name_and_repeats_no_value(tmp_path: Path) -> None:
    schema = Schema([ColSpec(DataType.datetime, "day"), ColSpec(DataType.double, "y", required=False)])
    params = ParamSchema([ParamSpec("factor", DataType.double, 1.0)])
    model = served(tmp_path, lambda given, _: [1] * len(given), ModelSignature(schema, params=params))
    wrong: list[tuple[str, dict[str, Any] | None, str]] = [
        ("secret", None, 'A value of column "day" cannot be read as datetime.'),
        ("2001-02-03T00:00:00+02:00", None, 'A value of column "day" has a time zone, and the model takes times without one.'),
        ("2001-02-03", {"factor": "secret"}, 'The parameter "factor" must be of type double.'),
        ("2001-02-03", {"factor": [1.5]}, 'The parameter "factor" must be of type double.'),
    ]
    for day, given, told in wrong:
        assert ask(model, Question("table", ("day",), [[day]], 1, given)) == [{"for": 1, "error": told, "refused": True}]
    assert ask(model, Question("table", ("day",), [["2001-02-03"]], 1, {"factor": 2}))[0]["values"] == [1]


def test_a_question_that_fails_spoils_no_other_of_its_batch(tmp_path: Path) -> None:
    def strict(given: Any, _: Any) -> Any:
        if (given["x"] < 0).any():
            raise LookupError("below zero")
        return given["x"].to_numpy() * 2

    model = served(tmp_path, strict, infer_signature(pd.DataFrame({"x": [1.5]})))
    for _ in range(3):
        answers = ask(model, table(1.0), table(-1.0), table(3.0, 4.0))
        assert [answer.get("values") for answer in answers] == [[2.0], None, [6.0, 8.0]]
        assert answers[1]["error"] == "LookupError: below zero"


def test_a_model_that_looks_at_other_rows_is_never_asked_for_several_callers_at_once(tmp_path: Path) -> None:
    model = served(tmp_path, lambda given, _: given["x"].rank().to_numpy(), infer_signature(pd.DataFrame({"x": [1.5]})))
    for _ in range(5):
        assert [answer["values"] for answer in ask(model, table(5.0), table(1.0), table(3.0))] == [[1.0], [1.0], [1.0]]


def test_a_model_that_answers_by_one_value_is_asked_singly(tmp_path: Path) -> None:
    model = served(tmp_path, lambda given, _: f"{len(given)} rows")
    assert [answer["values"] for answer in ask(model, table(1), table(1, 2))] == [["1 rows"], ["2 rows"]]


def test_a_missing_text_is_what_pandas_makes_of_the_request(tmp_path: Path) -> None:
    schema = Schema([ColSpec(DataType.string, "x", required=False)])
    model = served(tmp_path, lambda given, _: [type(value).__name__ for value in given["x"]], ModelSignature(schema))
    asked = [table("a", None), table(None), table(None, None), Question("table", (), [], 1), table("a")]
    kinds = [ask(model, question)[0]["values"] for question in asked]
    assert kinds == [["str", "float"], ["NoneType"], ["NoneType", "NoneType"], ["NoneType"], ["str"]]
    frame = input_of(table("a", None), schema)
    assert frame["x"].dtype == pd.DataFrame({"x": ["a", None]})["x"].dtype


def test_a_version_that_was_compared_with_the_empty_text_gets_it(tmp_path: Path) -> None:
    mlflow.pyfunc.save_model(
        tmp_path / "model",
        python_model=Model(lambda given, _: list(given["x"])),
        signature=ModelSignature(Schema([ColSpec(DataType.string, "x")])),
        pip_requirements=["mlflow"],
    )
    assert ask(Served(load(str(tmp_path / "model")), "empty"), table(None), table("a", None)) == [
        {"values": [""], "form": "rows"},
        {"values": ["a", ""], "form": "rows"},
    ]
