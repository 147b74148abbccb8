"""What a converter gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Converted:
    """An ONNX model and how rows and answers fit to it.

    Attributes
    ----------
    inputs
        For each input of the signature (``column``) its ``tensor`` and the tensor's ``type``, in the order within a tensor that several
        columns share; with a tensor signature also ``shape``, that of a row's part.
    output
        The tensor that holds what Python's model answers.
    scores
        The tensor with the probabilities behind labels; None when the answers are not labels, or have none.
    """

    model: Any
    inputs: list[dict[str, Any]]
    output: str
    scores: str | None
