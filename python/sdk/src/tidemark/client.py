"""The platform's own API from Python."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.transport import Http, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

Json = Any
ENDED = ("succeeded", "failed", "cancelled")
SKIPPED = {"__pycache__", ".venv", ".git", "node_modules"}
ROWS_PER_REQUEST = 5_000
LABELS_PER_REQUEST = 5_000


@dataclass(frozen=True)
class Label:
    """What came true for a thing that was predicted.

    Parameters
    ----------
    entity
        The name under which the thing was predicted.
    value
        A number, or the name of a class.
    known_at
        ISO 8601 with offset: when it became known; now unless given.

    Examples
    --------
    >>> Label("Halloween (1978-10-17)", 7.9).as_json()
    {'entity': 'Halloween (1978-10-17)', 'value': 7.9}
    """

    entity: str
    value: float | str
    known_at: str | None = None

    def as_json(self) -> dict[str, Json]:
        known = {} if self.known_at is None else {"knownAt": self.known_at}
        return {"entity": self.entity, "value": self.value, **known}


@dataclass(frozen=True)
class PredictionLabel:
    """What came true for a row of a prediction, by the prediction's id.

    Examples
    --------
    >>> PredictionLabel("0199c0de-0000-7000-8000-000000000000", "Drama").as_json()
    {'prediction': '0199c0de-0000-7000-8000-000000000000', 'row': 0, 'value': 'Drama'}
    """

    prediction: str
    value: float | str
    row: int = 0
    known_at: str | None = None

    def as_json(self) -> dict[str, Json]:
        known = {} if self.known_at is None else {"knownAt": self.known_at}
        return {"prediction": self.prediction, "row": self.row, "value": self.value, **known}


@dataclass(frozen=True)
class Datasets:
    """Datasets: immutable versions made of appended batches."""

    http: Http

    def define(self, definition: Mapping[str, Json]) -> Json:
        """Declare a dataset, or change its declaration; gives the dataset."""
        return self.http.call("POST", "/api/v1/datasets", definition)

    def append(self, name: str, rows: pd.DataFrame | Iterable[Mapping[str, Json]], source: str = "") -> list[Json]:
        """Append rows; gives what became of each batch of at most 5,000 rows: new, replaced, known, quarantined and why.

        Parameters
        ----------
        rows
            Dicts, or a frame, whose missing values become null.
        source
            Where the rows come from, in words.
        """
        path = path_of("/api/v1/datasets/{name}/versions", name=name)
        everything = list(_records(rows))
        batches = [everything[start : start + ROWS_PER_REQUEST] for start in range(0, len(everything), ROWS_PER_REQUEST)]
        return [self.http.call("POST", path, {"rows": batch, "source": source}) for batch in batches]

    def latest(self, name: str) -> Json:
        """Give the latest version: its number, digest, rows and span of time."""
        return self.http.call("GET", path_of("/api/v1/datasets/{name}/versions/latest", name=name))


def _records(rows: Any) -> Iterable[dict[str, Json]]:
    """Rows as JSON has them: NaN, NaT and the like are null.

    Examples
    --------
    >>> list(_records([{"a": float("nan"), "b": 1}]))
    [{'a': None, 'b': 1}]
    """
    records = rows.astype(object).where(rows.notna(), None).to_dict("records") if hasattr(rows, "notna") else rows
    for record in records:
        yield {str(key): None if value is None or value != value else value for key, value in record.items()}


@dataclass(frozen=True)
class Labels:
    """Labels: what came true, so that losses can be measured."""

    http: Http

    def send(self, endpoint: str, labels: Iterable[Label | PredictionLabel | Mapping[str, Json]]) -> Json:
        """Send labels, however many; gives how many were accepted, corrected, repeated and unknown.

        They may be late, out of order, sent twice, or corrections of earlier ones.
        """
        total: dict[str, Json] = {"accepted": 0, "corrected": 0, "repeated": 0, "unknown": []}
        batch: list[Json] = []
        for label in labels:
            batch.append(label.as_json() if isinstance(label, (Label, PredictionLabel)) else dict(label))
            if len(batch) == LABELS_PER_REQUEST:
                self._send(endpoint, batch, total)
                batch = []
        if batch:
            self._send(endpoint, batch, total)
        return total

    def _send(self, endpoint: str, batch: list[Json], total: dict[str, Json]) -> None:
        path = path_of("/api/v1/endpoints/{endpoint}/labels", endpoint=endpoint)
        for name, count in self.http.call("POST", path, {"labels": batch}).items():
            total[name] += count

    def send_file(self, endpoint: str, file: str | Path) -> Json:
        """Send a file of labels, of any length; gives the same numbers and ``unknownCount``.

        Parameters
        ----------
        file
            ``.csv`` with the columns entity (or prediction and row), value, knownAt; else a JSON object a line.
        """
        path = Path(file)
        kind = "text/csv" if path.suffix.lower() == ".csv" else "application/x-ndjson"
        return self.http.upload(path_of("/api/v1/endpoints/{endpoint}/labels/file", endpoint=endpoint), path, kind)

    def history(self, endpoint: str, entity: str) -> list[Json]:
        """Give every value ever given for a thing, in the order in which they came."""
        path = path_of("/api/v1/endpoints/{endpoint}/labels/{entity}", endpoint=endpoint, entity=entity)
        return list(self.http.call("GET", path)["values"])


@dataclass(frozen=True)
class Batch:
    """Batch predictions: a dataset version or a file in, a dataset version out."""

    http: Http

    def predict(
        self,
        model: str,
        *,
        out: str,
        dataset: str | None = None,
        dataset_version: int | None = None,
        file: str | Path | None = None,
        version: int | None = None,
        alias: str | None = None,
    ) -> Json:
        """Ask for a batch prediction; gives it as it begins. The champion predicts unless a version or an alias is said.

        Parameters
        ----------
        out
            Dataset that the result becomes a version of.
        dataset, file
            What to predict, one of them: a dataset (its latest version unless said), or a ``.parquet``, ``.csv`` or ``.ndjson`` file.
        """
        if (dataset is None) == (file is None):
            raise ValueError("Say dataset or file, one of them.")
        data: dict[str, Json]
        if file is None:
            data = {"dataset": dataset} | ({} if dataset_version is None else {"version": dataset_version})
        else:
            path = Path(file)
            form = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}.get(path.suffix.lower())
            if form is None:
                raise ValueError(f"{path.name} ends in none of .parquet, .csv, .ndjson, .jsonl.")
            sent = self.http.upload("/api/v1/batch-files", path, "application/octet-stream")
            data = {"file": sent["digest"], "format": form}
        which = {} if version is None else {"version": version}
        named = {} if alias is None else {"alias": alias}
        return self.http.call("POST", "/api/v1/batch-predictions", {"model": model, "data": data, "out": out} | which | named)

    def get(self, batch: str) -> Json:
        """Give a batch prediction: its state, rows done, and seconds left."""
        return self.http.call("GET", path_of("/api/v1/batch-predictions/{batch}", batch=batch))

    def wait(self, batch: str, poll_seconds: float = 0.5) -> Json:
        """Wait for its end; gives it then, whether it is ``done``, ``failed`` (see ``problem``) or ``cancelled``."""
        while True:
            view = self.get(batch)
            if view["finishedAt"] is not None:
                return view
            time.sleep(poll_seconds)

    def cancel(self, batch: str) -> Json:
        """End it; nothing of it becomes a dataset version."""
        return self.http.call("POST", path_of("/api/v1/batch-predictions/{batch}/cancel", batch=batch))


@dataclass(frozen=True)
class Explanation:
    """A prediction as a sum: ``base`` and every contribution make ``prediction``.

    Parameters
    ----------
    output
        The class whose probability is explained; None for a predicted number.
    base
        What the model predicts on average of the real rows that this one is compared with.
    contributions
        What each column's value adds, the strongest first.

    Examples
    --------
    >>> reply = {"output": None, "prediction": 7.1, "base": 6.0, "version": "films/3"}
    >>> found = Explanation.of({**reply, "contributions": [{"column": "budget", "value": 20, "contribution": 1.1}]})
    >>> found.contributions, round(found.base + sum(found.contributions.values()), 6) == found.prediction
    ({'budget': 1.1}, True)
    """

    version: str
    output: str | None
    prediction: float
    base: float
    contributions: Mapping[str, float]

    @classmethod
    def of(cls, reply: Json) -> Explanation:
        """Read what the server answers."""
        added = {each["column"]: each["contribution"] for each in reply["contributions"]}
        return cls(reply["version"], reply["output"], reply["prediction"], reply["base"], added)


@dataclass(frozen=True)
class Pipelines:
    """Pipelines and their runs."""

    http: Http

    def apply(self, definition: Mapping[str, Json], folder: str | Path) -> Json:
        """Register a pipeline with the code in its folder: a new version when anything differs from the latest.

        Parameters
        ----------
        definition
            What ``pipeline.yaml`` says, parsed. Its ``lock`` is a path below ``folder``.
        folder
            Its ``.py`` files are sent, with the Git commit and the uncommitted patch of the folder.
        """
        root = Path(folder)
        lock = definition.get("lock")
        body = {
            "definition": dict(definition),
            "files": code_files(root),
            "lock": (root / lock).read_text(encoding="utf-8") if lock else None,
            **git_state(root),
        }
        return self.http.call("PUT", path_of("/api/v1/pipelines/{name}", name=definition["name"]), body)

    def run(self, name: str, parameters: Mapping[str, Json] | None = None) -> Json:
        """Start a run of the latest version; gives the run, which has just begun."""
        body = {"parameters": dict(parameters or {})}
        return self.http.call("POST", path_of("/api/v1/pipelines/{name}/runs", name=name), body)

    def get_run(self, run: str) -> Json:
        """Give a run with its steps. It has ended when its state is in ``tidemark.client.ENDED``."""
        return self.http.call("GET", path_of("/api/v1/pipeline-runs/{run}", run=run))


def code_files(root: Path) -> list[dict[str, str]]:
    """The Python files below a folder, as the API takes them."""
    files: list[dict[str, str]] = []
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if SKIPPED.isdisjoint(inside.parts):
            content = path.read_bytes()
            try:
                files.append({"path": inside.as_posix(), "text": content.decode("utf-8")})
            except UnicodeDecodeError:
                files.append({"path": inside.as_posix(), "base64": base64.b64encode(content).decode()})
    return files


def git_state(folder: Path) -> dict[str, str | None]:
    """The commit of a folder and the patch of what is not committed in it; nulls where there is no Git."""
    commit = _git(folder, "rev-parse", "HEAD")
    patch = _git(folder, "diff", "HEAD", "--", ".") if commit else None
    return {"gitCommit": commit.strip() if commit else None, "gitPatch": patch or None}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        ended = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout if ended.returncode == 0 else None


class Client:
    """A connection to a platform.

    Parameters
    ----------
    url
        ``TIDEMARK_URL`` unless given, else ``http://127.0.0.1:5000``.
    token
        ``TIDEMARK_TOKEN`` unless given; none on a platform that listens on loopback only.

    Examples
    --------
    >>> Client("http://127.0.0.1:1").datasets.latest("films")
    Traceback (most recent call last):
    tidemark.transport.ApiError: UNREACHABLE: Nothing answers at http://127.0.0.1:1 ...
    """

    def __init__(self, url: str | None = None, token: str | None = None, timeout_seconds: float = 60) -> None:
        address = url or os.environ.get("TIDEMARK_URL") or "http://127.0.0.1:5000"
        http = Http(address, token or os.environ.get("TIDEMARK_TOKEN"), timeout_seconds)
        self.http = http
        self.addresses: dict[str, str] = {}
        self.datasets = Datasets(http)
        self.labels = Labels(http)
        self.batch = Batch(http)
        self.pipelines = Pipelines(http)

    def explain(self, prediction_id: str, row: int = 0) -> Explanation:
        """Explain a prediction of the log: what each column of its input added to it.

        Parameters
        ----------
        prediction_id
            Of an answer, as ``tidemark.predict`` and the header ``tidemark-prediction-id`` give it.
        row
            Which of the request's rows, from 0.

        Raises
        ------
        ApiError
            ``PREDICTION_NOT_FOUND``; ``VERSION_NOT_EXPLAINABLE`` for a model that gives no numbers; others that say what to do.
        """
        reply = self.http.call("POST", path_of("/api/v1/predictions/{id}/explanation", id=prediction_id), {"row": row})
        return Explanation.of(reply)
