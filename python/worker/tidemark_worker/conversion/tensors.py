"""Tensors of a signature as the cells of a row, so that what varies columns varies them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidemark_worker.rows import INTEGERS, Column

if TYPE_CHECKING:
    import numpy as np
    from mlflow.types import Schema

# By numpy's names; what has none has no ONNX tensor here.
TYPES = {"float32": "float", "float64": "double", "int64": "long", "int32": "integer", "bool": "boolean"}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a signature.

    Attributes
    ----------
    name
        ``""`` for the only one of a model, without a name.
    sizes
        Of a row's part, as the signature has them: None for any.
    shape
        Of a row's part, as the input example has it.
    """

    name: str
    dtype: np.dtype[Any]
    sizes: tuple[int | None, ...]
    shape: tuple[int, ...]

    @cached_property
    def cells(self) -> list[Column]:
        """A column for each value of a row's part.

        Examples
        --------
        >>> import numpy as np
        >>> [cell.name for cell in Tensor("point", np.dtype("float32"), (2,), (2,)).cells]
        ['point[0]', 'point[1]']
        """
        import numpy as np

        kind = self.dtype.name if self.dtype.name in INTEGERS else TYPES[self.dtype.name]
        gaps = self.dtype.kind == "f"
        return [Column(f"{self.name}[{', '.join(map(str, place))}]", kind, True, gaps) for place in np.ndindex(self.shape)]

    def array(self, rows: list[dict[str, Any]]) -> np.ndarray:
        """The tensor of some rows of cells; a gap is NaN."""
        import numpy as np

        names = [cell.name for cell in self.cells]
        flat = [[row[name] for name in names] for row in rows]
        return np.array(flat, dtype="float64" if self.dtype.kind == "f" else self.dtype).astype(self.dtype).reshape(len(rows), *self.shape)

    def rows(self, array: Any) -> list[dict[str, Any]]:
        """The cells of an array's rows."""
        import numpy as np

        names = [cell.name for cell in self.cells]
        flat = np.asarray(array, dtype=self.dtype).reshape(len(array), -1).tolist()
        return [dict(zip(names, cells, strict=True)) for cells in flat]


def tensors_of(schema: Schema, example: dict[str, Any]) -> list[Tensor]:
    """The tensors of a signature, with the sizes that an example has where they are left open.

    Raises
    ------
    ValueError
        One is of a type without a counterpart, does not count rows first, or is missing in the example.
    """
    import numpy as np

    found = []
    specs: list[Any] = schema.inputs
    for spec in specs:
        name = spec.name or ""
        called = f'its tensor "{name}"' if name else "its tensor"
        if spec.type.name not in TYPES and spec.type.name not in INTEGERS:
            raise ValueError(f"In ONNX here {called} of {spec.type.name} has no counterpart.")
        rows, *sizes = spec.shape or (None,)
        if rows != -1:
            raise ValueError(f"The first dimension of {called} does not count rows.")
        if name not in example:
            raise ValueError(f"The input example lacks {called}.")
        given = np.asarray(example[name]).shape[1:]
        if len(given) != len(sizes) or any(size not in (-1, own) for size, own in zip(sizes, given, strict=True)):
            raise ValueError(f"The input example has not the shape of {called}.")
        found.append(Tensor(name, spec.type, tuple(None if size == -1 else size for size in sizes), given))
    return found
