"""What users do with the unmodified MLflow client, from its libraries down to its command line. Passes against MLflow's own server too."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import matplotlib  # noqa: E402

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import requests  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from mlflow.cli import cli  # noqa: E402
from mlflow.entities import Metric  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.journey

RNG = np.random.default_rng(3)
FILMS = pd.DataFrame(RNG.normal(size=(120, 3)), columns=["budget", "length", "year"])
RATING = FILMS["budget"] * 2 - FILMS["length"] + 6


def test_a_grid_search_is_autologged_as_a_parent_with_its_best_children(client: MlflowClient, experiment: str) -> None:
    mlflow.sklearn.autolog(max_tuning_runs=3, silent=True)
    with mlflow.start_run() as run:
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0, 100.0]}, cv=3).fit(FILMS, RATING)
    parent = client.get_run(run.info.run_id)
    assert parent.data.params["best_alpha"] == str(search.best_params_["alpha"])
    assert parent.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'", order_by=["metrics.mean_test_score DESC"])
    assert [child.data.params["alpha"] for child in children] == ["0.1", "1.0", "10.0"]
    assert "cv_results.csv" in [file.path for file in client.list_artifacts(run.info.run_id)]
    models = {client.get_logged_model(made.model_id).name: made.model_id for made in parent.outputs.model_outputs}
    best = mlflow.pyfunc.load_model(f"models:/{models['best_estimator']}")
    assert best.predict(FILMS) == pytest.approx(search.predict(FILMS))


def test_runs_within_runs_know_their_parents(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run(run_name="outer") as outer:
        with mlflow.start_run(run_name="middle", nested=True) as middle, mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("m", 1)
        with mlflow.start_run(run_name="second", nested=True):
            mlflow.log_metric("m", 2)
        mlflow.log_metric("m", 3)
    assert client.get_parent_run(inner.info.run_id).info.run_id == middle.info.run_id
    assert client.get_parent_run(middle.info.run_id).info.run_id == outer.info.run_id
    assert client.get_parent_run(outer.info.run_id) is None
    found = mlflow.search_runs([experiment], f"tags.mlflow.parentRunId = '{outer.info.run_id}'", order_by=["attributes.start_time"])
    assert list(found["tags.mlflow.runName"]) == ["middle", "second"]
    assert set(mlflow.search_runs([experiment])["status"]) == {"FINISHED"}


def test_a_run_that_raises_is_failed_and_goes_on_when_it_is_resumed(client: MlflowClient, experiment: str) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        mlflow.log_metric("m", 1, step=0)
        _ = 1 / 0
    run_id = run.info.run_id
    failed = client.get_run(run_id)
    assert failed.info.status == "FAILED"
    with mlflow.start_run(run_id=run_id):
        assert client.get_run(run_id).info.status == "RUNNING"
        mlflow.log_metric("m", 2, step=1)
        mlflow.log_param("depth", 3)
        with pytest.raises(MlflowException, match="Changing param values is not allowed"):
            mlflow.log_param("depth", 4)
    resumed = client.get_run(run_id)
    assert (resumed.info.status, resumed.info.start_time) == ("FINISHED", failed.info.start_time)
    assert resumed.info.end_time >= failed.info.end_time
    assert [point.value for point in client.get_metric_history(run_id, "m")] == [1, 2]
    client.delete_run(run_id)
    with pytest.raises(MlflowException, match="deleted"):
        mlflow.start_run(run_id=run_id)


def test_a_model_is_evaluated_and_the_outcome_is_with_model_run_and_data(client: MlflowClient, experiment: str) -> None:
    likes = (RATING > 6).astype(int)
    model = LogisticRegression().fit(FILMS, likes)
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="likes", signature=infer_signature(FILMS, model.predict(FILMS)))
    data = mlflow.data.from_pandas(FILMS.assign(likes=likes), name="films", targets="likes")
    with mlflow.start_run() as run:
        outcome = mlflow.models.evaluate(
            info.model_uri,
            data,
            model_type="classifier",
            evaluators="default",
            evaluator_config={"log_explainer": False, "log_model_explainability": False},
        )
    read = client.get_run(run.info.run_id)
    assert outcome.metrics["accuracy_score"] == pytest.approx((model.predict(FILMS) == likes).mean())
    assert read.data.metrics["accuracy_score"] == outcome.metrics["accuracy_score"]
    assert read.inputs.dataset_inputs[0].dataset.name == "films"
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"confusion_matrix.png", "roc_curve_plot.png"} <= files
    assert {metric.key: metric.dataset_name for metric in client.get_logged_model(info.model_id).metrics}["accuracy_score"] == "films"
    best = mlflow.search_logged_models([experiment], "metrics.accuracy_score > 0.5", output_format="list")
    assert [each.model_id for each in best] == [info.model_id]


def test_pictures_tables_texts_and_dictionaries_come_back(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    picture = RNG.integers(0, 255, size=(12, 10, 3), dtype=np.uint8)
    with mlflow.start_run() as run:
        mlflow.log_image(picture, "pictures/one.png")
        for step in range(2):
            mlflow.log_image(Image.fromarray(picture), key="sample", step=step)
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3])
        mlflow.log_figure(figure, "figures/line.png")
        plt.close(figure)
        mlflow.log_table({"question": ["a", "b"], "answer": ["c", "d"]}, "tables/answers.json")
        mlflow.log_table(pd.DataFrame({"question": ["e"], "answer": ["f"]}), "tables/answers.json")
        mlflow.log_dict({"nested": {"a": [1, None]}}, "dictionary.json")
        mlflow.log_text("Grüße, \u4f60\u597d", "texts/hello world.txt")
        (tmp_path / "folder/deep").mkdir(parents=True)
        (tmp_path / "folder/deep/x.bin").write_bytes(bytes(range(256)))
        mlflow.log_artifacts(str(tmp_path / "folder"), "copied")
    uri = run.info.artifact_uri
    assert np.array_equal(np.asarray(mlflow.artifacts.load_image(f"{uri}/pictures/one.png")), picture)
    assert mlflow.artifacts.load_image(f"{uri}/figures/line.png").size[0] > 100
    assert mlflow.artifacts.load_text(f"{uri}/texts/hello world.txt") == "Grüße, \u4f60\u597d"
    assert mlflow.artifacts.load_dict(f"{uri}/dictionary.json") == {"nested": {"a": [1, None]}}
    table = mlflow.load_table("tables/answers.json", run_ids=[run.info.run_id])
    assert table.to_dict("list") == {"question": ["a", "b", "e"], "answer": ["c", "d", "f"]}
    tag = client.get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"]
    assert json.loads(tag) == [{"path": "tables/answers.json", "type": "table"}]
    assert len(client.list_artifacts(run.info.run_id, "images")) == 4  # each step in full and compressed
    local = Path(client.download_artifacts(run.info.run_id, "copied"))
    assert (local / "deep/x.bin").read_bytes() == bytes(range(256))
    (whole,) = [Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="", dst_path=str(tmp_path / "whole")))]
    assert sorted(path.name for path in whole.iterdir()) == ["copied", "dictionary.json", "figures", "images", "pictures", "tables", "texts"]
    assert client.list_artifacts(run.info.run_id, "nothing there") == []
    with pytest.raises(Exception, match=r"(?i)no such|not found|404|does not exist|Failed to download"):
        client.download_artifacts(run.info.run_id, "nothing/there.txt")


def test_what_is_logged_without_waiting_arrives(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run() as run:
        first = mlflow.log_metrics({"a": 1.0, "b": 2.0}, step=0, synchronous=False)
        for step in range(1, 600):
            mlflow.log_metric("loss", 1 / step, step=step, synchronous=False)
        mlflow.log_params({f"p{index}": index for index in range(150)}, synchronous=False)
        mlflow.set_tags({"kind": "without waiting"}, synchronous=False)
        first.wait()
        assert client.get_run(run.info.run_id).data.metrics["a"] == 1.0
    mlflow.flush_async_logging()
    data = client.get_run(run.info.run_id).data
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == list(range(1, 600))
    assert (len(data.params), data.tags["kind"], data.metrics["loss"]) == (150, "without waiting", 1 / 599)


def test_more_runs_than_a_page_come_as_one_frame(client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 1050

    def make(index: int) -> str:
        run = client.create_run(experiment, start_time=1_000_000 + index, run_name=f"run {index}").info.run_id
        client.log_batch(run, metrics=[Metric("score", float(index % 100), 1, 0)])
        return run

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(count)))
    # The client asks for 10,000 runs at a time.
    monkeypatch.setattr("mlflow.tracking.fluent.NUM_RUNS_PER_PAGE_PANDAS", 200)
    frame = mlflow.search_runs([experiment], order_by=["attributes.start_time"])
    assert list(frame["run_id"]) == made
    assert list(frame["metrics.score"]) == [index % 100 for index in range(count)]
    assert len(mlflow.search_runs([experiment], max_results=450)) == 450
    ordered = mlflow.search_runs([experiment], "metrics.score >= 90", order_by=["metrics.score DESC", "attributes.start_time ASC"])
    assert list(ordered["run_id"]) == [made[index] for score in range(99, 89, -1) for index in range(score, count, 100)]
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_runs([experiment], max_results=350, page_token=token)
        pages.append([run.info.run_id for run in page])
        token = page.token
    assert [len(page) for page in pages if page] == [350, 350, 350]
    assert [run for page in pages for run in page] == made[::-1]


def test_a_history_longer_than_a_page_is_whole(client: MlflowClient, experiment: str) -> None:
    # The client asks for 25,000 points at a time.
    count = 26_500
    run = client.create_run(experiment).info.run_id
    for begin in range(0, count, 1000):
        points = range(begin, min(begin + 1000, count))
        client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1), 1_000_000 + step, step) for step in points])
    history = client.get_metric_history(run, "loss")
    assert [(point.step, point.timestamp) for point in history] == [(step, 1_000_000 + step) for step in range(count)]
    assert client.get_run(run).data.metrics["loss"] == 1 / count


def test_prompts_are_versions_with_aliases(client: MlflowClient, experiment: str, name: str) -> None:
    first = mlflow.genai.register_prompt(name, "Rate {{title}}.", commit_message="first", tags={"kind": "rating"})
    second = mlflow.genai.register_prompt(name, "Rate {{title}} of {{year}}.", commit_message="second")
    assert (first.version, second.version) == (1, 2)
    assert second.variables == {"title", "year"}
    mlflow.genai.set_prompt_alias(name, "live", 1)
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}@live")
    assert (loaded.version, loaded.template, loaded.commit_message) == (1, "Rate {{title}}.", "first")
    assert loaded.format(title="Alien") == "Rate Alien."
    assert mlflow.genai.load_prompt(name, version=2).template == "Rate {{title}} of {{year}}."
    assert [prompt.name for prompt in mlflow.genai.search_prompts(f"name = '{name}'")] == [name]
    with mlflow.start_run() as run:
        mlflow.genai.load_prompt(f"prompts:/{name}/2")
    client.link_prompt_version_to_run(run.info.run_id, second)
    linked = json.loads(client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"])
    assert linked == [{"name": name, "version": "2"}]
    client.set_prompt_version_tag(name, 2, "checked", "yes")
    assert mlflow.genai.load_prompt(name, version=2).tags["checked"] == "yes"
    # A prompt is no model, and a model no prompt.
    assert client.search_registered_models(f"name = '{name}'") == []
    with pytest.raises(MlflowException):
        client.get_registered_model(name)
    mlflow.genai.delete_prompt_alias(name, "live")
    with pytest.raises(MlflowException):
        mlflow.genai.load_prompt(f"prompts:/{name}@live")
    assert mlflow.genai.load_prompt(f"{name}-none", allow_missing=True) is None


def invoke(*arguments: str) -> str:
    """The mlflow command, in this process: each start of it would take seconds."""
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, (arguments, done.output)
    return done.output


def test_the_command_line_of_mlflow_lists_changes_and_downloads(client: MlflowClient, name: str, url: str, tmp_path: Path) -> None:
    invoke("experiments", "create", "--experiment-name", name)
    experiment = client.get_experiment_by_name(name).experiment_id
    run = client.create_run(experiment, run_name="from the command line").info.run_id
    client.log_metric(run, "rmse", 1.5)
    client.log_text(run, "hello", "docs/hello.txt")
    assert name in invoke("experiments", "search", "--max-results", "1000")
    assert "from the command line" in invoke("runs", "list", "--experiment-id", experiment)
    assert json.loads(invoke("runs", "describe", "--run-id", run))["data"]["metrics"] == {"rmse": 1.5}
    invoke("experiments", "csv", "--experiment-id", experiment, "--filename", str(tmp_path / "runs.csv"))
    assert list(pd.read_csv(tmp_path / "runs.csv")["metrics.rmse"]) == [1.5]
    (tmp_path / "up.txt").write_text("up")
    invoke("artifacts", "log-artifact", "--local-file", str(tmp_path / "up.txt"), "--run-id", run, "--artifact-path", "docs")
    assert [each["path"] for each in json.loads(invoke("artifacts", "list", "--run-id", run, "--artifact-path", "docs"))] == [
        "docs/hello.txt",
        "docs/up.txt",
    ]
    invoke("runs", "delete", "--run-id", run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    invoke("runs", "restore", "--run-id", run)
    invoke("experiments", "rename", "--experiment-id", experiment, "--new-name", f"{name}-new")
    invoke("experiments", "delete", "--experiment-id", experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    invoke("experiments", "restore", "--experiment-id", experiment)
    assert (client.get_experiment(experiment).name, client.get_experiment(experiment).lifecycle_stage) == (f"{name}-new", "active")
    # Once as a process, which knows the server by the environment alone.
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url}
    command = [sys.executable, "-m", "mlflow", "artifacts", "download", "-r", run, "-a", "docs", "-d", str(tmp_path / "down")]
    subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True)
    assert (tmp_path / "down/docs/hello.txt").read_text() == "hello"
    assert (tmp_path / "down/docs/up.txt").read_text() == "up"


def test_a_registered_model_is_served_by_mlflow_itself(client: MlflowClient, experiment: str, name: str, url: str) -> None:
    model = Ridge().fit(FILMS, RATING)
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, signature=infer_signature(FILMS, RATING), skops_trusted_types=["numpy.dtype"]
        )
    client.set_registered_model_alias(name, "champion", "1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{name}@champion", "--env-manager", "local"]
    served = subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", port, "-w", "1"],
        env={**os.environ, "MLFLOW_TRACKING_URI": url, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer = predictions(f"http://127.0.0.1:{port}", served)
    finally:
        os.killpg(served.pid, 15)
        served.communicate(timeout=30)
    assert answer == pytest.approx(list(model.predict(FILMS.head(3))))


def predictions(address: str, served: subprocess.Popen[bytes]) -> list[float]:
    """What the model server answers, once it is there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert served.poll() is None, served.stderr and served.stderr.read().decode()[-2000:]
        try:
            requests.get(f"{address}/ping", timeout=2).raise_for_status()
            break
        except requests.RequestException:
            time.sleep(0.3)
    answer = requests.post(f"{address}/invocations", json={"dataframe_split": FILMS.head(3).to_dict("split")}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_tracing_is_missing_by_name_and_breaks_nothing(client: MlflowClient, experiment: str, capfd: pytest.CaptureFixture[str]) -> None:
    @mlflow.trace
    def rated(title: str) -> int:
        with mlflow.start_span("inner") as span:
            span.set_inputs({"title": title})
        return len(title)

    with mlflow.start_run() as run:
        assert rated("Alien") == 5
        mlflow.log_metric("m", 1)
    mlflow.flush_trace_async_logging()
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1}
    assert "Traceback" not in capfd.readouterr().err


