"""What tests of the unmodified MLflow client share: a running platform at ``TIDEMARK_URL``, and an experiment of their own on it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient


@pytest.fixture
def url() -> str:
    """Address of the running platform; without one the test is skipped."""
    return os.environ.get("TIDEMARK_URL") or pytest.skip("TIDEMARK_URL names no running platform")


@pytest.fixture
def client(url: str) -> MlflowClient:
    import mlflow

    mlflow.set_tracking_uri(url)
    return mlflow.MlflowClient(url)


@pytest.fixture
def name() -> str:
    """A name that nothing else on the platform has, nor begins with."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def experiment(client: MlflowClient, name: str) -> Iterator[str]:
    """Identifier of an empty experiment, which is the active one."""
    import mlflow

    yield mlflow.set_experiment(f"{name}-experiment").experiment_id
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.sklearn.autolog(disable=True)
