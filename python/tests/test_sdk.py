"""The SDK: light to import, exact on the wire."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import tidemark
from tidemark.client import code_files, git_state
from tidemark.prediction import scoring_body

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(tidemark.__file__).parents[1]


def test_importing_takes_less_than_a_fifth_of_a_second_and_brings_nothing_heavy() -> None:
    code = "import sys, time; t = time.perf_counter(); import tidemark; print(time.perf_counter() - t, *sys.modules)"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(3)
    ]
    assert min(float(run[0]) for run in runs) < 0.2
    assert {"pandas", "numpy", "mlflow", "pyarrow"}.isdisjoint(runs[0])


class Asked:
    """An HTTP server that keeps what it was asked and answers as it was told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.headers: dict[str, str] = {}
        self.answer: tuple[int, Any] = (200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                outer.headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.command, self.path, body))
                self.send_response(outer.answer[0])
                self.end_headers()
                self.wfile.write(json.dumps(outer.answer[1]).encode())

            do_GET = do_POST = do_PUT = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.client = tidemark.Client(f"http://127.0.0.1:{self.server.server_port}")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def asked() -> Iterator[Asked]:
    server = Asked()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_a_frame_is_appended_in_batches_with_its_missing_values_as_null(asked: Asked) -> None:
    days = pd.to_datetime(["2000-01-02", None] * 3_000)
    frame = pd.DataFrame({"title": ["A", None] * 3_000, "budget": [1.5, float("nan")] * 3_000, "released": days})
    asked.client.datasets.append("films", frame, source="a test")
    assert [(method, path, len(body["rows"])) for method, path, body in asked.requests] == [
        ("POST", "/api/v1/datasets/films/versions", 5_000),
        ("POST", "/api/v1/datasets/films/versions", 1_000),
    ]
    assert asked.requests[0][2]["rows"][:2] == [
        {"title": "A", "budget": 1.5, "released": "2000-01-02T00:00:00"},
        {"title": None, "budget": None, "released": None},
    ]


def test_labels_name_the_thing_and_when_it_became_known(asked: Asked) -> None:
    asked.client.labels.send("films", [tidemark.Label("A (2000-01-01)", 7.5, "2000-02-01T00:00:00Z"), {"entity": "B", "value": 3}])
    assert asked.requests == [
        (
            "POST",
            "/api/v1/endpoints/films/labels",
            {"labels": [{"entity": "A (2000-01-01)", "value": 7.5, "knownAt": "2000-02-01T00:00:00Z"}, {"entity": "B", "value": 3}]},
        )
    ]


def test_a_prediction_is_asked_for_where_the_endpoint_answers_and_has_its_id(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMARK_GATEWAY_URL", raising=False)
    url = f"{asked.client.http.url}/endpoints/films/invocations"
    asked.answer = (200, {"url": url, "prediction_id": "p1", "model_version": "films/3", "predictions": [6.5, 7.0]})
    frame = pd.DataFrame({"budget": [1.5, float("nan")], "released": pd.to_datetime(["2000-01-02", None])})
    for _ in range(2):
        answer = tidemark.predict("films", frame, caller="Ann", entity=["A", None], client=asked.client)
    assert (answer.id, answer.version, list(answer)) == ("p1", "films/3", [6.5, 7.0])
    body = {"dataframe_split": {"columns": ["budget", "released"], "data": [[1.5, "2000-01-02T00:00:00"], [None, None]]}, "entities": ["A", None]}
    # The address is asked for once.
    assert asked.requests == [
        ("GET", "/api/v1/endpoints/films", None),
        ("POST", "/endpoints/films/invocations", body),
        ("POST", "/endpoints/films/invocations", body),
    ]
    assert asked.headers["tidemark-caller"] == "Ann"


def test_a_gateway_that_is_named_is_asked_without_the_server_and_its_refusal_keeps_its_code(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_GATEWAY_URL", asked.client.http.url)
    asked.answer = (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Column budget is missing.", "request_id": "r7"})
    with pytest.raises(tidemark.ApiError, match="Column budget is missing") as caught:
        tidemark.predict("films", [{"genre": "Drama"}], client=tidemark.Client("http://127.0.0.1:1"))
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (400, "INVALID_PARAMETER_VALUE", "r7")
    assert asked.requests == [("POST", "/endpoints/films/invocations", {"dataframe_records": [{"genre": "Drama"}]})]


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (np.array([[1.0, float("nan")]]), {"inputs": [[1.0, None]]}),
        (pd.DataFrame({"v": [np.array([1.0, float("nan")]), None]}), {"dataframe_split": {"columns": ["v"], "data": [[[1.0, None]], [None]]}}),
        ({"budget": np.array([1, 2])}, {"inputs": {"budget": [1, 2]}}),
        ({"budget": np.float32(0.5)}, {"dataframe_records": [{"budget": 0.5}]}),
        (({"a": None}, {"a": float("nan")}), {"dataframe_records": [{"a": None}, {"a": None}]}),
    ],
)
def test_rows_of_each_form_become_the_scoring_protocols(data: Any, body: Any) -> None:
    assert scoring_body(data) == body


@pytest.mark.parametrize("data", ["text", [], 7, None])
def test_what_holds_no_rows_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="Predictions need"):
        scoring_body(data)


