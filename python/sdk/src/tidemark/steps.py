"""Steps of a pipeline: functions that take a :class:`Context`."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import mlflow
    import pandas as pd

Value = str | int | float | bool | None
Step = TypeVar("Step", bound="Callable[[Context], Mapping[str, Value] | None]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def step(function: Step) -> Step:
    """Mark a function as a step of a pipeline. It takes a Context and returns a dict of values, or nothing.

    Examples
    --------
    >>> @step
    ... def count(ctx: Context) -> dict[str, int]:
    ...     return {"answer": 42}
    >>> count.__tidemark_step__
    True
    """
    function.__tidemark_step__ = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Context:
    """What a step knows and where it leaves its results.

    Parameters
    ----------
    work_dir
        The step's own folder. What it writes elsewhere is lost.
    inputs
        The outputs of earlier steps and the dataset, by the names in the pipeline's definition.
    params
        The run's parameters.
    seed
        Python's and numpy's generators are seeded with it already; give it to whatever has its own.

    Examples
    --------
    >>> import tempfile
    >>> ctx = Context(Path(tempfile.mkdtemp()), inputs={}, params={"asOf": "2000-01"}, seed=7)
    >>> ctx.value("rmse", 1.05)
    >>> path = ctx.output_path("notes.txt")
    >>> _ = path.write_text("done")
    >>> ctx.params["asOf"], ctx.values, {name: str(path) for name, path in ctx.outputs.items()}
    ('2000-01', {'rmse': 1.05}, {'notes': 'outputs/notes.txt'})
    """

    work_dir: Path
    inputs: Mapping[str, Path]
    params: Mapping[str, Value]
    seed: int
    outputs: dict[str, Path] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def input(self, name: str) -> pd.DataFrame:
        """Read an input as a frame: Parquet, or the platform's JSON lines.

        Raises
        ------
        KeyError
            The pipeline gives this step no such input.
        """
        path = self.input_path(name)
        import pandas as pd

        if path.suffix in (".ndjson", ".jsonl"):
            with open(path, encoding="utf-8") as lines:
                return pd.DataFrame([json.loads(line) for line in lines if line.strip()])
        if path.is_dir():
            return pd.concat([pd.read_parquet(part) for part in sorted(path.glob("*.parquet"))], ignore_index=True)
        return pd.read_parquet(path)

    def input_path(self, name: str) -> Path:
        """Where an input lies."""
        if name not in self.inputs:
            known = ", ".join(sorted(self.inputs)) or "none"
            raise KeyError(f"This step has no input {name!r}. Its inputs: {known}. Name it under `inputs` in pipeline.yaml.")
        return self.inputs[name]

    def output(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a frame as the output of this name, as Parquet."""
        path = self.output_path(f"{name}.parquet")
        frame.to_parquet(path, index=False)
        return path

    def output_path(self, file_name: str) -> Path:
        """The path at which to write an output that is no frame. Its name is the file's without the ending."""
        if not _NAME.fullmatch(file_name):
            raise ValueError(f"{file_name!r} is no plain file name.")
        path = Path("outputs") / file_name
        (self.work_dir / "outputs").mkdir(parents=True, exist_ok=True)
        self.outputs[file_name.rsplit(".", 1)[0]] = path
        return self.work_dir / path

    def input_json(self, name: str) -> Any:
        """Read an input that an earlier step wrote with output_json."""
        return json.loads(self.input_path(name).read_text(encoding="utf-8"))

    def output_json(self, name: str, value: Any) -> Path:
        """Write something small that later steps read, as JSON."""
        path = self.output_path(f"{name}.json")
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        return path

    def value(self, name: str, value: Value) -> None:
        """Leave a small value, such as a metric, for the platform to show. Later steps read outputs, not values."""
        if not isinstance(value, str | int | float | bool) and value is not None:
            raise TypeError(
                f"Value {name!r} is {type(value).__name__}: a value is text, a number, true, false or nothing. Write frames with output()."
            )
        self.values[name] = value

    def log(self, message: str) -> None:
        """Say a line. It is seen at once in the run's log."""
        print(message, flush=True)

    @contextmanager
    def start_run(self, experiment: str, run_id: str | None = None) -> Iterator[mlflow.ActiveRun]:
        """Open an MLflow run that says where it comes from: parameters, seed, data, code, environment and uncommitted patch.

        In a pipeline that is the pipeline run's own MLflow run; elsewhere a new one in ``experiment``.

        Parameters
        ----------
        run_id
            Go on with this run, as a later step does; it says already where it comes from.
        """
        import mlflow

        if run_id is not None:
            os.environ.pop("MLFLOW_RUN_ID", None)
        elif "MLFLOW_RUN_ID" not in os.environ:
            mlflow.set_experiment(experiment)
        with mlflow.start_run(run_id=run_id) as run:
            if run_id is None:
                mlflow.set_tags(provenance(os.environ, self.seed))
                mlflow.log_params({**self.params, "seed": self.seed})
                patch = os.environ.get("TIDEMARK_GIT_PATCH", "")
                if patch:
                    mlflow.log_text(patch, "source/uncommitted.patch")
            yield run


_TAGS = {
    "TIDEMARK_PIPELINE_RUN": "tidemark.pipeline_run",
    "TIDEMARK_DATASET_VERSION": "tidemark.dataset_version",
    "TIDEMARK_GIT_COMMIT": "mlflow.source.git.commit",
    "TIDEMARK_LOCK_HASH": "tidemark.lock",
}


def provenance(environment: Mapping[str, str], seed: int) -> dict[str, str]:
    """The tags that tie a run to its pipeline run, data, code, environment and seed.

    Examples
    --------
    >>> provenance({"TIDEMARK_DATASET_VERSION": "films/3", "HOME": "/"}, seed=7)
    {'tidemark.dataset_version': 'films/3', 'tidemark.seed': '7', 'tidemark.uncommitted': 'false'}
    """
    tags = {tag: environment[name] for name, tag in _TAGS.items() if environment.get(name)}
    uncommitted = "true" if environment.get("TIDEMARK_GIT_PATCH") else "false"
    return {**tags, "tidemark.seed": str(seed), "tidemark.uncommitted": uncommitted}
