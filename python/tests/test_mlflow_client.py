"""The unmodified MLflow client against a running platform: ``TIDEMARK_URL=http://127.0.0.1:5000 pytest test_mlflow_client.py``."""

from __future__ import annotations

import json
import math
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402

if TYPE_CHECKING:
    from mlflow import MlflowClient


def films() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"budget": rng.normal(size=60), "length": rng.normal(size=60)})
    return frame, frame["budget"] * 2 + frame["length"] + 5


def fitted() -> tuple[LinearRegression, pd.DataFrame]:
    frame, rating = films()
    return LinearRegression().fit(frame, rating), frame


def test_a_fluent_run_comes_back_as_it_was_logged(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    with mlflow.start_run(run_name="first", tags={"kind": "test"}) as run:
        mlflow.log_params({"depth": 3, "note": "é, 'quoted' \"text\""})
        mlflow.log_metric("rmse", 1.25, step=1)
        mlflow.log_metric("rmse", 1.5, step=0)
        mlflow.log_metrics({"nan": math.nan, "infinite": math.inf})
        (tmp_path / "notes.txt").write_text("hello")
        mlflow.log_artifact(str(tmp_path / "notes.txt"), "docs")
        mlflow.log_dict({"a": 1}, "empty dir/ü.json")
    read = client.get_run(run.info.run_id)
    assert read.info.status == "FINISHED"
    assert read.info.run_name == "first" == read.data.tags["mlflow.runName"]
    assert read.data.params == {"depth": "3", "note": "é, 'quoted' \"text\""}
    assert read.data.metrics["rmse"] == 1.25
    assert math.isnan(read.data.metrics["nan"])
    assert read.data.metrics["infinite"] == 1.7976931348623157e308
    assert [(f.path, f.is_dir) for f in client.list_artifacts(run.info.run_id)] == [("docs", True), ("empty dir", True)]
    assert [(f.path, f.file_size) for f in client.list_artifacts(run.info.run_id, "docs")] == [("docs/notes.txt", 5)]
    assert Path(client.download_artifacts(run.info.run_id, "docs/notes.txt")).read_text() == "hello"
    assert mlflow.artifacts.load_dict(f"{read.info.artifact_uri}/empty dir/ü.json") == {"a": 1}


def test_parameters_never_change_and_deleted_runs_take_nothing(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "p", "1")
    client.log_param(run_id, "p", "1")
    with pytest.raises(MlflowException, match=r"Changing param values is not allowed\. Param with key='p' was already"):
        client.log_param(run_id, "p", "2")
    with pytest.raises(MlflowException, match="Params were already logged"):
        client.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0)], params=[Param("p", "3"), Param("q", "1")])
    assert client.get_run(run_id).data.params == {"p": "1"}
    assert client.get_run(run_id).data.metrics == {}
    client.delete_run(run_id)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run_id, "m", 1.0)
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1.0)


def test_a_batch_of_a_thousand_metrics_is_a_history(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("loss", 1 / (i + 1), 1_000 + i, i) for i in range(1000)],
        tags=[RunTag("t", "x")],
    )
    client.log_batch(run_id, metrics=[Metric("loss", 9.0, 5_000, 5)], params=[Param(f"p{i}", str(i)) for i in range(100)])
    history = client.get_metric_history(run_id, "loss")
    assert len(history) == 1001
    assert [m.timestamp for m in history] == sorted(m.timestamp for m in history)
    read = client.get_run(run_id).data
    assert read.metrics["loss"] == 1 / 1000
    assert len(read.params) == 100


def test_runs_are_found_by_filter_and_order(client: MlflowClient, experiment: str) -> None:
    for index in range(5):
        run_id = client.create_run(experiment, start_time=1_000 + index, run_name=f"run {index}").info.run_id
        client.log_param(run_id, "kind", "even" if index % 2 == 0 else "odd")
        if index < 4:
            client.log_metric(run_id, "val loss", [0.3, math.nan, 0.1, 0.2][index])

    def names(filter_string: str = "", order_by: list[str] | None = None, **more: object) -> list[str]:
        found = client.search_runs([experiment], filter_string, order_by=order_by, **more)  # type: ignore[arg-type]
        return [run.info.run_name for run in found]

    assert names() == ["run 4", "run 3", "run 2", "run 1", "run 0"]
    assert names("params.kind = 'odd'") == ["run 3", "run 1"]
    assert names("metrics.`val loss` < 0.25 and params.kind != 'odd'") == ["run 2"]
    assert names("metrics.`val loss` != 0.3") == ["run 3", "run 2", "run 1"]
    assert names("attributes.run_name LIKE 'run %' AND start_time >= 1003") == ["run 4", "run 3"]
    assert names("tags.mlflow.runName ILIKE 'RUN 1'") == ["run 1"]
    assert names("params.missing IS NULL AND params.kind IS NOT NULL") == ["run 4", "run 3", "run 2", "run 1", "run 0"]
    # Without a value last, a NaN before them, whatever the direction.
    assert names(order_by=["metrics.`val loss` ASC"]) == ["run 2", "run 3", "run 0", "run 1", "run 4"]
    assert names(order_by=["metrics.`val loss` DESC"]) == ["run 0", "run 3", "run 2", "run 1", "run 4"]
    assert names(order_by=["params.kind", "start_time DESC"]) == ["run 4", "run 2", "run 0", "run 3", "run 1"]
    first = client.search_runs([experiment], max_results=2)
    second = client.search_runs([experiment], max_results=2, page_token=first.token)
    assert [r.info.run_name for r in (*first, *second)] == ["run 4", "run 3", "run 2", "run 1"]
    with pytest.raises(MlflowException, match="Invalid clause"):
        names("params.kind = 'odd' OR params.kind = 'even'")
    client.delete_run(first[0].info.run_id)
    assert names() == ["run 3", "run 2", "run 1", "run 0"]
    assert names(run_view_type=ViewType.DELETED_ONLY) == ["run 4"]


