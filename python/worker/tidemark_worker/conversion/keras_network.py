"""Networks of Keras on TensorFlow: to ONNX by tf2onnx."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.converted import rewrite_nodes

if TYPE_CHECKING:
    import numpy as np

    from tidemark_worker.conversion.tensors import Tensor

OPSET = 18
# What its last layer does to numbers for them to be probabilities.
PROBABLE = ("sigmoid", "softmax")
PRODUCTS = ("MatMul", "Gemm", "Conv")
# Between a product and its rectifier: the bias, and what brings channels to where ONNX has them.
PASSES_PRODUCTS = ("Add", "Transpose")


def require(native: Any) -> None:
    """Check that it is a network of Keras 3 on TensorFlow.

    Raises
    ------
    ValueError
        It is a graph of TensorFlow alone, or computes with another library.
    """
    import keras

    if not isinstance(native, keras.Model):
        raise ValueError(f"It is a {type(native).__name__}: of TensorFlow's models those of Keras convert.")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"It computes with {keras.backend.backend()}: what converts computes with TensorFlow.")


def ends_in_probabilities(native: Any) -> bool:
    """Whether the last layer makes probabilities of numbers."""
    last = native.layers[-1] if native.layers else None
    return type(last).__name__ in ("Softmax", "Sigmoid") or getattr(getattr(last, "activation", None), "__name__", "") in PROBABLE


def numbers_of(native: Any, asked: Any) -> np.ndarray:
    """What it computes of an array, or of arrays by name."""
    # Without what ``predict`` does around each of its calls, which takes fifty times as long.
    values: np.ndarray = native.predict_on_batch(asked)
    return values


def onnx_of(native: Any, tensors: list[Tensor], inputs: dict[str, str]) -> Any:
    """The network as an ONNX model.

    Parameters
    ----------
    inputs
        The name of each tensor's input in ONNX, and its type there.

    Raises
    ------
    ValueError
        An operation of it has no counterpart.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    _register_erfc()
    # Its warnings go to the log of whoever converts by hand; what did not convert is checked below.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)

    def network(*given: Any) -> Any:
        parts = {}
        for tensor, part in zip(tensors, given, strict=True):
            parts[tensor.name] = tf.cast(part, tensor.dtype.name) if tensor.dtype.kind == "b" else part
        return native(parts[""] if list(parts) == [""] else parts, training=False)

    signature = [tf.TensorSpec([None, *tensor.sizes], kind, name=name) for tensor, (name, kind) in zip(tensors, inputs.items(), strict=True)]
    function = tf.function(network, input_signature=signature)
    captured = function.get_concrete_function().graph.captures
    model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    _keep_constants(model, inputs, {inner.name: outer for outer, inner in captured})
    if _answers_gaps(native, tensors):
        _end_gaps(model)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"An operation of it has no counterpart in ONNX: {str(error).splitlines()[0]}") from None
    return model


def _keep_constants(model: Any, inputs: dict[str, str], captured: dict[str, Any]) -> None:
    """Numbers that a layer holds without their being variables, as Normalization does its means, come out as inputs: make them constants."""
    from onnx import numpy_helper

    for extra in [given for given in model.graph.input if given.name not in inputs]:
        if extra.name not in captured or not hasattr(captured[extra.name], "numpy"):
            raise ValueError(f"It needs {extra.name}, which is no number: that has no counterpart in ONNX.")
        model.graph.initializer.append(numpy_helper.from_array(captured[extra.name].numpy(), extra.name))
        model.graph.input.remove(extra)


def _answers_gaps(native: Any, tensors: list[Tensor]) -> bool:
    """Whether it makes numbers of a row of gaps.

    TensorFlow's kernels that multiply, add and rectify in one make 0 of NaN, where a rectifier alone keeps it, as that of ONNX does.
    """
    import numpy as np

    if not any(tensor.dtype.kind == "f" for tensor in tensors):
        return False
    gaps = {tensor.name: np.full((1, *tensor.shape), np.nan if tensor.dtype.kind == "f" else 0).astype(tensor.dtype) for tensor in tensors}
    try:
        return bool(np.isfinite(numbers_of(native, gaps[""] if list(gaps) == [""] else gaps)).all())
    except Exception:  # a row that it refuses is none that it answers
        return False


def _end_gaps(model: Any) -> None:
    """Have rectifiers behind a product make 0 of NaN, as TensorFlow's kernels do. Nothing trusts that: rows with gaps are compared."""
    from onnx import TensorProto, helper

    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    zero = "zero_of_gaps"

    def multiplies(name: str) -> bool:
        node = makers.get(name)
        while node is not None and node.op_type in PASSES_PRODUCTS:
            node = makers.get(node.input[0])
        return node is not None and node.op_type in PRODUCTS

    def ended(node: Any) -> list[Any] | None:
        if node.op_type != "Relu" or not multiplies(node.input[0]):
            return None
        above = f"{node.output[0]}_above"
        return [
            helper.make_node("Greater", [node.input[0], zero], [above]),
            helper.make_node("Where", [above, node.input[0], zero], list(node.output), name=node.name),
        ]

    rewrite_nodes(graph, ended)
    graph.initializer.append(helper.make_tensor(zero, TensorProto.FLOAT, [], [0.0]))


def _register_erfc() -> None:
    """Teach tf2onnx the complementary error function, which the exact GELU is made of."""
    import numpy as np
    from tf2onnx.handler import tf_op

    @tf_op("Erfc")
    class Erfc:
        @classmethod
        def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
            dtype, shapes = graph.get_dtype(node.output[0]), node.output_shapes
            one = graph.make_const(f"{node.name}_one", np.ones((), dtype="float32"))
            erf = graph.make_node("Erf", node.input, shapes=shapes, dtypes=[dtype])
            graph.remove_node(node.name)
            graph.make_node("Sub", [one.output[0], erf.output[0]], name=node.name, outputs=node.output, shapes=shapes, dtypes=[dtype])