def test_a_refusal_is_an_error_with_its_code_and_places(asked: Asked) -> None:
    details = [{"path": "rows", "message": "too few"}]
    asked.answer = (400, {"error": {"code": "INVALID", "message": "Not so.", "details": details, "requestId": "r1"}})
    with pytest.raises(tidemark.ApiError, match=r"INVALID: Not so\. rows: too few") as caught:
        asked.client.datasets.latest("films")
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (400, "INVALID", "r1")


@pytest.mark.parametrize("said", [None, b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"])
def test_a_server_that_is_silent_or_breaks_off_is_unreachable(said: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                if said is None:
                    # Until the client gives up.
                    connection.recv(1)
                else:
                    connection.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        client = tidemark.Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_seconds=0.3)
        with pytest.raises(tidemark.ApiError, match="Nothing answers at") as caught:
            client.datasets.latest("films")
    assert (caught.value.status, caught.value.code) == (0, "UNREACHABLE")


def test_a_pipeline_is_applied_with_its_code_commit_and_uncommitted_patch(asked: Asked, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], check=True, capture_output=True)

    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/train.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("not code")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    assert git_state(tmp_path)["gitPatch"] is None
    (tmp_path / "steps/train.py").write_text("x = 2\n")
    asked.client.pipelines.apply({"name": "films", "steps": []}, tmp_path)
    method, path, body = asked.requests[0]
    assert (method, path) == ("PUT", "/api/v1/pipelines/films")
    assert body["files"] == [{"path": "steps/train.py", "text": "x = 2\n"}]
    assert len(body["gitCommit"]) == 40
    assert "+x = 2" in body["gitPatch"]


def test_a_folder_outside_git_has_no_commit(tmp_path: Path) -> None:
    assert code_files(tmp_path) == []
    assert git_state(tmp_path) == {"gitCommit": None, "gitPatch": None}


def test_an_input_that_a_step_does_not_have_is_named_with_those_it_has(tmp_path: Path) -> None:
    ctx = tidemark.Context(tmp_path, inputs={"films": tmp_path / "films.parquet"}, params={}, seed=1)
    with pytest.raises(KeyError, match=r"no input 'movies'\. Its inputs: films"):
        ctx.input("movies")
    with pytest.raises(ValueError, match="no plain file name"):
        ctx.output_path("../escape.txt")


def test_a_frame_written_by_one_step_is_read_by_the_next(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2000-01-01", "2000-01-02"], utc=True)})
    path = tidemark.Context(tmp_path, {}, {}, 1).output("films", frame)
    read = tidemark.Context(tmp_path, {"films": path}, {}, 1).input("films")
    pd.testing.assert_frame_equal(read, frame, check_dtype=False)
