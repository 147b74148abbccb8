"""Loading, predicting and converting real models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import yaml
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tidemark_worker.answers import answers_by_row
from tidemark_worker.conversion.edges import UNKNOWN
from tidemark_worker.models import load
from tidemark_worker.rows import columns_of, frame_of, read_rows
from tidemark_worker.tasks import convert, predict

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.double, "run time", required=False), ColSpec(DataType.string, "genre", required=False)]),
    outputs=Schema([ColSpec(DataType.double)]),
)
FILMS = pd.DataFrame({"run time": [90.0, 120.0, 150.0, 80.0] * 10, "genre": ["Drama", "Comedy", "", "Drama"] * 10})
RATINGS = np.array([6.0, 5.0, 8.0, 7.0] * 10)
REQUIREMENTS = ["mlflow"]


class NoSilence(mlflow.pyfunc.PythonModel):
    """Refuses batches with a film without running time."""

    def predict(self, context, model_input, params=None):  # mlflow reads hints as a signature
        if model_input["run time"].isna().any():
            raise ValueError("no running time")
        return model_input["run time"] / 10


class Longest(mlflow.pyfunc.PythonModel):
    """One number for all rows."""

    def predict(self, context, model_input, params=None):  # mlflow reads hints as a signature
        return float(model_input["run time"].max())


class Ignored:
    """A channel that nobody reads."""

    def send(self, message: dict[str, Any]) -> None:
        pass


def save_forest(folder: Path, numbers: Any) -> Path:
    genre = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encode = ColumnTransformer([("genre", genre, ["genre"]), ("numbers", numbers, ["run time"])])
    model = Pipeline([("encode", encode), ("forest", RandomForestRegressor(20, random_state=1))]).fit(FILMS, RATINGS)
    trusted = ["numpy.dtype", "sklearn.tree._tree.Tree"]
    mlflow.sklearn.save_model(model, folder, signature=SIGNATURE, pip_requirements=REQUIREMENTS, skops_trusted_types=trusted)
    return folder


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_forest(tmp_path_factory.mktemp("forest") / "model", SimpleImputer(strategy="constant", fill_value=-1))


def test_a_row_that_breaks_the_model_spoils_no_other(tmp_path: Path) -> None:
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=NoSilence(), signature=SIGNATURE, pip_requirements=REQUIREMENTS)
    model = load(str(tmp_path / "model"))
    rows = [{"run time": 90, "genre": "Drama"}, {"genre": "Drama"}, {"run time": 120, "genre": None}]
    results = answers_by_row(lambda some: model.predict(frame_of(some, columns_of(model))), rows)
    error = {"error": "ValueError: no running time"}
    assert results == [{"prediction": {"run time": 9.0}}, error, {"prediction": {"run time": 12.0}}]


class NoWar(mlflow.pyfunc.PythonModel):
    """Tells of what type each genre is, and raises for one."""

    def predict(self, context, model_input, params=None):  # mlflow reads hints as a signature
        if (model_input["genre"] == "War").any():
            raise ValueError("no war")
        return [type(genre).__name__ for genre in model_input["genre"]]


def test_a_row_that_is_asked_alone_since_another_raised_has_the_gap_that_it_had_beside_it(tmp_path: Path) -> None:
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=NoWar(), signature=SIGNATURE, pip_requirements=REQUIREMENTS)

    def predicted(*genres: str | None) -> list[dict[str, Any]]:
        (tmp_path / "rows.ndjson").write_text("\n".join(json.dumps({"genre": genre}) for genre in genres))
        files = {"inputFile": str(tmp_path / "rows.ndjson"), "outputFile": str(tmp_path / "out.ndjson")}
        predict.run({"modelDir": str(tmp_path / "model"), "gap": "request", **files}, Ignored())
        return [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]

    assert predicted("War", None, "Drama") == [{"error": "ValueError: no war"}, {"prediction": "float"}, {"prediction": "str"}]
    assert predicted(None) == [{"prediction": "NoneType"}]


def test_a_model_that_answers_a_table_by_one_value_is_asked_row_by_row(tmp_path: Path) -> None:
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=Longest(), signature=SIGNATURE, pip_requirements=REQUIREMENTS)
    model = load(str(tmp_path / "model"))
    rows = [{"run time": 90, "genre": "Drama"}, {"run time": 120, "genre": None}]
    assert answers_by_row(lambda some: model.predict(frame_of(some, columns_of(model))), rows) == [{"prediction": 90.0}, {"prediction": 120.0}]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.ndjson"])
def test_of_a_long_file_evenly_spaced_rows_are_read(name: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"row": range(1001)})
    file = tmp_path / name
    table.to_parquet(file) if file.suffix == ".parquet" else table.to_json(file, orient="records", lines=True)
    assert read_rows(file) == [{"row": row} for row in range(1001)]
    assert read_rows(file, 500) == [{"row": row} for row in range(0, 1001, 3)]


def test_a_file_is_predicted_line_by_line(forest: Path, tmp_path: Path) -> None:
    FILMS.to_parquet(tmp_path / "rows.parquet")
    out = tmp_path / "out.ndjson"
    told = predict.run({"modelDir": str(forest), "gap": "request", "inputFile": str(tmp_path / "rows.parquet"), "outputFile": str(out)}, Ignored())
    assert told == {"rows": 40, "errors": 0}
    predictions = [json.loads(line)["prediction"] for line in out.read_text().splitlines()]
    assert predictions == pytest.approx(load(str(forest)).predict(FILMS).tolist())


def differences(model: Path, folder: Path, rows: pd.DataFrame = FILMS) -> tuple[dict[str, Any], dict[str, float]]:
    """Convert; give the input map, and the largest difference of Python and ONNX for each kind of parity row."""
    rows.to_parquet(folder / "rows.parquet")
    convert.run({"modelDir": str(model), "sampleFile": str(folder / "rows.parquet"), "outDir": str(folder)}, Ignored())
    mapping = json.loads((folder / "input-map.json").read_text())
    lines = [json.loads(line) for line in (folder / "parity.ndjson").read_text().splitlines()]
    lacking = {name: {request for request, rows in _by_request(lines).items() if all(row[name] is None for row in rows)} for name in lines[0]["row"]}
    lines = [line for line in lines if "prediction" in line]
    feeds = {each["tensor"]: np.array([[_value(line, each, lacking)] for line in lines], dtype=_dtype(each)) for each in mapping["inputs"]}
    answers = np.ravel(onnxruntime.InferenceSession(folder / "model.onnx").run([mapping["output"]], feeds)[0])
    worst: dict[str, float] = {}
    for answer, line in zip(answers, lines, strict=True):
        worst[line["kind"]] = max(worst.get(line["kind"], 0), abs(float(answer) - line["prediction"]))
    return mapping, worst


def test_a_converted_model_predicts_the_parity_rows_as_python_does(forest: Path, tmp_path: Path) -> None:
    mapping, worst = differences(forest, tmp_path)
    assert [(each["column"], each["tensor"], each["missing"]) for each in mapping["inputs"]] == [
        ("run time", "run_time", "allowed"),
        ("genre", "genre", "allowed"),
    ]
    assert set(worst) >= {"sample", "missing run time", "range run time", "missing genre", "unknown genre", "all missing"}
    assert max(worst.values()) <= mapping["tolerance"]


SOURCES = pd.DataFrame({"genre": ["Drama", None, "Comedy", "Drama"] * 10, "source": ["Book", "Play", "Film", "Book"] * 10})


def one_hot(**options: Any) -> OneHotEncoder:
    return OneHotEncoder(sparse_output=False, **options)


def word(missing: Any) -> SimpleImputer:
    return SimpleImputer(missing_values=missing, strategy="constant", fill_value="None")


@pytest.mark.parametrize(
    ("steps", "gap"),
    [
        ([one_hot(handle_unknown="ignore")], {"some": "nan", "none": "None", "instead": {"nan": UNKNOWN, "None": UNKNOWN}}),
        (
            [SimpleImputer(strategy="most_frequent"), one_hot(handle_unknown="ignore")],
            {"some": "nan", "none": "None", "instead": {"nan": UNKNOWN, "None": UNKNOWN}},
        ),
        (
            [word(np.nan), word(None), one_hot(handle_unknown="ignore")],
            {"some": "nan", "none": "None", "instead": {"nan": UNKNOWN}},
        ),
        ([word(np.nan), one_hot(handle_unknown="ignore")], {"some": "nan", "none": UNKNOWN, "instead": {"nan": UNKNOWN}}),
        ([one_hot()], {"some": "nan", "none": None, "instead": {"nan": UNKNOWN}}),
    ],
    ids=["a category of its own", "the most frequent one", "a word, alone too", "a word that a lone gap is not", "refused when no row has a text"],
)
def test_a_missing_text_is_converted_to_what_it_is_in_python(steps: list[Any], gap: dict[str, Any], tmp_path: Path) -> None:
    encode = ColumnTransformer([("texts", make_pipeline(*steps), ["genre", "source"])])
    model = Pipeline([("encode", encode), ("line", Ridge())]).fit(SOURCES, RATINGS)
    mlflow.sklearn.save_model(
        model,
        tmp_path / "model",
        signature=infer_signature(SOURCES, RATINGS),
        pip_requirements=REQUIREMENTS,
        serialization_format="cloudpickle",
    )
    mapping, worst = differences(tmp_path / "model", tmp_path, SOURCES)
    [genre] = [each["gap"] for each in mapping["inputs"] if each["column"] == "genre"]
    assert genre == gap
    assert max(worst.values()) <= mapping["tolerance"]


def _by_request(lines: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        rows.setdefault(line["request"], []).append(line["row"])
    return rows


def _value(line: dict[str, Any], column: dict[str, Any], lacking: dict[str, set[str]]) -> Any:
    """A cell as the gateway feeds it."""
    name, gap = column["column"], column.get("gap")
    value = line["row"][name]
    if gap is None:
        return np.nan if value is None else value
    if value is None:
        return gap["none" if line["request"] in lacking[name] else "some"]
    return gap["instead"].get(value, value)


def _dtype(column: dict[str, Any]) -> Any:
    return object if column["type"] == "string" else np.float32


def test_a_model_of_another_python_is_refused_by_name(forest: Path, tmp_path: Path) -> None:
    described = yaml.safe_load((forest / "MLmodel").read_text())
    described["flavors"]["python_function"]["python_version"] = "3.9.1"
    (tmp_path / "MLmodel").write_text(yaml.safe_dump(described))
    with pytest.raises(RuntimeError, match=r"logged under Python 3\.9\.1"):
        load(str(tmp_path))
