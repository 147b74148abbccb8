"""A network of Keras or PyTorch which is to be converted: it takes tensors, or a table as one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.converted import Converted
from tidemark_worker.conversion.edges import EDGE_BASES, RANDOM_ROWS
from tidemark_worker.conversion.subject import Compared, Subject
from tidemark_worker.conversion.tensors import Tensor, tensors_of
from tidemark_worker.rows import Column, columns_of, evenly_spaced
from tidemark_worker.samples import MOST_ROWS

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from mlflow.pyfunc import PyFuncModel

# Values in all rows that are compared, and in one: they are compared as JSON.
MOST_VALUES = 500_000
MOST_VALUES_OF_A_ROW = 20_000
FEWEST_RANDOM_ROWS = 20
MOST_VARIED = 16
# Rows that one varied cell comes to, about.
ROWS_OF_A_CELL = 60
ONNX_TYPES = {"f": "float32", "b": "float32", "i": "int64", "u": "int64"}


@dataclass(frozen=True)
class Network(Subject):
    """A network and how it answers.

    Attributes
    ----------
    tensors
        What its signature takes; a single one without a name for a table, which goes into it as one matrix.
    example
        The input example by tensor; None where the signature is a table's.
    """

    tensors: list[Tensor]
    example: dict[str, Any] | None

    @property
    def varied(self) -> list[Column]:
        most = min(MOST_VARIED, MOST_VALUES // (ROWS_OF_A_CELL * len(self.columns)))
        return self.columns if self.example is None else evenly_spaced(self.columns, max(2, most))

    @property
    def random_rows(self) -> int:
        return max(FEWEST_RANDOM_ROWS, min(RANDOM_ROWS, MOST_VALUES // (2 * len(self.columns))))

    @cached_property
    def by_probability(self) -> bool:
        return _library(self.flavor).ends_in_probabilities(self.native)

    def asked(self, rows: list[dict[str, Any]]) -> Any:
        if self.example is None:
            return super().asked(rows)
        arrays = {tensor.name: tensor.array(rows) for tensor in self.tensors}
        return arrays[""] if list(arrays) == [""] else arrays

    def record(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.example is None:
            return row
        return {tensor.name: _without_nan(tensor.array([row])[0].tolist()) for tensor in self.tensors}

    def example_rows(self, folder: str) -> list[dict[str, Any]]:
        if self.example is None:
            return super().example_rows(folder)
        parts = [tensor.rows(self.example[tensor.name]) for tensor in self.tensors]
        rows = [{name: value for part in row for name, value in part.items()} for row in zip(*parts, strict=True)]
        known = [{name: _without_nan(value) for name, value in row.items()} for row in rows]
        return evenly_spaced(known, max(EDGE_BASES, min(MOST_ROWS, MOST_VALUES // (2 * len(self.columns)))))

    def sample_rows(self, sample_file: str | None) -> list[dict[str, Any]]:
        # A sample is a table: what of it would go into which tensor, only the training's code knows.
        return super().sample_rows(sample_file) if self.example is None else []

    def inputs_without_gaps(self, refusing: set[str]) -> set[str]:
        if self.example is None:
            return refusing
        varied = {column.name for column in self.varied}
        without = set()
        for tensor in self.tensors:
            own = {cell.name for cell in tensor.cells if cell.gaps} & varied
            if own and own <= refusing:
                without.add(tensor.name)
        return without

    def scores(self, rows: list[dict[str, Any]]) -> np.ndarray:
        import numpy as np

        asked = self.asked(rows)
        values = _library(self.flavor).numbers_of(self.native, asked if self.example is not None else asked.to_numpy(dtype="float32"))
        return np.asarray(values, dtype="float64").reshape(len(rows), -1)

    def answers(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # A call of ``predict`` costs as much as hundreds of its rows: what the network itself refuses is not asked there alone.
        refused = self._refused(rows, 0)
        results = iter(super().answers([row for place, row in enumerate(rows) if place not in refused]))
        return [{"error": refused[place]} if place in refused else next(results) for place in range(len(rows))]

    def _refused(self, rows: list[dict[str, Any]], first: int) -> dict[int, str]:
        """What the network raises of rows by their places, which begin with the first: halved until each that raises is alone."""
        try:
            self.scores(rows)
        except Exception as error:  # whatever it raises is an answer about that row
            if len(rows) == 1:
                return {first: f"{type(error).__name__}: {error}"}
            half = len(rows) // 2
            return self._refused(rows[:half], first) | self._refused(rows[half:], first + half)
        return {}

    def compared(self, answers: list[Any]) -> Compared:
        return "probabilities" if self.by_probability else "numbers"

    def convert(self) -> Converted:
        names = [f"input_{place}" for place in range(len(self.tensors))]
        types = [ONNX_TYPES[tensor.dtype.kind] for tensor in self.tensors]
        model = _library(self.flavor).onnx_of(self.native, self.tensors, dict(zip(names, types, strict=True)))
        outputs = [output.name for output in model.graph.output]
        if len(outputs) > 1:
            raise ValueError(f"It has {len(outputs)} outputs: what converts has one.")
        if self.example is None:
            inputs: list[dict[str, Any]] = [{"column": column.name, "tensor": names[0], "type": "float32"} for column in self.columns]
        else:
            given = zip(self.tensors, names, types, strict=True)
            inputs = [{"column": tensor.name, "tensor": name, "type": kind, "shape": list(tensor.shape)} for tensor, name, kind in given]
        return Converted(model, inputs, outputs[0], None)


def network_of(pyfunc: PyFuncModel, flavor: str, folder: str) -> Network:
    """The network inside a loaded model.

    Raises
    ------
    ValueError
        It is none, its signature is of texts, or a row of it is too large to be compared.
    """
    native = pyfunc.get_raw_model()
    _library(flavor).require(native)
    schema = pyfunc.metadata.get_input_schema()
    if schema is not None and schema.is_tensor_spec():
        example = _example_of(folder)
        tensors = tensors_of(schema, example)
        columns = [cell for tensor in tensors for cell in tensor.cells]
        if len(columns) > MOST_VALUES_OF_A_ROW:
            raise ValueError(f"A row has {len(columns)} values, and rows are compared up to {MOST_VALUES_OF_A_ROW}.")
        return Network(pyfunc, native, flavor, columns, tensors, example)
    columns = columns_of(pyfunc)
    texts = [column.name for column in columns if column.kind == "string"]
    if texts:
        raise ValueError(f"It takes texts ({texts[0]}), and a network's table is one matrix of numbers.")
    return Network(pyfunc, native, flavor, columns, [_matrix(len(columns))], None)


def _matrix(width: int) -> Tensor:
    import numpy as np

    return Tensor("", np.dtype("float32"), (width,), (width,))


def _example_of(folder: str) -> dict[str, Any]:
    from mlflow.models import Model

    example: Any = Model.load(f"{folder}/MLmodel").load_input_example(folder)
    if example is None:
        raise ValueError("There are no rows to compare the runtimes on: log the model with an input example.")
    return example if isinstance(example, dict) else {"": example}


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value


def _library(flavor: str) -> ModuleType:
    """How a library's networks are exported and asked."""
    from tidemark_worker.conversion import keras_network, torch_network

    return torch_network if flavor == "pytorch" else keras_network
