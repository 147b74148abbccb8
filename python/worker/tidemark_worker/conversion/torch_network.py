"""Networks of PyTorch: to ONNX by its own exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.converted import rewrite_nodes

if TYPE_CHECKING:
    import numpy as np

    from tidemark_worker.conversion.tensors import Tensor

OPSET = 18
# What its last part does to numbers for them to be probabilities.
PROBABLE = ("sigmoid", "softmax")
# With one row the exporter takes the number of rows for a constant.
EXAMPLE_ROWS = 3


def require(native: Any) -> None:
    """Check that it is a network.

    Raises
    ------
    ValueError
        It is something else.
    """
    import torch

    if not isinstance(native, torch.nn.Module):
        raise ValueError(f"It is a {type(native).__name__}: of PyTorch's models those that are a torch.nn.Module convert.")


def ends_in_probabilities(native: Any) -> bool:
    """Whether the last part makes probabilities of numbers; what a ``forward`` of its own does last is not known."""
    import torch

    if isinstance(native, torch.fx.GraphModule):
        # As MLflow keeps a network: operators of ATen, as in "aten.softmax.int".
        *_, output = native.graph.nodes
        made = [str(node.target).split(".") for node in output.all_input_nodes]
        return len(made) == 1 and len(made[0]) > 1 and made[0][1] in PROBABLE
    *_, last = native.modules()
    return type(last).__name__.lower() in PROBABLE


def numbers_of(native: Any, asked: Any) -> np.ndarray:
    """What it computes of an array."""
    import torch

    with torch.no_grad():
        values: np.ndarray = native(torch.from_numpy(asked)).numpy()
    return values


def onnx_of(native: Any, tensors: list[Tensor], inputs: dict[str, str]) -> Any:
    """The network as an ONNX model.

    Parameters
    ----------
    inputs
        The name of its input in ONNX, and its type there.

    Raises
    ------
    ValueError
        It takes arrays by name, which MLflow does not hand on; or the exporter cannot follow it.
    """
    import torch

    if [tensor.name for tensor in tensors] != [""]:
        raise ValueError("Its signature names its arrays, and MLflow hands a network of PyTorch one array without a name.")
    (tensor,), ((name, kind),) = tensors, inputs.items()
    own = getattr(torch, tensor.dtype.name)

    class Fed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = native

        def forward(self, given: Any) -> Any:
            return self.network(given.to(own))

    example = torch.zeros((EXAMPLE_ROWS, *tensor.shape), dtype=getattr(torch, kind))
    dynamic = torch.export.Dim.DYNAMIC
    places = {0: dynamic} | {place: dynamic for place, size in enumerate(tensor.sizes, 1) if size is None}
    try:
        program = torch.onnx.export(
            Fed(),
            (example,),
            input_names=[name],
            output_names=["output"],
            opset_version=OPSET,
            dynamic_shapes=(places,),
            dynamo=True,
            verbose=False,
        )
    except Exception as error:  # whatever keeps the exporter from following a network's own code
        # The exporter wraps what went wrong in advice in colours.
        reason = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"PyTorch's exporter cannot follow it: {reason[0]}") from None
    model = program.model_proto
    _refuse_negative_places(model)
    return model


def _refuse_negative_places(model: Any) -> None:
    """Have embeddings refuse a negative place as PyTorch does, where ONNX counts from the end. Nothing trusts that: such rows are compared."""
    from onnx import TensorProto, helper

    graph = model.graph
    tables = {table.name: table.dims[0] for table in graph.initializer if len(table.dims) == 2}

    def refusing(node: Any) -> list[Any] | None:
        if node.op_type != "Gather" or node.input[0] not in tables or any(each.name == "axis" and each.i != 0 for each in node.attribute):
            return None
        table, places = node.input
        out = node.output[0]
        nought, beyond, below, safe = (f"{out}_{part}" for part in ("nought", "beyond", "below", "safe"))
        graph.initializer.append(helper.make_tensor(nought, TensorProto.INT64, [], [0]))
        graph.initializer.append(helper.make_tensor(beyond, TensorProto.INT64, [], [tables[table]]))
        return [
            helper.make_node("Less", [places, nought], [below]),
            helper.make_node("Where", [below, beyond, places], [safe]),
            helper.make_node("Gather", [table, safe], [out], axis=0),
        ]

    rewrite_nodes(graph, refusing)