def test_experiments_are_renamed_deleted_and_restored(client: MlflowClient, experiment: str) -> None:
    name = client.get_experiment(experiment).name
    client.set_experiment_tag(experiment, "team", "film")
    assert [e.experiment_id for e in client.search_experiments(filter_string=f"name = '{name}'")] == [experiment]
    assert [e.experiment_id for e in client.search_experiments(filter_string="tags.team = 'film'", max_results=1)]
    client.rename_experiment(experiment, name + "-new")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="already exists"):
        client.create_experiment(name + "-new")
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).tags["team"] == "film"
    with pytest.raises(MlflowException, match="artifact_location"):
        client.create_experiment(name + "-elsewhere", artifact_location="http:///#/../../../etc")


def test_autologging_of_scikit_learn_logs_run_model_and_data(client: MlflowClient, experiment: str) -> None:
    mlflow.sklearn.autolog(log_models=True, log_input_examples=True, silent=True)
    frame, rating = films()
    with mlflow.start_run() as run:
        LinearRegression().fit(frame, rating)
    read = client.get_run(run.info.run_id)
    assert read.data.params["fit_intercept"] == "True"
    assert "training_mean_squared_error" in read.data.metrics
    assert read.inputs.dataset_inputs[0].dataset.name == "dataset"
    assert client.search_runs([experiment], "dataset.context = 'train'")[0].info.run_id == run.info.run_id
    outputs = read.outputs.model_outputs
    assert len(outputs) == 1
    logged = client.get_logged_model(outputs[0].model_id)
    assert logged.status.to_int() == 2  # ready
    assert logged.source_run_id == run.info.run_id
    assert [m.model_id for m in mlflow.search_logged_models([experiment], output_format="list")] == [logged.model_id]
    loaded = mlflow.sklearn.load_model(f"models:/{logged.model_id}")
    assert loaded.predict(frame) == pytest.approx(rating)


def test_a_registered_model_is_loaded_by_its_alias_and_its_files_are_frozen(client: MlflowClient, experiment: str) -> None:
    name = f"films-{uuid.uuid4().hex[:8]}"
    model, frame = fitted()
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(frame, model.predict(frame)),
            input_example=frame.head(2),
            registered_model_name=name,
        )
    assert info.registered_model_version == "1"
    client.set_registered_model_alias(name, "champion", "1")
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert loaded.predict(frame) == pytest.approx(model.predict(frame))
    assert loaded.metadata.signature.inputs.input_names() == ["budget", "length"]
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    assert client.get_registered_model(name).aliases == {"champion": "1"}
    assert [v.version for v in client.search_model_versions(f"name = '{name}'")] == ["1"]
    assert [m.name for m in client.search_registered_models(f"name LIKE '{name[:-1]}%'")] == [name]
    assert f'"name": "{name}"'.replace(" ", "") in client.get_logged_model(info.model_id).tags["mlflow.modelVersions"].replace(" ", "")

    repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(client.get_logged_model(info.model_id).artifact_location)
    path = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1/MLmodel"))
    with pytest.raises(Exception, match=r"409|never change"):
        repository.log_artifact(str(path))

    with mlflow.start_run():
        second = mlflow.sklearn.log_model(model, name="model")
    assert mlflow.register_model(second.model_uri, name, tags={"a": "b"}).version == "2"
    client.update_model_version(name, "2", description="better")
    client.set_model_version_tag(name, "2", "checked", "yes")
    version = client.get_model_version(name, "2")
    assert (version.description, version.tags) == ("better", {"a": "b", "checked": "yes"})
    assert client.transition_model_version_stage(name, "2", "Production").current_stage == "Production"
    client.set_registered_model_alias(name, "champion", "2")
    client.delete_registered_model_alias(name, "champion")
    with pytest.raises(MlflowException, match=r"Registered model alias champion not found\."):
        client.get_model_version_by_alias(name, "champion")
    history = json.loads(client.get_registered_model(name).tags["tidemark.alias_history.champion"])
    assert [change["version"] for change in history] == [1, 2, None]
    with pytest.raises(MlflowException, match="read-only"):
        client.set_registered_model_tag(name, "tidemark.alias_history.champion", "[]")
    with pytest.raises(MlflowException, match="reserved"):
        client.set_registered_model_alias(name, "latest", "2")
    client.delete_model_version(name, "1")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version(name, "1")


@pytest.mark.parametrize(
    "source",
    ["/etc", "file:///etc", "http://127.0.0.1/x", "mlflow-artifacts:/../../etc", "runs:/other/model", "models:/x/../../.."],
)
def test_a_version_of_what_lies_elsewhere_is_refused(client: MlflowClient, experiment: str, source: str) -> None:
    name = f"attack-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    with pytest.raises(MlflowException):
        client.create_model_version(name, source)
    assert client.search_model_versions(f"name = '{name}'") == []
