"""Prompts, evaluation datasets and webhooks through the unmodified MLflow client, and what it does where tracing is missing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")

from mlflow.entities.webhook import WebhookEvent, WebhookStatus  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

if TYPE_CHECKING:
    from mlflow import MlflowClient


def test_a_prompt_is_registered_in_versions_and_loaded_by_number_and_alias(client: MlflowClient, experiment: str, name: str) -> None:
    first = mlflow.genai.register_prompt(name=name, template="Hello {{who}}, é", commit_message="first", tags={"team": "red"})
    chat = [{"role": "user", "content": "Hi {{who}}"}]
    second = mlflow.genai.register_prompt(name=name, template=chat, commit_message="second")
    assert [(p.version, p.template, p.commit_message) for p in (first, second)] == [
        (1, "Hello {{who}}, é", "first"),
        (2, chat, "second"),
    ]
    mlflow.genai.set_prompt_alias(name, "live", 1)
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}@live")
    assert (loaded.version, loaded.aliases, loaded.format(who="Ann")) == (1, ["live"], "Hello Ann, é")
    assert mlflow.genai.load_prompt(f"prompts:/{name}@latest").version == 2
    assert mlflow.genai.load_prompt(name, version=2).template == chat
    mlflow.genai.set_prompt_alias(name, "live", 2)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live", cache_ttl_seconds=0).version == 2
    mlflow.genai.delete_prompt_alias(name, "live")
    with pytest.raises(MlflowException, match="alias live not found"):
        mlflow.genai.load_prompt(f"prompts:/{name}@live", cache_ttl_seconds=0)
    assert mlflow.genai.load_prompt(f"prompts:/{name}/9", allow_missing=True) is None


def test_prompts_are_found_among_prompts_only_and_models_among_models(client: MlflowClient, experiment: str, name: str) -> None:
    mlflow.genai.register_prompt(name=f"{name}-p", template="x {{a}}", tags={"team": "red"})
    client.create_registered_model(f"{name}-m")
    found = mlflow.genai.search_prompts(f"name LIKE '{name}%'")
    assert [prompt.name for prompt in found] == [f"{name}-p"]
    assert [m.name for m in client.search_registered_models(f"name LIKE '{name}%'")] == [f"{name}-m"]
    assert client.search_model_versions(f"name = '{name}-p'") == []
    assert [v.version for v in client.search_prompt_versions(f"{name}-p")] == [1]
    assert mlflow.genai.search_prompts(f"name = '{name}-m'") == []


def test_tags_of_prompts_and_their_versions_are_set_and_deleted(client: MlflowClient, experiment: str, name: str) -> None:
    mlflow.genai.register_prompt(name=name, template="x", tags={"of": "version"})
    mlflow.genai.set_prompt_tag(name, "k", "v")
    assert mlflow.genai.get_prompt_tags(name)["k"] == "v"
    mlflow.genai.delete_prompt_tag(name, "k")
    assert "k" not in mlflow.genai.get_prompt_tags(name)
    mlflow.genai.set_prompt_version_tag(name, 1, "kv", "vv")
    assert mlflow.genai.load_prompt(name, version=1, cache_ttl_seconds=0).tags == {"of": "version", "kv": "vv"}
    mlflow.genai.delete_prompt_version_tag(name, 1, "kv")
    assert mlflow.genai.load_prompt(name, version=1, cache_ttl_seconds=0).tags == {"of": "version"}


def test_a_prompt_and_its_versions_are_deleted(client: MlflowClient, experiment: str, name: str) -> None:
    for text in ("a", "b"):
        mlflow.genai.register_prompt(name=name, template=text)
    client.delete_prompt_version(name, "1")
    assert [v.version for v in client.search_prompt_versions(name)] == [2]
    client.delete_prompt_version(name, "2")
    client.delete_prompt(name)
    assert mlflow.genai.search_prompts(f"name = '{name}'") == []


def test_a_model_is_no_prompt_and_a_prompt_no_model(client: MlflowClient, experiment: str, name: str) -> None:
    client.create_registered_model(name)
    with pytest.raises(MlflowException, match="exists with the same name"):
        mlflow.genai.register_prompt(name=name, template="x")


def test_an_evaluation_dataset_is_filled_and_read(client: MlflowClient, experiment: str, name: str) -> None:
    dataset = mlflow.genai.datasets.create_dataset(name=name, experiment_id=[experiment], tags={"team": "red"})
    dataset.merge_records([{"inputs": {"q": "a"}, "expectations": {"e": 1}}, {"inputs": {"q": "b", "x": 1.0}}])
    dataset.merge_records([{"inputs": {"q": "a"}, "expectations": {"g": True}}])
    read = mlflow.genai.datasets.get_dataset(dataset_id=dataset.dataset_id)
    frame = read.to_df()
    assert list(frame["inputs"]) == [{"q": "a"}, {"q": "b", "x": 1.0}]
    assert frame["expectations"][0] == {"e": 1, "g": True}
    assert json.loads(read.profile) == {"num_records": 2}
    assert json.loads(read.schema)["inputs"] == {"q": "string", "x": "float"}
    assert read.experiment_ids == [experiment]
    assert read.tags["team"] == "red"
    found = mlflow.genai.datasets.search_datasets(experiment_ids=[experiment], filter_string=f"name = '{name}'")
    assert [d.dataset_id for d in found] == [dataset.dataset_id]
    mlflow.genai.datasets.delete_dataset(dataset_id=dataset.dataset_id)
    with pytest.raises(MlflowException, match="not found"):
        mlflow.genai.datasets.get_dataset(dataset_id=dataset.dataset_id)


def test_a_traced_function_works_where_tracing_is_missing(client: MlflowClient, experiment: str) -> None:
    @mlflow.trace
    def double(x: int) -> int:
        return 2 * x

    assert double(4) == 8
    with mlflow.start_run():
        assert double(5) == 10
        mlflow.log_metric("m", 1)
    with pytest.raises(MlflowException, match="Tracing is not part of this release"):
        client.search_traces(locations=[experiment])


class Listener:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.received.append((dict(self.headers), body))
                outer.arrived.release()
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


def test_a_webhook_made_by_the_client_is_told_or_refused(client: MlflowClient, name: str) -> None:
    listener = Listener()
    try:
        webhook = client.create_webhook(name="hook", url=listener.url, events=["registered_model.created"], secret="k")
    except MlflowException as error:
        # Without --dev-loopback-webhooks no address of this machine may be called.
        assert "Allowed schemes are: https" in str(error)
        with pytest.raises(MlflowException, match="non-public IP address"):
            client.create_webhook(name="hook", url="https://127.0.0.1/x", events=["registered_model.created"])
        return
    try:
        assert client.test_webhook(webhook.webhook_id).success
        assert listener.arrived.acquire(timeout=10)
        client.create_registered_model(name, description="d")
        assert listener.arrived.acquire(timeout=10)
        headers, body = listener.received[-1]
        content = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
        digest = base64.b64encode(hmac.new(b"k", content.encode(), hashlib.sha256).digest()).decode()
        assert headers["X-MLflow-Signature"] == f"v1,{digest}"
        told = json.loads(body)
        assert (told["entity"], told["action"]) == ("registered_model", "created")
        assert told["data"] == {"name": name, "tags": {}, "description": "d"}
        changed = client.update_webhook(webhook.webhook_id, status=WebhookStatus.DISABLED)
        assert changed.status == WebhookStatus.DISABLED
        assert client.get_webhook(webhook.webhook_id).events == [WebhookEvent.from_str("registered_model.created")]
        assert webhook.webhook_id in [w.webhook_id for w in client.list_webhooks()]
    finally:
        client.delete_webhook(webhook.webhook_id)
        listener.server.shutdown()
