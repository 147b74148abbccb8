"""Where conversions are compared: the boundaries that bisection finds, and what trees do with missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tidemark_worker.answers import answers_by_row
from tidemark_worker.conversion.boundaries import boundary_rows
from tidemark_worker.conversion.converters import convert
from tidemark_worker.conversion.edges import edge_rows
from tidemark_worker.conversion.estimator import estimator_of
from tidemark_worker.conversion.tensors import Tensor
from tidemark_worker.models import load
from tidemark_worker.rows import Column

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [Column("x", "double", True), Column("n", "long", True)]
ROWS = [{"x": float(value), "n": value} for value in range(8)]


def stepped(rounds: bool, threshold: float) -> Any:
    def scores(rows: list[dict[str, Any]]) -> np.ndarray:
        x = np.array([row["x"] for row in rows])
        return (x.astype("float32") if rounds else x)[:, None] > threshold

    return lambda rows: scores(rows).astype("float64")


def test_a_model_that_rounds_as_trees_do_must_be_right_on_both_sides_of_its_jump() -> None:
    made = [row["x"] for kind, row in boundary_rows(ROWS, COLUMNS, stepped(True, 2.3), 0.5) if kind == "boundary x"]
    below, above = made[0], made[1]
    assert below <= 2.3 < above
    assert np.nextafter(np.float32(below), np.float32(np.inf)) == np.float32(above)


def test_a_jump_between_two_float32_values_is_asked_as_near_as_float32_can_tell() -> None:
    threshold = float(np.float32(2.3)) + 1e-9
    made = [row["x"] for kind, row in boundary_rows(ROWS, COLUMNS, stepped(False, threshold), 0.5) if kind == "boundary x"]
    step = float(np.spacing(np.float32(7)))
    assert made[0] < threshold < made[1]
    assert 4 * step <= made[1] - made[0] <= 6 * step


def test_a_smooth_model_has_no_boundaries_and_whole_numbers_are_bisected_as_such() -> None:
    assert boundary_rows(ROWS, COLUMNS, lambda rows: np.array([[row["x"] * 3.0] for row in rows]), 0.01) == []
    found = boundary_rows(ROWS, COLUMNS, lambda rows: np.array([[float(row["n"] >= 5)] for row in rows]), 0.5)
    assert {row["n"] for kind, row in found if kind == "boundary n"} == {4, 5}


def logged(model: Any, X: pd.DataFrame, folder: Path) -> str:
    import mlflow.sklearn
    from mlflow.models import infer_signature

    path = str(folder / "model")
    mlflow.sklearn.save_model(
        model,
        path,
        signature=infer_signature(X, model.predict(X)),
        input_example=X.head(),
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
    return path


@pytest.mark.parametrize("gaps", [False, True])
def test_a_converted_forest_sends_missing_values_where_scikit_learn_does(gaps: bool, tmp_path: Path) -> None:
    import onnxruntime
    from sklearn.ensemble import RandomForestRegressor

    draw = np.random.default_rng(3)
    X = pd.DataFrame(draw.normal(size=(200, 3)), columns=["a", "b", "c"])
    target = X.a * 2 + X.b
    if gaps:
        X.loc[::4, "a"] = np.nan
    model = RandomForestRegressor(10, random_state=0).fit(X, target)
    converted = convert(estimator_of(load(logged(model, X, tmp_path)), "sklearn"))
    session = onnxruntime.InferenceSession(converted.model.SerializeToString(), providers=["CPUExecutionProvider"])
    asked = X.copy()
    asked.loc[::3, "a"] = np.nan
    asked.loc[::5, "b"] = np.nan
    (got,) = session.run([converted.output], {"X": asked.to_numpy("float32")})
    assert np.abs(got.ravel() - model.predict(asked)).max() < 1e-5


def test_a_tensor_is_varied_by_its_cells_within_what_its_type_holds() -> None:
    image, weight = Tensor("image", np.dtype("uint8"), (2, 2), (2, 2)), Tensor("weight", np.dtype("float32"), (), ())
    cells = [*image.cells, *weight.cells]
    pixels, weights = np.array([[[0, 9], [250, 255]]], dtype="uint8"), np.array([0.5], dtype="float32")
    (row,) = [{**a, **b} for a, b in zip(image.rows(pixels), weight.rows(weights), strict=True)]
    assert [cell.name for cell in cells] == ["image[0, 0]", "image[0, 1]", "image[1, 0]", "image[1, 1]", "weight[]"]
    assert image.array([row]).tolist() == pixels.tolist()
    made = edge_rows([row], cells, [cells[3], cells[4]], 8)
    assert {kind for kind, _ in made} == {"range image[1, 1]", "range weight[]", "missing weight[]", "all missing", "random", "random with gaps"}
    assert all(0 <= other[cell.name] <= 255 for _, other in made for cell in image.cells)
    assert np.isnan(weight.array([other for kind, other in made if kind == "all missing"])).all()


def test_of_many_rows_those_without_a_number_are_refused_and_the_others_answered_in_one_call() -> None:
    calls = []

    def predict(rows: list[dict[str, Any]]) -> np.ndarray:
        calls.append(len(rows))
        return np.array([[row["x"], 1.0] for row in rows])

    answers = answers_by_row(predict, [{"x": 2.0}, {"x": np.nan}, {"x": 3.0}])
    assert [answer.get("prediction") for answer in answers] == [[2.0, 1.0], None, [3.0, 1.0]]
    assert "not a finite number" in answers[1]["error"]
    assert calls == [3]
