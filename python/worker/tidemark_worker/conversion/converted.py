"""What a converter gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


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


def rewrite_nodes(graph: Any, instead: Callable[[Any], list[Any] | None]) -> None:
    """Put nodes in the place of some of a graph's; None: one stays as it is."""
    nodes = [made for node in graph.node for made in (instead(node) or [node])]
    del graph.node[:]
    graph.node.extend(nodes)
