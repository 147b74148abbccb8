"""Frames between the platform and a served model (packages/workers/src/frames.ts).

``[u32 header bytes][u32 block bytes][header][blocks]``, little endian: the header is JSON, the blocks are float64.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from tidemark_worker.questions import Question

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from numpy.typing import NDArray

PREFIX = struct.Struct("<II")
# Beyond it a float64 skips whole numbers.
LARGEST_WHOLE = 2**53


def read_frame(connection: socket.socket) -> tuple[Any, NDArray[Any]] | None:
    """The header and blocks of the next frame; None when the other side has closed."""
    import numpy as np

    prefix = _read(connection, PREFIX.size)
    if prefix is None:
        return None
    header_bytes, block_bytes = PREFIX.unpack(prefix)
    header, blocks = _read(connection, header_bytes), _read(connection, block_bytes)
    if header is None or blocks is None:
        return None
    return json.loads(header), np.frombuffer(blocks, dtype="<f8")


def _read(connection: socket.socket, size: int) -> bytearray | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        read = connection.recv_into(view)
        if read == 0:
            return None
        view = view[read:]
    return buffer


def write_frame(connection: socket.socket, header: Any, blocks: list[NDArray[Any]]) -> None:
    """Send a header and its blocks."""
    head = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    body = b"".join(block.astype("<f8", copy=False).tobytes() for block in blocks)
    connection.sendall(PREFIX.pack(len(head), len(body)) + head + body)


def groups_of(header: Any, blocks: NDArray[Any]) -> Iterator[list[Question]]:
    """The questions of each group: they go with each other, and their rows lie side by side."""
    for group in header["groups"]:
        rows = sum(group["counts"])
        data = [_column(cells, rows, blocks) for cells in group["cells"]]
        questions = []
        start = 0
        for count in group["counts"]:
            questions.append(
                Question(group["kind"], tuple(group["columns"]), [column[start : start + count] for column in data], count, group["params"])
            )
            start += count
        yield questions


def _column(cells: dict[str, Any], rows: int, blocks: NDArray[Any]) -> Any:
    if "json" in cells:
        return cells["json"]
    shape = (rows, *cells["shape"])
    size = rows
    for dimension in cells["shape"]:
        size *= dimension
    numbers = blocks[cells["at"] : cells["at"] + size].reshape(shape)
    return numbers.astype("int64") if cells["whole"] else numbers


class Packed:
    """Answers of one batch: numbers go into blocks, all else into the header."""

    def __init__(self) -> None:
        self.blocks: list[NDArray[Any]] = []
        self._used = 0

    def answer(self, values: Any, form: str, questions: int) -> dict[str, Any]:
        """One answer to so many questions."""
        import numpy as np

        if not isinstance(values, np.ndarray):
            return {"for": questions, "form": form, "values": values}
        if values.dtype.kind in "iu" and values.size > 0 and np.abs(values).max() > LARGEST_WHOLE:
            return {"for": questions, "form": form, "values": values.tolist()}
        self.blocks.append(values)
        at = self._used
        self._used += values.size
        return {"for": questions, "form": form, "at": at, "shape": values.shape}
