"""Whole lines out of pipes that deliver pieces of them."""

from __future__ import annotations

import json
import math
import os
from typing import Any

READ_BYTES = 1 << 16


class LineReader:
    """Reads a descriptor that is ready and gives the lines that are complete.

    Examples
    --------
    >>> reading, writing = os.pipe()
    >>> lines = LineReader(reading)
    >>> _ = os.write(writing, b"one\\ntw")
    >>> lines.read(), lines.ended
    ([b'one'], False)
    >>> _ = os.write(writing, b"o\\nlast"); os.close(writing)
    >>> lines.read(), lines.read(), lines.ended
    ([b'two'], [b'last'], True)
    """

    def __init__(self, fd: int, longest_bytes: int = 1 << 30) -> None:
        self.fd = fd
        self.ended = False
        self._longest_bytes = longest_bytes
        self._pieces: list[bytes] = []
        self._bytes = 0

    def read(self) -> list[bytes]:
        """Read once. A line that outgrows the longest is cut there; what is left when the writer closes counts as a line."""
        piece = os.read(self.fd, READ_BYTES)
        if piece == b"":
            self.ended = True
            return [b"".join(self._take())] if self._pieces else []
        if b"\n" not in piece:
            self._pieces.append(piece)
            self._bytes += len(piece)
            return [b"".join(self._take())] if self._bytes > self._longest_bytes else []
        *lines, rest = b"".join([*self._take(), piece]).split(b"\n")
        if rest:
            self._pieces, self._bytes = [rest], len(rest)
        return lines

    def _take(self) -> list[bytes]:
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        return pieces


def json_line(value: Any) -> bytes:
    """One line of JSON that any parser reads: NaN and infinities, which JSON lacks, become null.

    Examples
    --------
    >>> json_line({"rmse": float("nan"), "rows": 3})
    b'{"rmse":null,"rows":3}\\n'
    """
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def _plain(value: Any) -> Any:
    """Numpy's scalars and arrays, paths, dates: as JSON has them, else as text."""
    for convert in ("tolist", "isoformat"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int) or value is None:
        return value
    return _finite(_plain(value))


def write_all(fd: int, data: bytes) -> None:
    """Write everything, however small the pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