def test_a_project_runs_and_its_run_is_tracked(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        "name: films\nentry_points:\n  main:\n    parameters: {depth: {type: int, default: 2}}\n"
        f"    command: {sys.executable} train.py {{depth}}\n"
    )
    (tmp_path / "train.py").write_text('import sys, mlflow\nmlflow.log_metric("depth squared", int(sys.argv[1]) ** 2)\n')
    done = mlflow.projects.run(str(tmp_path), parameters={"depth": 3}, env_manager="local", experiment_id=experiment)
    assert done.get_status() == "FINISHED"
    run = client.get_run(done.run_id)
    assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"depth": "3"}, {"depth squared": 9})
    assert (run.data.tags["mlflow.source.type"], run.data.tags["mlflow.project.entryPoint"]) == ("PROJECT", "main")


def test_the_files_of_a_run_are_registered_as_long_ago(client: MlflowClient, experiment: str, name: str, tmp_path: Path) -> None:
    model = Ridge().fit(FILMS, RATING)
    mlflow.sklearn.save_model(model, tmp_path / "model", skops_trusted_types=["numpy.dtype"])
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(tmp_path / "model"), "deep/model")
    version = mlflow.register_model(f"runs:/{run.info.run_id}/deep/model", name)
    assert (version.version, version.run_id, version.source) == ("1", run.info.run_id, f"{run.info.artifact_uri}/deep/model")
    for uri in (f"models:/{name}/1", f"models:/{name}/latest", f"runs:/{run.info.run_id}/deep/model"):
        assert mlflow.pyfunc.load_model(uri).predict(FILMS) == pytest.approx(model.predict(FILMS))
