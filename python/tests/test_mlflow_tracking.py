"""Experiments, runs and what is logged to them, as the unmodified MLflow client sees them. Passes against MLflow's own server too."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")

import pandas as pd  # noqa: E402
import requests  # noqa: E402
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME, MLFLOW_USER  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mlflow import MlflowClient


def refused(url: str, path: str, body: object, message: str) -> None:
    answer = requests.post(f"{url}/api/2.0/mlflow/{path}", json=body, timeout=30)
    assert answer.status_code == 400, (path, body, answer.text)
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert message in answer.json()["message"], (path, body)


def test_experiments_are_seen_by_their_stage_and_page_by_page(client: MlflowClient, name: str) -> None:
    mine = f"name LIKE '{name}%'"
    ids = [client.create_experiment(f"{name}-{letter}", tags={"a": "1", "b": "2"}) for letter in "abc"]
    client.delete_experiment(ids[1])

    def seen(**how: object) -> list[str]:
        return sorted(each.experiment_id for each in client.search_experiments(filter_string=mine, **how))  # type: ignore[arg-type]

    assert seen() == sorted([ids[0], ids[2]])
    assert seen(view_type=ViewType.DELETED_ONLY) == [ids[1]]
    assert seen(view_type=ViewType.ALL) == sorted(ids)
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_experiments(view_type=ViewType.ALL, filter_string=mine, max_results=2, page_token=token)
        pages.append([each.experiment_id for each in page])
        token = page.token
    assert [len(page) for page in pages] == [2, 1]
    assert sorted(pages[0] + pages[1]) == sorted(ids)
    assert client.get_experiment(ids[1]).lifecycle_stage == "deleted"
    assert client.get_experiment_by_name(f"{name}-a").tags == {"a": "1", "b": "2"}
    assert client.get_experiment_by_name(f"{name}-d") is None


def test_experiments_are_found_by_name_and_tag_and_come_newest_first(client: MlflowClient, name: str) -> None:
    for suffix, tags in [("a", {"key": "value"}), ("ab", {"key": "vaLue"}), ("Abc", {})]:
        client.create_experiment(f"{name}-{suffix}", tags=tags)
        time.sleep(0.002)

    def found(condition: str = "", order_by: list[str] | None = None) -> list[str]:
        both = f"name ILIKE '{name}-%'" + (f" AND {condition}" if condition else "")
        return [each.name.rsplit("-", 1)[1] for each in client.search_experiments(filter_string=both, order_by=order_by)]

    assert found() == ["Abc", "ab", "a"]
    assert found(f"attribute.name = '{name}-a'") == ["a"]
    assert found(f"name != '{name}-a'") == ["Abc", "ab"]
    assert found(f"name LIKE '{name}-a%'") == ["ab", "a"]
    assert found(f"name ILIKE '{name}-AB%'") == ["Abc", "ab"]
    assert found("tag.key = 'value'") == ["a"]
    assert found("tags.key != 'value'") == ["ab"]
    assert found("tags.key ILIKE '%ALU%'") == ["ab", "a"]
    assert found("creation_time > 0 AND last_update_time > 0") == ["Abc", "ab", "a"]
    assert found(order_by=["name DESC"])[-1] == "Abc"
    assert found(order_by=["creation_time"]) == ["a", "ab", "Abc"]
    assert found(order_by=["attribute.experiment_id DESC"]) == ["Abc", "ab", "a"]
    client.rename_experiment(client.get_experiment_by_name(f"{name}-a").experiment_id, f"{name}-z")
    assert found() == ["Abc", "ab", "z"]
    assert found(order_by=["last_update_time DESC"]) == ["z", "Abc", "ab"]


def test_the_tags_of_an_experiment_are_its_own(client: MlflowClient, name: str) -> None:
    first, second = (client.create_experiment(f"{name}-{number}") for number in (1, 2))
    for value in ("one", "two"):
        client.set_experiment_tag(first, "set", value)
    client.set_experiment_tag(second, "set", "three")
    client.set_experiment_tag(first, "lines", "a\nb\nc")
    client.set_experiment_tag(first, "empty", "")
    assert client.get_experiment(first).tags == {"set": "two", "lines": "a\nb\nc", "empty": ""}
    assert client.get_experiment(second).tags == {"set": "three"}
    client.delete_experiment_tag(first, "lines")
    assert client.get_experiment(first).tags == {"set": "two", "empty": ""}


def test_a_new_run_has_what_it_was_given(client: MlflowClient, experiment: str) -> None:
    tags = {MLFLOW_USER: "ada", MLFLOW_SOURCE_NAME: "train.py", MLFLOW_PARENT_RUN_ID: "7", "mine": "yes"}
    made = client.create_run(experiment, start_time=456, run_name="named", tags=tags)
    read = client.get_run(made.info.run_id)
    for run in (made, read):
        assert (run.info.experiment_id, run.info.start_time, run.info.run_name) == (experiment, 456, "named")
        assert run.info.user_id == "ada"
        assert (run.info.status, run.info.end_time, run.info.lifecycle_stage) == ("RUNNING", None, "active")
        assert run.data.tags == tags | {"mlflow.runName": "named"}
    assert [run.info for run in client.search_runs([experiment])] == [made.info]
    plain = client.create_run(experiment)
    assert plain.info.user_id == "unknown"
    assert plain.info.run_name
    assert plain.data.tags["mlflow.runName"] == plain.info.run_name


def test_a_run_ends_and_is_renamed(client: MlflowClient, experiment: str) -> None:
    for status in ("FINISHED", "FAILED", "KILLED"):
        run = client.create_run(experiment).info.run_id
        client.set_terminated(run, *(() if status == "FINISHED" else (status,)))
        ended = client.get_run(run).info
        assert ended.status == status
        assert ended.start_time <= ended.end_time <= time.time() * 1000
        client.update_run(run, name="renamed")
        renamed = client.get_run(run)
        assert (renamed.info.run_name, renamed.info.status, renamed.info.end_time) == ("renamed", status, ended.end_time)
        assert renamed.data.tags["mlflow.runName"] == "renamed"
    client.set_tag(run, "mlflow.runName", "by its tag")
    assert client.get_run(run).info.run_name == "by its tag"
    client.update_run(run, status="RUNNING")
    assert client.get_run(run).info.status == "RUNNING"
    with pytest.raises(MlflowException, match="nothing"):
        client.set_terminated("nothing")


def test_metrics_parameters_and_tags_come_back(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "metric", 123.456, timestamp=789, step=2)
    client.log_metric(run, "without step", 1, timestamp=321)
    for key, value in {"nan": math.nan, "high": math.inf, "low": -math.inf}.items():
        client.log_metric(run, key, value)
    client.log_batch(run, params=[Param("empty", "")], tags=[RunTag("empty", "")])
    client.log_param(run, "param", 1.5)
    client.set_tag(run, "tag", 7)
    data = client.get_run(run).data
    assert math.isnan(data.metrics["nan"])
    assert (data.metrics["high"], data.metrics["low"]) == (1.7976931348623157e308, -1.7976931348623157e308)
    assert data.params == {"empty": "", "param": "1.5"}
    assert {key: data.tags[key] for key in ("empty", "tag")} == {"empty": "", "tag": "7"}
    assert [(m.key, m.value, m.timestamp, m.step) for m in client.get_metric_history(run, "metric")] == [("metric", 123.456, 789, 2)]
    assert [(m.value, m.timestamp, m.step) for m in client.get_metric_history(run, "without step")] == [(1, 321, 0)]
    assert client.get_metric_history(run, "never logged") == []


def test_the_same_value_logged_twice_is_one_point(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    point = Metric("m", 1.5, 1000, 3)
    client.log_batch(run, metrics=[point, point])
    client.log_batch(run, metrics=[point])
    client.log_metric(run, "m", 1.5, timestamp=1000, step=3)
    assert len(client.get_metric_history(run, "m")) == 1
    client.log_metric(run, "m", 1.5, timestamp=1001, step=3)
    assert len(client.get_metric_history(run, "m")) == 2


def test_tags_are_deleted_once_and_only_from_active_runs(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment, tags={"a": "1", "b": "2"}).info.run_id
    client.delete_tag(run, "a")
    assert "a" not in client.get_run(run).data.tags
    with pytest.raises(MlflowException, match="No tag with name: a"):
        client.delete_tag(run, "a")
    with pytest.raises(MlflowException, match=r"Run .+ not found"):
        client.delete_tag("nobody", "a")
    client.delete_run(run)
    for act in (lambda: client.delete_tag(run, "b"), lambda: client.set_tag(run, "c", "3"), lambda: client.log_param(run, "p", 1)):
        with pytest.raises(MlflowException, match=f"The run {run} must be in the 'active' state"):
            act()
    client.restore_run(run)
    client.delete_tag(run, "b")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("experiments/create", {}, "Missing value for required parameter 'name'"),
        ("experiments/create", {"name": 123}, "Invalid value 123 for parameter 'name'"),
        ("experiments/create", {"name": "x", "artifact_location": 9.5}, "Invalid value 9.5 for parameter 'artifact_location'"),
        ("experiments/create", {"name": "x", "tags": "5"}, "Invalid value \"5\" for parameter 'tags'"),
        ("runs/log-metric", {"run_id": 31, "key": "m", "value": 1, "timestamp": 1}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/log-metric", {"run_id": "RUN", "key": 31, "value": 1, "timestamp": 1}, "Invalid value 31 for parameter 'key' supplied"),
        (
            "runs/log-metric",
            {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1, "step": "x"},
            "Invalid value \"x\" for parameter 'step' supplied",
        ),
        ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": "x"}, "Invalid value \"x\" for parameter 'timestamp' supplied"),
        ("runs/log-metric", {"run_id": None, "key": "m", "value": 1, "timestamp": 1}, "Missing value for required parameter 'run_id'"),
        ("runs/log-metric", {"run_id": "RUN", "key": None, "value": 1, "timestamp": 1}, "Missing value for required parameter 'key'"),
        ("runs/log-metric", {"run_id": "RUN", "value": 1, "timestamp": 1}, "Missing value for required parameter 'key'"),
        ("runs/log-metric", {"run_id": "RUN", "key": "m", "timestamp": 1}, "Missing value for required parameter 'value'"),
        ("runs/log-parameter", {"run_id": 31, "key": "p", "value": "1"}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/log-parameter", {"run_id": "RUN", "key": 31, "value": "1"}, "Invalid value 31 for parameter 'key' supplied"),
        ("runs/set-tag", {"run_id": 31, "key": "t", "value": "1"}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/set-tag", {"run_id": "RUN", "key": "t", "value": 41}, "Invalid value 41 for parameter 'value' supplied"),
        ("runs/set-tag", {"run_id": "RUN", "value": "x"}, "Missing value for required parameter 'key'"),
        ("runs/log-batch", {"run_id": "RUN", "metrics": "foo"}, "Invalid value \"foo\" for parameter 'metrics' supplied"),
        ("runs/log-batch", {"run_id": "RUN", "params": "foo"}, "Invalid value \"foo\" for parameter 'params' supplied"),
        ("runs/log-batch", {"run_id": "RUN", "tags": "foo"}, "Invalid value \"foo\" for parameter 'tags' supplied"),
        (
            "runs/log-batch",
            {"run_id": "RUN", "metrics": [{"key": "mae", "value": 2.5}]},
            "Missing value for required parameter 'metrics[0].timestamp'",
        ),
        ("runs/log-inputs", {"datasets": [{"dataset": {"name": "n", "digest": "d", "source_type": "s", "source": "s"}}]}, "'run_id'"),
        ("runs/search", {"experiment_ids": ["0"], "max_results": 123456789}, "Invalid value 123456789 for parameter 'max_results' supplied"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "metrics.m = 'text'"}, "numeric"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "nothing.m = 1"}, "Invalid entity type"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "attribute.nothing = 1"}, "Invalid attribute key"),
        ("runs/search", {"experiment_ids": ["0"], "order_by": ["attribute.nothing"]}, "Invalid"),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_what_is_wrong(client: MlflowClient, url: str, path: str, body: dict, message: str) -> None:
    if body.get("run_id") == "RUN":
        body = body | {"run_id": client.create_run("0").info.run_id}
    refused(url, path, body, message)


def test_requests_that_name_the_run_as_it_was_named_long_ago_are_answered(client: MlflowClient, experiment: str, url: str) -> None:
    run = client.create_run(experiment).info.run_id
    for path, body in {
        "runs/set-tag": {"key": "k", "value": "v"},
        "runs/log-parameter": {"key": "k", "value": "v"},
        "runs/log-metric": {"key": "k", "value": 1, "timestamp": 1},
    }.items():
        answer = requests.post(f"{url}/api/2.0/mlflow/{path}", json={"run_uuid": run, **body}, timeout=30)
        assert (answer.status_code, answer.json()) == (200, {})
    data = client.get_run(run).data
    assert (data.tags["k"], data.params["k"], data.metrics["k"]) == ("v", "v", 1)


def test_runs_of_the_same_instant_come_in_the_order_of_their_ids(client: MlflowClient, experiment: str) -> None:
    ids = sorted(client.create_run(experiment, start_time=1).info.run_id for _ in range(10))
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_runs([experiment], max_results=4, page_token=token)
        pages.append([run.info.run_id for run in page])
        token = page.token
    assert pages == [ids[0:4], ids[4:8], ids[8:]]


def bulk(url: str, kind: str, **query: object) -> requests.Response:
    return requests.get(f"{url}/ajax-api/2.0/mlflow/metrics/{kind}", params=query, timeout=30)  # type: ignore[arg-type]


def test_the_histories_of_several_runs_come_at_once(client: MlflowClient, experiment: str, url: str) -> None:
    runs = sorted(client.create_run(experiment).info.run_id for _ in range(3))
    course = [(1, -2, 10.0), (1, 3, 11.0), (1, 3, 12.0), (2, 3, 12.0)]
    for shift, run in enumerate(runs[:2]):
        for timestamp, step, value in course:
            client.log_metric(run, "m", value + shift, timestamp=timestamp, step=step)

    def expected(shift: int) -> list[dict[str, object]]:
        return [{"key": "m", "timestamp": t, "step": s, "value": v + shift, "run_id": runs[shift]} for t, s, v in course]

    assert bulk(url, "get-history-bulk", run_id=runs, metric_key="m").json() == {"metrics": expected(0) + expected(1)}
    assert bulk(url, "get-history-bulk", run_id=runs[1:], metric_key="m").json() == {"metrics": expected(1)}
    assert bulk(url, "get-history-bulk", run_id=runs, metric_key="m", max_results=2).json() == {"metrics": expected(0)[:2]}
    assert bulk(url, "get-history-bulk", run_id=runs[2], metric_key="m").json() == {"metrics": []}


@pytest.mark.parametrize(
    ("kind", "query", "message"),
    [
        ("get-history-bulk", {"metric_key": "m"}, "GetMetricHistoryBulk request must specify at least one run_id"),
        ("get-history-bulk", {"metric_key": "m", "run_id": [f"r{i}" for i in range(1000)]}, "request cannot specify more than"),
        ("get-history-bulk", {"run_id": ["1"]}, "GetMetricHistoryBulk request must specify a metric_key"),
        ("get-history-bulk-interval", {"metric_key": "m"}, "Missing value for required parameter 'run_ids'"),
        ("get-history-bulk-interval", {"metric_key": "m", "run_ids": [f"r{i}" for i in range(1000)]}, "must specify at most 100 run_ids"),
        ("get-history-bulk-interval", {"metric_key": "m", "run_ids": ["1"], "max_results": 0}, "max_results must be between 1 and 2500"),
        ("get-history-bulk-interval", {"metric_key": "", "run_ids": ["1"]}, "Missing value for required parameter 'metric_key'"),
        ("get-history-bulk-interval", {"run_ids": ["1"], "max_results": 5}, "Missing value for required parameter 'metric_key'"),
        ("get-history-bulk-interval", {"run_ids": ["1"], "metric_key": "m", "start_step": 1, "end_step": 0}, "end_step must be greater"),
        ("get-history-bulk-interval", {"run_ids": ["1"], "metric_key": "m", "start_step": 1}, "both must be specified"),
    ],
)
def test_a_wrong_request_for_histories_is_refused(url: str, kind: str, query: dict, message: str) -> None:
    answer = bulk(url, kind, **query)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json()["message"]


def test_a_sampled_history_is_even_and_keeps_the_ends_of_each_run(client: MlflowClient, experiment: str, url: str) -> None:
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]

    def log(run: str, steps: Iterable[int], timestamp: int = 1) -> None:
        client.log_batch(run, metrics=[Metric("m", 10.0, timestamp, step) for step in steps])

    def steps(run_ids: list[str], **more: int) -> list[list[int]]:
        metrics = bulk(url, "get-history-bulk-interval", run_ids=run_ids, metric_key="m", max_results=5, **more).json()["metrics"]
        return [[each["step"] for each in metrics if each["run_id"] == run] for run in run_ids]

    log(runs[0], range(10))
    assert steps(runs[:1]) == [[0, 2, 4, 6, 9]]
    assert steps(runs[:1], start_step=0, end_step=4) == [[0, 1, 2, 3, 4]]
    assert steps(runs[:1], start_step=3, end_step=9) == [[3, 5, 7, 8, 9]]
    log(runs[1], range(20))
    assert steps(runs) == [[0, 2, 4, 6, 9], [0, 4, 8, 12, 19]]
    log(runs[0], range(10), timestamp=2)
    assert steps(runs[:1]) == [[0, 2, 4, 6, 9]]


def test_data_sets_are_noted_once_and_found_again(client: MlflowClient, experiment: str, url: str) -> None:
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    data = Dataset(name="films", digest="d1", source_type="local", source="s", schema="{}", profile="{}")
    tags = [InputTag("kind", "whole"), InputTag(MLFLOW_DATASET_CONTEXT, "train")]
    for run in [*runs, *runs]:
        client.log_inputs(run, [DatasetInput(data, tags)])
    client.log_inputs(runs[1], [DatasetInput(Dataset(name="other", digest="d2", source_type="local", source="s"), [])])
    inputs = client.get_run(runs[0]).inputs.dataset_inputs
    assert len(inputs) == 1
    assert (inputs[0].dataset.name, inputs[0].dataset.digest, inputs[0].dataset.schema) == ("films", "d1", "{}")
    assert sorted((tag.key, tag.value) for tag in inputs[0].tags) == [("kind", "whole"), (MLFLOW_DATASET_CONTEXT, "train")]

    def found(condition: str) -> set[str]:
        return {run.info.run_id for run in client.search_runs([experiment], condition)}

    assert found("dataset.name = 'films'") == set(runs)
    assert found("datasets.digest = 'd2'") == {runs[1]}
    assert found("dataset.context = 'train' AND dataset.name = 'other'") == {runs[1]}
    assert found("dataset.name LIKE 'fil%' AND dataset.context = 'test'") == set()
    answer = requests.post(f"{url}/ajax-api/2.0/mlflow/experiments/search-datasets", json={"experiment_ids": [experiment]}, timeout=30)
    summaries = sorted(answer.json()["dataset_summaries"], key=lambda each: each["name"])
    assert summaries[0] == {"experiment_id": experiment, "name": "films", "digest": "d1", "context": "train"}
    assert (summaries[1]["name"], summaries[1].get("context")) == ("other", None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "SearchDatasets request must specify at least one experiment_id."),
        ({"experiment_ids": []}, "SearchDatasets request must specify at least one experiment_id."),
        ({"experiment_ids": [str(i) for i in range(1000)]}, "SearchDatasets request cannot specify more than"),
    ],
)
def test_a_wrong_search_for_data_sets_is_refused(url: str, body: dict, message: str) -> None:
    answer = requests.post(f"{url}/ajax-api/2.0/mlflow/experiments/search-datasets", json=body, timeout=30)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_frame_of_pandas_is_noted_as_input(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["a", "b"])
    frame.to_csv(tmp_path / "films.csv")
    data = mlflow.data.from_pandas(frame, source=str(tmp_path / "films.csv"), name="films", targets="b")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"kind": "whole"})
    (used,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest, used.dataset.source_type) == ("films", data.digest, "local")
    assert json.loads(used.dataset.source)["uri"].endswith("films.csv")
    assert json.loads(used.dataset.profile) == {"num_rows": 2, "num_elements": 4}
    assert {tag.key: tag.value for tag in used.tags} == {"kind": "whole", MLFLOW_DATASET_CONTEXT: "training"}
    again = mlflow.data.get_source(used.dataset)
    assert pd.read_csv(again.load(), index_col=0).equals(frame)


def test_a_logged_model_is_made_described_found_and_deleted(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    made = client.create_logged_model(experiment, name="forest", source_run_id=run, tags={"a": "1"}, params={"depth": "3"}, model_type="Agent")
    assert made.status.to_int() == 1  # pending
    client.log_outputs(run, [LoggedModelOutput(made.model_id, step=4)])
    client.log_inputs(run, models=[LoggedModelInput(made.model_id)])
    client.log_metric(run, "auc", 0.75, step=4, model_id=made.model_id, dataset_name="films", dataset_digest="d1")
    client.log_model_params(made.model_id, {"trees": "10"})
    client.set_logged_model_tags(made.model_id, {"b": "2", "c": "3"})
    client.delete_logged_model_tag(made.model_id, "a")
    client.finalize_logged_model(made.model_id, "READY")
    model = client.get_logged_model(made.model_id)
    assert (model.name, model.model_type, model.source_run_id, model.status.to_int()) == ("forest", "Agent", run, 2)
    assert (model.params, model.tags) == ({"depth": "3", "trees": "10"}, {"b": "2", "c": "3"})
    assert [(m.key, m.value, m.step, m.dataset_name, m.dataset_digest, m.run_id) for m in model.metrics] == [("auc", 0.75, 4, "films", "d1", run)]
    read = client.get_run(run)
    assert [(each.model_id, each.step) for each in read.outputs.model_outputs] == [(made.model_id, 4)]
    assert [each.model_id for each in read.inputs.model_inputs] == [made.model_id]
    client.delete_logged_model(made.model_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_logged_model(made.model_id)


def test_logged_models_are_found_by_filter_order_and_page(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    made = []
    for index, auc in enumerate([0.5, 0.9, 0.7]):
        tags, params = {"odd": str(index % 2)}, {"depth": str(index)}
        model = client.create_logged_model(experiment, name=f"m{index}", source_run_id=run, tags=tags, params=params)
        client.log_metric(run, "auc", auc, model_id=model.model_id)
        made.append(model.model_id)
        time.sleep(0.002)
    client.finalize_logged_model(made[0], "READY")

    def found(condition: str | None = None, order_by: list[dict[str, object]] | None = None) -> list[int]:
        models = client.search_logged_models([experiment], condition, order_by=order_by)
        return [made.index(each.model_id) for each in models]

    assert found() == [2, 1, 0]
    assert found("name = 'm1'") == [1]
    assert found("params.depth = '2'") == [2]
    assert found("tags.odd = '0'") == [2, 0]
    assert found("metrics.auc > 0.6") == [2, 1]
    assert found("metrics.auc > 0.6 AND tags.odd = '1'") == [1]
    assert found("name IN ('m0', 'm2')") == [2, 0]
    assert found(f"source_run_id = '{run}'") == [2, 1, 0]
    assert found(order_by=[{"field_name": "metrics.auc", "ascending": False}]) == [1, 2, 0]
    assert found(order_by=[{"field_name": "creation_timestamp", "ascending": True}]) == [0, 1, 2]
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_logged_models([experiment], max_results=2, page_token=token)
        pages.append([made.index(each.model_id) for each in page])
        token = page.token
    assert pages == [[2, 1], [0]]
    with pytest.raises(MlflowException):
        client.search_logged_models([experiment], "nothing = 'x'")


def test_what_is_logged_under_an_active_model_belongs_to_it(client: MlflowClient, experiment: str) -> None:
    outside = mlflow.create_external_model(name="agent", params={"prompt": "v1"}, tags={"team": "a"})
    assert outside.status.to_int() == 2  # ready
    begun = mlflow.initialize_logged_model(name="training")
    data = mlflow.data.from_pandas(pd.DataFrame({"a": [1]}), name="films")
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.5, model_id=begun.model_id, dataset=data)
        mlflow.log_metric("auc", 0.75, step=1, model_id=begun.model_id, dataset=data)
        mlflow.log_metric("auc", 0.25, model_id=outside.model_id)
    mlflow.finalize_logged_model(begun.model_id, "FAILED")
    model = mlflow.get_logged_model(begun.model_id)
    assert (model.status.to_int(), len(model.metrics)) == (3, 2)
    assert {metric.run_id for metric in model.metrics} == {run.info.run_id}

    def found(condition: str, datasets: list[dict[str, str]] | None = None) -> list[str]:
        return [each.name for each in client.search_logged_models([experiment], condition, datasets=datasets)]

    assert sorted(found("metrics.auc > 0.2")) == ["agent", "training"]
    mlflow.delete_logged_model_tag(outside.model_id, "team")
    assert "team" not in mlflow.get_logged_model(outside.model_id).tags


def test_the_fluent_functions_around_experiments_and_runs(client: MlflowClient, experiment: str, name: str) -> None:
    mlflow.set_experiment_tags({"team": "a", "kind": "b"})
    assert {"team": "a", "kind": "b"}.items() <= client.get_experiment(experiment).tags.items()
    parent = client.create_run(experiment).info.run_id
    with mlflow.start_run(run_name="child", parent_run_id=parent, description="about it", tags={"a": "b"}) as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        mlflow.log_params({f"p{index}": index for index in range(250)})
        mlflow.log_metrics({f"m{index}": index for index in range(1500)}, step=3)
        mlflow.set_tags({f"t{index}": index for index in range(150)})
        mlflow.delete_tag("t0")
    assert mlflow.last_active_run().info.run_id == run.info.run_id
    data = mlflow.get_run(run.info.run_id).data
    assert (len(data.params), len(data.metrics), data.metrics["m1499"]) == (250, 1500, 1499)
    assert (data.tags["mlflow.parentRunId"], data.tags["mlflow.note.content"], data.tags["t149"]) == (parent, "about it", "149")
    assert "t0" not in data.tags
    assert [each.name for each in mlflow.search_experiments(filter_string=f"name LIKE '{name}%'")] == [f"{name}-experiment"]
    mlflow.delete_run(parent)
    assert list(mlflow.search_runs([experiment])["run_id"]) == [run.info.run_id]
    mlflow.delete_experiment(experiment)
    with pytest.raises(MlflowException, match="deleted"):
        mlflow.set_experiment(f"{name}-experiment")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("metrics.loss > 0.25", {1, 2}),
        ("metrics.loss >= 0.25 AND metrics.loss <= 0.5", {1, 0}),
        ("metrics.loss != 0.5", {0, 2}),
        ("metric.loss < 1e-0", {0, 1}),
        ("params.model = 'Forest'", {1}),
        ("params.model LIKE 'for%'", {0}),
        ("parameters.model ILIKE 'for%'", {0, 1}),
        ('param."model" != "forest"', {1, 2}),
        ("tags.team = 'a' AND tags.`two words` = 'x'", {0}),
        ("tag.team IS NULL", {2}),
        ("tags.team IS NOT NULL", {0, 1}),
        ("attributes.status = 'FINISHED'", {2}),
        ("run_id IN ('none', 'neither')", set()),
        ("attr.run_id NOT IN ('none', 'neither')", {0, 1, 2}),
        ("start_time > 1000 AND start_time < 3000", {1}),
        ("end_time = 9000", {2}),
        ("user_id = 'ada'", {0, 1, 2}),
        ("artifact_uri LIKE 'mlflow-artifacts:%'", {0, 1, 2}),
        ("run_name = 'it''s'", set()),
        ("", {0, 1, 2}),
    ],
)
def test_the_grammar_of_run_filters(client: MlflowClient, grammar: tuple[str, Callable[[str], int]], condition: str, expected: set[int]) -> None:
    experiment, place = grammar
    assert {place(run.info.run_id) for run in client.search_runs([experiment], condition)} == expected


@pytest.fixture(scope="module")
def grammar_runs() -> dict[str, tuple[str, Callable[[str], int]]]:
    return {}


@pytest.fixture
def grammar(client: MlflowClient, name: str, grammar_runs: dict[str, tuple[str, Callable[[str], int]]]) -> tuple[str, Callable[[str], int]]:
    """Three runs of one experiment, made once for all conditions; and the place of a run among them."""
    if "made" not in grammar_runs:
        experiment = client.create_experiment(name)
        ids = []
        for index, (loss, model, tags) in enumerate(
            [(0.25, "forest", {"team": "a", "two words": "x"}), (0.5, "Forest", {"team": "a"}), (1.0, "linear", {})]
        ):
            made = client.create_run(experiment, start_time=1000 * (index + 1), run_name=f"run {index}", tags={MLFLOW_USER: "ada"} | tags)
            client.log_batch(made.info.run_id, metrics=[Metric("loss", loss, 1, 0)], params=[Param("model", model)])
            ids.append(made.info.run_id)
        client.set_terminated(ids[2], end_time=9000)
        grammar_runs["made"] = (experiment, ids.index)
    return grammar_runs["made"]


@pytest.mark.parametrize(
    "condition",
    [
        "params.model = 'forest' OR params.model = 'linear'",
        "params.model = forest",
        "params.model",
        "metrics.loss LIKE '0%'",
        "metrics.loss > 'x'",
        "params.model > 'forest'",
        "tags.team RLIKE 'a'",
        "attributes.run_name IN 'run 0'",
        "start_time > 'x'",
        "(metrics.loss > 1)",
        "metrics.loss = = 1",
        "= 1",
        "dataset.nothing = 'x'",
    ],
)
def test_a_filter_outside_of_the_grammar_is_the_mistake_of_the_request(client: MlflowClient, condition: str) -> None:
    with pytest.raises(MlflowException) as failure:
        client.search_runs(["0"], condition)
    assert failure.value.error_code == "INVALID_PARAMETER_VALUE"
