"""Registered models, their versions, aliases and stages, as the unmodified MLflow client sees them. Passes against MLflow's own server too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")
# Stages are deprecated, and a drop-in has them.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated since 2.9.0:FutureWarning")

import requests  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


@pytest.fixture
def run(client: MlflowClient, experiment: str) -> str:
    return client.create_run(experiment).info.run_id


@pytest.fixture
def registered(client: MlflowClient, run: str) -> Callable[..., ModelVersion]:
    """Registers one more version of a model, of files of the run."""

    def register(model: str, path: str = "model", **more: object) -> ModelVersion:
        # Searches order by the millisecond.
        time.sleep(0.002)
        return client.create_model_version(model, f"runs:/{run}/{path}", run, **more)  # type: ignore[arg-type]

    return register


def now() -> int:
    return int(time.time() * 1000)


def test_a_registered_model_is_made_described_renamed_and_deleted(client: MlflowClient, name: str) -> None:
    begun = now()
    made = client.create_registered_model(name, {"key": "value", "number": 12345}, "first")
    assert (made.name, made.tags, made.description) == (name, {"key": "value", "number": "12345"}, "first")
    read = client.get_registered_model(name)
    assert (read.tags, read.latest_versions, read.aliases) == (made.tags, [], {})
    assert begun <= read.creation_timestamp <= read.last_updated_timestamp <= now()
    with pytest.raises(MlflowException, match=rf"Registered Model \(name={name}\) already exists"):
        client.create_registered_model(name)

    time.sleep(0.002)
    client.update_registered_model(name, "second")
    updated = client.get_registered_model(name)
    assert updated.description == "second"
    assert updated.last_updated_timestamp > read.last_updated_timestamp
    client.rename_registered_model(name, f"{name} new")
    with pytest.raises(MlflowException, match=f"Registered Model with name={name} not found"):
        client.get_registered_model(name)
    assert client.get_registered_model(f"{name} new").creation_timestamp == read.creation_timestamp

    client.delete_registered_model(f"{name} new")
    for act in (client.get_registered_model, client.delete_registered_model, lambda gone: client.rename_registered_model(gone, name)):
        with pytest.raises(MlflowException, match=r"Registered Model .+ not found"):
            act(f"{name} new")
    assert client.search_registered_models(f"name LIKE '{name}%'") == []
    assert client.create_registered_model(f"{name} new").name == f"{name} new"


def test_the_name_of_another_model_is_not_taken(client: MlflowClient, name: str) -> None:
    for suffix in ("a", "b"):
        client.create_registered_model(name + suffix)
    with pytest.raises(MlflowException, match="already exists"):
        client.rename_registered_model(f"{name}a", f"{name}b")
    for bad in ("", "  ", "a/b", "a:b", None):
        with pytest.raises(MlflowException):
            client.create_registered_model(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, range(13)),
        ("name LIKE '{name}-%'", range(13)),
        ("name LIKE '{name}-%7'", [7]),
        ("name ILIKE '{upper}-%01%'", [1, 10, 11, 12]),
        ("name LIKE '{upper}-%'", []),
        ("name = '{name}-012'", [12]),
        ("name LIKE '{name}-%' AND name LIKE '%-00%'", range(10)),
        ("tags.third = 'yes' AND name LIKE '{name}-%'", [0, 3, 6, 9, 12]),
        ("tag.third != 'yes' AND name LIKE '{name}-%'", [1, 2, 4, 5, 7, 8, 10, 11]),
    ],
)
def test_registered_models_are_found_by_filter_page_by_page(
    client: MlflowClient, many: str, condition: str | None, expected: range | list[int]
) -> None:
    filter_string = condition and condition.format(name=many, upper=many.upper())
    for size in (4, 1000):
        found, token, pages = [], None, 0
        while token is not None or pages == 0:
            page = client.search_registered_models(filter_string, max_results=size, page_token=token)
            assert len(page) == size or not page.token
            found += [model.name for model in page]
            token, pages = page.token or None, pages + 1
        assert [each for each in found if each.startswith(many)] == [f"{many}-{number:03}" for number in expected]


@pytest.fixture(scope="module")
def made_once() -> dict[str, str]:
    return {}


@pytest.fixture
def many(client: MlflowClient, name: str, made_once: dict[str, str]) -> str:
    """Thirteen models, made once; the prefix of their names."""
    if "prefix" not in made_once:
        for number in range(13):
            client.create_registered_model(f"{name}-{number:03}", {"third": "yes" if number % 3 == 0 else "no"})
        made_once["prefix"] = name
    return made_once["prefix"]


def test_registered_models_are_ordered_by_what_is_asked(client: MlflowClient, many: str) -> None:
    def first(*order: str) -> str:
        return client.search_registered_models(f"name LIKE '{many}%'", order_by=list(order))[0].name

    assert first("name DESC") == f"{many}-012"
    assert first("last_updated_timestamp", "name ASC") == f"{many}-000"
    with pytest.raises(MlflowException, match="Invalid"):
        first("nothing DESC")


def test_versions_count_up_and_are_described(client: MlflowClient, name: str, run: str, registered: Callable[..., ModelVersion]) -> None:
    client.create_registered_model(name)
    begun = now()
    first = registered(name, tags={"key": "value", "number": 12345}, description="about it", run_link="http://ci/1")
    assert (first.version, first.name, first.current_stage, first.status) == ("1", name, "None", "READY")
    assert first.tags == {"key": "value", "number": "12345"}
    assert begun <= first.creation_timestamp <= now()
    read = client.get_model_version(name, "1")
    assert (read.source, read.run_id, read.run_link, read.description) == (f"runs:/{run}/model", run, "http://ci/1", "about it")
    assert [model.latest_versions for model in client.search_registered_models(f"name = '{name}'")] == [[read]]
    assert client.get_registered_model(name).last_updated_timestamp >= first.creation_timestamp
    second = registered(name, "another")
    assert second.version == "2"
    assert [v.version for v in client.get_registered_model(name).latest_versions] == ["2"]

    before = client.get_registered_model(name).last_updated_timestamp
    time.sleep(0.002)
    client.update_model_version(name, "1", "better")
    changed = client.get_model_version(name, "1")
    assert (changed.description, changed.creation_timestamp) == ("better", first.creation_timestamp)
    assert changed.last_updated_timestamp > read.last_updated_timestamp
    # A version's description is not the model's change; its stage is.
    assert client.get_registered_model(name).last_updated_timestamp == before
    time.sleep(0.002)
    client.transition_model_version_stage(name, "1", "Staging")
    assert client.get_registered_model(name).last_updated_timestamp > before
    with pytest.raises(MlflowException, match="must be an integer"):
        client.get_model_version(name, "something else")
    with pytest.raises(MlflowException, match=rf"Registered Model with name={name}-none not found"):
        registered(f"{name}-none")


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(
    client: MlflowClient, name: str, registered: Callable[..., ModelVersion]
) -> None:
    client.create_registered_model(name)
    for _ in range(3):
        registered(name)
    client.delete_model_version(name, "1")
    for act in (
        lambda: client.delete_model_version(name, "1"),
        lambda: client.get_model_version(name, "1"),
        lambda: client.update_model_version(name, "1", "x"),
        lambda: client.transition_model_version_stage(name, "1", "Staging"),
        lambda: client.set_model_version_tag(name, "1", "a", "b"),
        lambda: client.set_registered_model_alias(name, "a", "1"),
        lambda: client.get_model_version_download_uri(name, "1"),
    ):
        with pytest.raises(MlflowException, match=r"Model Version \(name=.+, version=1\) not found"):
            act()
    before = client.get_registered_model(name).last_updated_timestamp
    time.sleep(0.002)
    client.delete_model_version(name, "3")
    assert client.get_registered_model(name).last_updated_timestamp > before
    assert registered(name).version == "4"
    assert {v.version for v in client.search_model_versions(f"name = '{name}'")} == {"2", "4"}


def test_stages_are_left_and_the_latest_of_each_is_known(client: MlflowClient, name: str, registered: Callable[..., ModelVersion]) -> None:
    client.create_registered_model(name)
    for stage in ("Archived", "Production", "Archived", "Production", "Staging", "staging", "None"):
        version = registered(name).version
        if stage != "None":
            assert client.transition_model_version_stage(name, version, stage).current_stage == stage.capitalize()

    def latest(stages: list[str] | None) -> dict[str, str]:
        return {each.current_stage: each.version for each in client.get_latest_versions(name, stages)}

    assert latest(["None"]) == {"None": "7"}
    assert latest(["staging"]) == {"Staging": "6"}
    assert latest(None) == latest([]) == {"Production": "4", "Staging": "6", "Archived": "3", "None": "7"}
    assert client.get_model_version_stages(name, "1") == ["None", "Staging", "Production", "Archived"]
    client.transition_model_version_stage(name, "7", "Production", archive_existing_versions=True)
    assert latest(None) == {"Production": "7", "Staging": "6", "Archived": "4"}
    for stage, archive in (("Nowhere", False), ("None", True)):
        with pytest.raises(MlflowException, match="stage"):
            client.transition_model_version_stage(name, "7", stage, archive_existing_versions=archive)


def test_versions_are_found_by_filter_and_order(client: MlflowClient, name: str, run: str, registered: Callable[..., ModelVersion]) -> None:
    for model, paths in {"a": ["x", "y", "x"], "b": ["x"]}.items():
        client.create_registered_model(f"{name}-{model}")
        for number, path in enumerate(paths):
            registered(f"{name}-{model}", path, tags={"odd": str(number % 2)})

    def found(condition: str, *order: str) -> list[str]:
        return [f"{v.name[-1]}{v.version}" for v in client.search_model_versions(condition, order_by=list(order) or None)]

    assert found(f"name LIKE '{name}%'") == ["b1", "a3", "a2", "a1"]
    assert found(f"name = '{name}-a'") == ["a3", "a2", "a1"]
    assert found(f"name ILIKE '{name.upper()}-B'") == ["b1"]
    assert found(f"run_id = '{run}'") == ["b1", "a3", "a2", "a1"]
    assert found(f"run_id IN ('{run}', 'none') AND name = '{name}-b'") == ["b1"]
    assert found(f"source_path = 'runs:/{run}/x'") == ["b1", "a3", "a1"]
    assert found(f"tags.odd = '1' AND name LIKE '{name}%'") == ["a2"]
    assert found(f"version_number > 1 AND name = '{name}-a'") == ["a3", "a2"]
    assert found(f"name LIKE '{name}%'", "name DESC", "version_number ASC") == ["b1", "a1", "a2", "a3"]
    assert found(f"name LIKE '{name}%'", "version_number DESC", "name ASC") == ["a3", "a2", "a1", "b1"]
    assert found(f"name LIKE '{name}%'", "creation_timestamp ASC") == ["a1", "a2", "a3", "b1"]
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_model_versions(f"name LIKE '{name}%'", max_results=3, page_token=token)
        pages.append([f"{v.name[-1]}{v.version}" for v in page])
        token = page.token or None
    assert pages == [["b1", "a3", "a2"], ["a1"]]
    for condition in ("nothing = 'x'", "name > 'x'", f"name = '{name}' OR name = 'b'"):
        with pytest.raises(MlflowException):
            client.search_model_versions(condition)


def test_tags_of_models_and_versions_are_set_and_deleted(client: MlflowClient, name: str, registered: Callable[..., ModelVersion]) -> None:
    client.create_registered_model(name)
    registered(name)
    for key, value in {"key": "value", "number": 12345, "empty": ""}.items():
        client.set_registered_model_tag(name, key, value)
        client.set_model_version_tag(name, "1", key, value)
    client.set_registered_model_tag(name, "key", "changed")
    client.set_model_version_tag(name, stage=None, version="1", key="key", value="changed")
    for tags in (client.get_registered_model(name).tags, client.get_model_version(name, "1").tags):
        assert tags == {"key": "changed", "number": "12345", "empty": ""}
    client.delete_registered_model_tag(name, "number")
    client.delete_model_version_tag(name, "1", "number")
    # What is not there is deleted without complaint.
    client.delete_registered_model_tag(name, "number")
    client.delete_model_version_tag(name, "1", "number")
    for tags in (client.get_registered_model(name).tags, client.get_model_version(name, "1").tags):
        assert tags == {"key": "changed", "empty": ""}


def test_an_alias_points_at_one_version(client: MlflowClient, name: str, registered: Callable[..., ModelVersion]) -> None:
    client.create_registered_model(name)
    for _ in range(2):
        registered(name)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "Best-One_2", "1")
    assert client.get_registered_model(name).aliases == {"champion": "1", "Best-One_2": "1"}
    assert sorted(client.get_model_version(name, "1").aliases) == ["Best-One_2", "champion"]
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_registered_model(name).aliases == {"champion": "2", "Best-One_2": "1"}
    (found,) = client.search_registered_models(f"name = '{name}'")
    assert found.aliases == {"champion": "2", "Best-One_2": "1"}
    client.delete_registered_model_alias(name, "champion")
    client.delete_registered_model_alias(name, "never-set")
    assert client.get_model_version(name, "2").aliases == []
    client.delete_model_version(name, "1")
    assert client.get_registered_model(name).aliases == {}
    for bad in ("", "v1", "V12", "latest", "a b", "a/b", "x" * 256):
        with pytest.raises(MlflowException):
            client.set_registered_model_alias(name, bad, "2")


def test_a_version_is_copied_to_another_model_and_the_same(
    client: MlflowClient, name: str, registered: Callable[..., ModelVersion], run: str
) -> None:
    client.create_registered_model(name)
    source = registered(name, tags={"hello": "world"}, description="about it")
    client.set_registered_model_alias(name, "champion", "1")
    for target, version in ((f"{name}-copy", "1"), (name, "2"), (f"{name}-copy", "2")):
        copy = client.copy_model_version(f"models:/{name}@champion", target)
        assert (copy.name, copy.version) == (target, version)
        read = client.get_model_version(target, version)
        assert (read.source, read.run_id) == (f"models:/{name}/1", run)
        assert (read.description, read.tags, read.aliases) == ("about it", {"hello": "world"}, [])
        assert client.get_model_version_download_uri(target, version) == client.get_model_version_download_uri(name, source.version)
    with pytest.raises(MlflowException, match="not found"):
        client.copy_model_version(f"models:/{name}/9", name)


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "registered-models/create", {}, "Missing value for required parameter 'name'"),
        ("POST", "registered-models/create", {"name": 5}, "Invalid value 5 for parameter 'name'"),
        ("POST", "registered-models/rename", {"name": "none"}, "Missing value for required parameter 'new_name'"),
        ("POST", "model-versions/create", {"name": "none"}, "Missing value for required parameter 'source'"),
        ("POST", "model-versions/transition-stage", {"name": "none", "version": "1"}, "Missing value for required parameter 'stage'"),
        ("POST", "registered-models/alias", {"name": "none", "alias": "a"}, "Missing value for required parameter 'version'"),
        ("POST", "model-versions/set-tag", {"name": "none", "version": "1"}, "Missing value for required parameter 'key'"),
        ("GET", "registered-models/search?max_results=1001", None, "max_results"),
        ("GET", "model-versions/search?max_results=200001", None, "max_results"),
        ("GET", "registered-models/search?filter=nothing", None, "Invalid"),
    ],
)
def test_a_wrong_request_to_the_registry_is_refused(url: str, method: str, path: str, body: dict | None, message: str) -> None:
    answer = requests.request(method, f"{url}/api/2.0/mlflow/{path}", json=body, timeout=30)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
    assert message in answer.json()["message"]
