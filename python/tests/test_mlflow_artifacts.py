"""Artifacts through the unmodified MLflow client: ``TIDEMARK_URL=http://127.0.0.1:5000 pytest test_mlflow_artifacts.py``."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

mlflow = pytest.importorskip("mlflow", reason="needs the MLflow client of locks/test.txt")

from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: E402
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository  # noqa: E402

if TYPE_CHECKING:
    from mlflow import MlflowClient


def big_file(folder: Path, size: int) -> Path:
    path = folder / "big model.bin"
    path.write_bytes(random.Random(7).randbytes(size))
    return path


def digest_of(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def parts_sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Parts of a megabyte for files of more than one; collects the sizes of those that the client sent."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(1 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(1 << 20))
    sizes: list[int] = []
    send = HttpArtifactRepository._upload_part

    def noting(credential, local_file, size, start_byte):
        sizes.append(size)
        return send(credential, local_file, size, start_byte)

    monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(noting))
    return sizes


@pytest.mark.parametrize("asked", ["by the client", "by what the server says of itself"])
def test_a_large_file_goes_up_in_parts_and_comes_back_whole(
    client: MlflowClient, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts_sent: list[int], asked: str
) -> None:
    if asked == "by the client":
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    path = big_file(tmp_path, 5 * (1 << 20) + 17)
    run = client.create_run(experiment).info.run_id
    client.log_artifact(run, str(path), "deep/folder")
    assert len(parts_sent) == 6
    assert [(f.path, f.file_size) for f in client.list_artifacts(run, "deep/folder")] == [("deep/folder/big model.bin", path.stat().st_size)]
    assert digest_of(client.download_artifacts(run, "deep/folder/big model.bin", str(tmp_path))) == digest_of(path)


def test_a_forced_download_in_parts_falls_back_to_the_proxy(
    client: MlflowClient, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = big_file(tmp_path, 100_000)
    run = client.create_run(experiment).info.run_id
    client.log_artifact(run, str(path))
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    (tmp_path / "down").mkdir()
    assert digest_of(client.download_artifacts(run, path.name, str(tmp_path / "down"))) == digest_of(path)


def test_files_of_a_version_are_replaced_neither_whole_nor_in_parts_nor_deleted(
    client: MlflowClient, experiment: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts_sent: list[int]
) -> None:
    run = client.create_run(experiment).info.run_id
    path = big_file(tmp_path, 2 * (1 << 20))
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
    client.log_artifact(run, str(path), "model")
    client.log_text(run, "flavors: {}", "model/MLmodel")
    client.create_registered_model(name)
    client.create_model_version(name, f"runs:/{run}/model", run)
    before = digest_of(path)
    path.write_bytes(b"other" * (1 << 19))
    with pytest.raises(Exception, match=r"409|never change"):
        client.log_artifact(run, str(path), "model")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    with pytest.raises(Exception, match=r"409|never change"):
        client.log_artifact(run, str(path), "model")
    assert parts_sent == []
    repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
    for target in ["model/big model.bin", "model", None]:
        with pytest.raises(Exception, match=r"409|never change"):
            repository.delete_artifacts(target)
    assert digest_of(mlflow.artifacts.download_artifacts(f"models:/{name}/1/big model.bin", dst_path=str(tmp_path / "down"))) == before


def test_artifacts_are_overwritten_and_deleted_file_by_file_and_folder_by_folder(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
    for path in ["a.txt", "d/b.txt", "d/deep/c.txt", "d2/e.txt"]:
        client.log_text(run, "first", path)
    client.log_text(run, "second", "a.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run}/a.txt") == "second"
    repository.delete_artifacts("d/b.txt")
    assert [f.path for f in client.list_artifacts(run, "d")] == ["d/deep"]
    repository.delete_artifacts("d")
    assert [f.path for f in client.list_artifacts(run)] == ["a.txt", "d2"]
    repository.delete_artifacts()
    assert client.list_artifacts(run) == []


def test_names_of_all_kinds_and_empty_files_come_back(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    names = ["100% wool.txt", "a+b & c=d.txt", "Grüße \u4f60\u597d.txt", "deep/er/a;b.txt", "..hidden", "empty"]
    for at, name in enumerate(names):
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_text("" if name == "empty" else f"content {at}")
    run = client.create_run(experiment).info.run_id
    client.log_artifacts(run, str(tmp_path / "up"), "all")
    (tmp_path / "down").mkdir()
    local = Path(client.download_artifacts(run, "all", str(tmp_path / "down")))
    assert {str(p.relative_to(local)): p.read_text() for p in local.rglob("*") if p.is_file()} == {
        str(p.relative_to(tmp_path / "up")): p.read_text() for p in (tmp_path / "up").rglob("*") if p.is_file()
    }


def test_an_experiment_whose_place_is_the_clients_is_written_by_the_client(client: MlflowClient, name: str, tmp_path: Path) -> None:
    experiment = client.create_experiment(name, artifact_location=(tmp_path / "place").as_uri())
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "hello", "docs/a.txt")
    assert (tmp_path / "place" / run / "artifacts" / "docs" / "a.txt").read_text() == "hello"
    assert [f.path for f in client.list_artifacts(run, "docs")] == ["docs/a.txt"]
    assert Path(client.download_artifacts(run, "docs/a.txt")).read_text() == "hello"
    client.create_registered_model(name)
    version = client.create_model_version(name, f"runs:/{run}/docs", run).version
    local = mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=str(tmp_path / "down"))
    assert (Path(local) / "a.txt").read_text() == "hello"


@pytest.mark.parametrize("location", ["http://127.0.0.1/x", "mlflow-artifacts://elsewhere/x", "ftp://127.0.0.1/x", "s3://b/a#c", "runs:/a/b"])
def test_a_place_that_names_a_host_is_refused_as_mlflow_refuses_it(client: MlflowClient, name: str, location: str) -> None:
    with pytest.raises(MlflowException) as refused:
        client.create_experiment(name, artifact_location=location)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
