"""A model that is to be converted: as MLflow serves it, and as its own library knows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tidemark_worker.answers import answers_by_row
from tidemark_worker.conversion.edges import RANDOM_ROWS
from tidemark_worker.models import ESTIMATOR_FLAVORS, NETWORK_FLAVORS, estimator_flavor, flavors_of, load, network_flavor
from tidemark_worker.rows import Column, frame_of, lacking, settled
from tidemark_worker.samples import example_rows, sample_rows

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

    from tidemark_worker.conversion.converted import Converted

    Row = dict[str, Any]

Compared = Literal["numbers", "probabilities", "labels"]


@dataclass(frozen=True)
class Subject(ABC):
    """A model and how it answers.

    Attributes
    ----------
    pyfunc
        What MLflow serves: its answers are what a conversion must give.
    native
        The estimator or the network inside it.
    flavor
        MLflow's name of the library that it was logged with.
    columns
        What a row has: the columns of a table.
    """

    pyfunc: PyFuncModel
    native: Any
    flavor: str
    columns: list[Column]

    @abstractmethod
    def convert(self) -> Converted:
        """The model as ONNX.

        Raises
        ------
        ValueError
            There is no converter for it.
        """

    @abstractmethod
    def scores(self, rows: list[Row]) -> np.ndarray | None:
        """What decides the answers, finer than the answers themselves, one line a row; None when the model gives nothing finer than labels."""

    @abstractmethod
    def compared(self, answers: list[Any]) -> Compared:
        """What its answers are compared by."""

    @property
    @abstractmethod
    def by_probability(self) -> bool:
        """Whether probabilities decide its answers."""

    @property
    def varied(self) -> list[Column]:
        """The columns that are varied one by one."""
        return self.columns

    @property
    def random_rows(self) -> int:
        """How many rows are made at random."""
        return RANDOM_ROWS

    def asked(self, rows: list[Row]) -> Any:
        """What ``predict`` takes for some rows."""
        return frame_of(rows, self.columns)

    def record(self, row: Row) -> Row:
        """A row as callers send it, by the names of the signature."""
        return row

    def answers(self, rows: list[Row]) -> list[dict[str, Any]]:
        """One ``{"prediction": …}`` or ``{"error": …}`` a row, as it is served."""
        # Asked alone since another raised, a row has the gap that it had beside it.
        own = replace(self, columns=settled(self.columns, lacking(self.columns, rows)))
        return answers_by_row(lambda some: self.pyfunc.predict(own.asked(some)), rows)

    def example_rows(self, folder: str) -> list[Row]:
        """Rows of the input example that the model was logged with."""
        return example_rows(folder, self.columns)

    def sample_rows(self, sample_file: str | None) -> list[Row]:
        """Rows of a sample of its training; none without one."""
        return sample_rows(sample_file, self.columns)

    def inputs_without_gaps(self, refusing: set[str]) -> set[str]:
        """The inputs of the signature that take no gap, of the columns that take none."""
        return refusing


def subject_of(folder: str) -> Subject:
    """Load a model of one of the libraries that have a converter.

    Raises
    ------
    ValueError
        It was logged with another library, or its signature is of a kind that is not converted.
    """
    # Here, because either kind is one of these.
    from tidemark_worker.conversion.estimator import estimator_of
    from tidemark_worker.conversion.network import network_of

    flavors = flavors_of(folder)
    estimator, network = estimator_flavor(flavors), network_flavor(flavors)
    if estimator is not None:
        return estimator_of(load(folder), estimator)
    if network is not None:
        return network_of(load(folder), network, folder)
    own = ", ".join(name for name in flavors if name != "python_function") or "a Python function of its own"
    raise ValueError(f"It was logged with {own}: what converts are models of {', '.join((*ESTIMATOR_FLAVORS, *NETWORK_FLAVORS))}.")
