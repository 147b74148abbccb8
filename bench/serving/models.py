"""Trains the models of the serving benchmark, registers them through the unmodified mlflow client, and writes what is sent to them.

    python models.py forest,boosting FOLDER

trains those that are named, of forest, boosting, histogram, custom, many (twenty forests) and keras, which needs TensorFlow.

For each model a folder with ``model/`` (as ``mlflow models serve`` takes it), ``one.json`` and ``thousand.json`` (bodies of the scoring
protocol), ``expected.json`` (what the model answers in this process for the thousand rows), and where it converts ``bare.onnx``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer

ROWS = 1_000
SEED = 7


def cancer() -> tuple[pd.DataFrame, np.ndarray]:
    frame, target = load_breast_cancer(return_X_y=True, as_frame=True)
    return frame, target.to_numpy()


def a_thousand(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(ROWS, replace=True, random_state=SEED, ignore_index=True)


def split(frame: pd.DataFrame) -> dict[str, Any]:
    data = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"dataframe_split": {"columns": list(frame.columns), "data": data}}


def keep(folder: Path, one: Any, thousand: Any, expected: Any) -> None:
    (folder / "one.json").write_text(json.dumps(one))
    (folder / "thousand.json").write_text(json.dumps(thousand))
    (folder / "expected.json").write_text(json.dumps(np.asarray(expected).tolist()))


def keep_frame(folder: Path, frame: pd.DataFrame) -> None:
    rows = a_thousand(frame)
    loaded = mlflow.pyfunc.load_model(str(folder / "model"))
    keep(folder, split(rows.head(1)), split(rows), loaded.predict(rows))


def forest(root: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import RandomForestClassifier

    frame, target = cancer()
    model = RandomForestClassifier(100, random_state=SEED, n_jobs=1).fit(frame, target)
    log_sklearn(root / "forest", model, frame)
    onnx = to_onnx(model, initial_types=[("x", FloatTensorType([None, frame.shape[1]]))], options={id(model): {"zipmap": False}})
    (root / "forest" / "bare.onnx").write_bytes(onnx.SerializeToString())


def boosting(root: Path) -> None:
    """Twelve numeric columns with missing values and two of strings."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(SEED)
    numbers = [f"n{column}" for column in range(12)]
    frame = pd.DataFrame(rng.normal(size=(2_000, 12)), columns=numbers)
    frame["region"] = rng.choice(["north", "south", "east", "west"], 2_000)
    frame["kind"] = rng.choice([f"kind {kind}" for kind in range(12)], 2_000)
    target = frame["n0"] * 2 + frame["n1"] * frame["n2"] + (frame["region"] == "north") * 3 + rng.normal(0, 0.2, 2_000)
    frame[numbers] = frame[numbers].mask(rng.random((2_000, 12)) < 0.05)
    model = make_pipeline(
        ColumnTransformer(
            [("numbers", SimpleImputer(), numbers), ("strings", OneHotEncoder(handle_unknown="ignore"), ["region", "kind"])]
        ),
        GradientBoostingRegressor(n_estimators=100, random_state=SEED),
    ).fit(frame, target)
    log_sklearn(root / "boosting", model, frame)
    types = [(name, FloatTensorType([None, 1])) for name in numbers]
    types += [(name, StringTensorType([None, 1])) for name in ("region", "kind")]
    (root / "boosting" / "bare.onnx").write_bytes(to_onnx(model, initial_types=types).SerializeToString())


def histogram(root: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame, target = cancer()
    log_sklearn(root / "histogram", HistGradientBoostingClassifier(random_state=SEED).fit(frame, target), frame)


def log_sklearn(folder: Path, model: Any, frame: pd.DataFrame) -> None:
    folder.mkdir(parents=True)
    kept: dict[str, Any] = {
        "signature": infer_signature(frame, model.predict(frame)),
        "input_example": frame.head(5),
        "serialization_format": "cloudpickle",
    }
    mlflow.sklearn.save_model(model, str(folder / "model"), **kept)
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name=f"bench-{folder.name}", **kept)
    keep_frame(folder, frame)


class Scorecard(mlflow.pyfunc.PythonModel):
    """Points for values beyond a threshold: plain Python that nothing converts."""

    def __init__(self, thresholds: dict[str, float]) -> None:
        self.thresholds = thresholds

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        points = np.zeros(len(model_input))
        for column, threshold in self.thresholds.items():
            points += np.where(model_input[column].to_numpy() > threshold, 1.0, 0.0)
        return points / len(self.thresholds)


def custom(root: Path) -> None:
    frame, _ = cancer()
    model = Scorecard(frame.median().to_dict())
    signature = infer_signature(frame, model.predict(None, frame))
    folder = root / "custom"
    folder.mkdir(parents=True)
    mlflow.pyfunc.save_model(str(folder / "model"), python_model=model, signature=signature, input_example=frame.head(5))
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model", python_model=model, signature=signature, input_example=frame.head(5), registered_model_name="bench-custom"
        )
    keep_frame(folder, frame)


def many(root: Path) -> None:
    """Twenty models of one kind, each registered under a name of its own: ``many-1`` to ``many-20``."""
    from sklearn.ensemble import RandomForestClassifier

    frame, target = cancer()
    for number in range(1, 21):
        log_sklearn(root / f"many-{number}", RandomForestClassifier(100, random_state=number, n_jobs=1).fit(frame, target), frame)


def keras(root: Path) -> None:
    import tensorflow as tf

    frame, target = cancer()
    inputs = ((frame - frame.mean()) / frame.std()).to_numpy(dtype="float32")
    tf.keras.utils.set_random_seed(SEED)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Input((30,)), layers.Dense(64, "relu"), layers.Dense(32, "relu"), layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.fit(inputs, target, epochs=5, verbose=0)
    signature = infer_signature(inputs, model.predict(inputs, verbose=0))
    folder = root / "keras"
    folder.mkdir(parents=True)
    kept: dict[str, Any] = {"signature": signature, "input_example": inputs[:5], "pip_requirements": ["mlflow", "tensorflow-cpu"]}
    mlflow.tensorflow.save_model(model, str(folder / "model"), **kept)
    with mlflow.start_run():
        mlflow.tensorflow.log_model(model, name="model", registered_model_name="bench-keras", **kept)
    rows = inputs[np.random.default_rng(SEED).integers(0, len(inputs), ROWS)]
    keep(folder, {"inputs": rows[:1].tolist()}, {"inputs": rows.tolist()}, model.predict(rows, verbose=0))


if __name__ == "__main__":
    names, out = sys.argv[1].split(","), Path(sys.argv[2])
    mlflow.set_experiment("serving benchmark")
    trainers = {train.__name__: train for train in (forest, boosting, histogram, custom, many, keras)}
    for name in names:
        trainers[name](out)
        print(name, flush=True)
