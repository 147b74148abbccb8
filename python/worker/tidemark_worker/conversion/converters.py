"""From an estimator to ONNX. That it converted says nothing yet: several converters are silently wrong, and the gate compares."""

from __future__ import annotations

import copy
import importlib.util
import re
import sys
from typing import TYPE_CHECKING, Any

from tidemark_worker.conversion.converted import Converted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidemark_worker.conversion.estimator import Estimator
    from tidemark_worker.rows import Column, Kind

TENSORS: dict[Kind, str] = {"number": "float32", "integer": "int64", "string": "string", "boolean": "float32"}
OPSET = {"": 18, "ai.onnx.ml": 3}
# Of a classifier: which of its outputs holds what the method gives.
OUTPUTS = {"predict": 0, "predict_proba": 1, "transform": 0}


def convert(subject: Estimator) -> Converted:
    """Convert an estimator with its preprocessing, numbers as float32.

    Raises
    ------
    ValueError
        The method that answers has no counterpart, or texts and numbers go into one matrix.
    """
    if subject.method not in OUTPUTS:
        raise ValueError(f"Its answers come from {subject.method}, which the converted model does not give.")
    if subject.flavor != "sklearn" and not hasattr(subject.native, "get_params"):
        raise ValueError(f"It is a bare {type(subject.native).__name__}: what converts are its estimators in scikit-learn's form.")
    _register_boosters()
    _keep_missing_branches()
    by_column = _takes_names(subject.native)
    model = _to_onnx(subject, _tensors(subject.columns, by_column))
    names = [output.name for output in model.graph.output]
    classifies = subject.is_classifier and len(names) > 1
    place = OUTPUTS[subject.method] if classifies else 0
    return Converted(
        model=model,
        inputs=_inputs(model, subject.columns, by_column),
        output=names[place],
        scores=names[1] if classifies and place == 0 and hasattr(subject.native, "predict_proba") else None,
    )


def _to_onnx(subject: Estimator, tensors: list[tuple[str, Any]]) -> Any:
    from skl2onnx import to_onnx

    # The converters of boosters know features by number alone, and names are taken away from a copy.
    estimator = copy.deepcopy(subject.native)
    _forget_feature_names(estimator)
    _name_gaps(estimator)
    # A map of classes to probabilities is no tensor; linear machines have no such map to leave out.
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        return to_onnx(estimator, initial_types=tensors, options=options, target_opset=OPSET)
    except NameError:
        # A mixture knows no such option, and gives its probabilities as a tensor anyway.
        return to_onnx(estimator, initial_types=tensors, target_opset=OPSET)


def _forget_feature_names(estimator: Any) -> None:
    xgboost = sys.modules.get("xgboost")
    if xgboost is None:
        return
    for part in _parts(estimator):
        if isinstance(part, xgboost.XGBModel):
            if part.get_xgb_params().get("booster") not in (None, "gbtree"):
                raise ValueError(f'Its booster is "{part.get_xgb_params()["booster"]}": what converts are gradient-boosted trees ("gbtree").')
            part.get_booster().feature_names = None


def _name_gaps(estimator: Any) -> None:
    """Have imputers of texts look for the text that stands for a gap, as skl2onnx has it among categories: a tensor of texts holds no gap."""
    from sklearn.impute import SimpleImputer

    for part in _parts(estimator):
        # Those that a ColumnTransformer was made of are not fitted.
        if not isinstance(part, SimpleImputer) or not hasattr(part, "statistics_") or isinstance(part.missing_values, str):
            continue
        if any(isinstance(value, str) for value in part.statistics_):
            part.missing_values = str(part.missing_values)


def _takes_names(estimator: Any) -> bool:
    """Whether it chooses its columns by name: then each needs a tensor of its own. All others take one matrix."""
    from sklearn.compose import ColumnTransformer

    return any(isinstance(part, ColumnTransformer) for part in _parts(estimator))


def _parts(estimator: Any) -> Iterator[Any]:
    """An estimator and those inside it: steps of pipelines, members of ensembles, what a wrapper fitted."""
    yield estimator
    held = list(vars(estimator).values())
    while held:
        value = held.pop()
        if isinstance(value, list | tuple):
            held += value
        elif hasattr(value, "get_params") and not isinstance(value, type):
            yield from _parts(value)


def _tensors(columns: list[Column], by_column: bool) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    types = {"float32": FloatTensorType, "int64": Int64TensorType, "string": StringTensorType}
    if by_column:
        return [(column.name, types[TENSORS[column.kind]]([None, 1])) for column in columns]
    return [("X", types[_shared_type(columns)]([None, len(columns)]))]


def _shared_type(columns: list[Column]) -> str:
    """One matrix for all columns: numbers as float32, or texts alone."""
    kinds = {TENSORS[column.kind] for column in columns}
    if kinds == {"string"}:
        return "string"
    if "string" in kinds:
        raise ValueError("Texts and numbers in one matrix have no tensor: choose them by name with a ColumnTransformer.")
    return "float32"


def _inputs(model: Any, columns: list[Column], by_column: bool) -> list[dict[str, str]]:
    """Which tensor each column feeds: skl2onnx renames "Running Time min" to "Running_Time_min", and drops what no step uses."""
    tensors = [tensor.name for tensor in model.graph.input]
    if not by_column:
        return [{"column": column.name, "tensor": tensors[0], "type": _shared_type(columns)} for column in columns]
    named = {_renamed(column.name): column for column in columns}
    if len(named) < len(columns):
        raise ValueError("Two columns have one name once what is no letter or digit is an underscore.")
    unknown = [tensor for tensor in tensors if _renamed(tensor) not in named]
    if unknown:
        raise ValueError(f"ONNX input {unknown[0]!r} belongs to no column.")
    fed = [(tensor, named[_renamed(tensor)]) for tensor in tensors]
    return [{"column": column.name, "tensor": tensor, "type": TENSORS[column.kind]} for tensor, column in fed]


def _renamed(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _register_boosters() -> None:
    """Teach skl2onnx the boosters that are loaded, alone and inside pipelines."""
    if importlib.util.find_spec("onnxmltools") is None:
        return
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator

    classifier, regressor = shape_calculator.calculate_linear_classifier_output_shapes, shape_calculator.calculate_linear_regressor_output_shapes
    choices = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    if "xgboost" in sys.modules:
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

        for kind in (XGBClassifier, XGBRFClassifier):
            update_registered_converter(kind, f"XGBoost{kind.__name__}", classifier, convert_xgboost, options=choices)
        for kind in (XGBRegressor, XGBRFRegressor):
            update_registered_converter(kind, f"XGBoost{kind.__name__}", regressor, convert_xgboost)
    if "lightgbm" in sys.modules:
        from lightgbm import LGBMClassifier, LGBMRegressor
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

        update_registered_converter(LGBMClassifier, "LightGbmLGBMClassifier", classifier, convert_lightgbm, options=choices)
        update_registered_converter(LGBMRegressor, "LightGbmLGBMRegressor", regressor, convert_lightgbm, options={"split": None})


def _keep_missing_branches() -> None:
    """Have trees keep on which side a missing value goes, which skl2onnx leaves out (onnx/sklearn-onnx issue 1253)."""
    from skl2onnx.common import tree_ensemble
    from skl2onnx.operator_converters import decision_tree, random_forest

    original = tree_ensemble.add_tree_to_attribute_pairs
    if getattr(original, "keeps_missing_branches", False):
        return

    def add(attributes: dict[str, Any], is_classifier: bool, tree: Any, *rest: Any, **named: Any) -> None:
        first = len(attributes["nodes_missing_value_tracks_true"])
        original(attributes, is_classifier, tree, *rest, **named)
        tracks, sides = attributes["nodes_missing_value_tracks_true"], getattr(tree, "missing_go_to_left", None)
        if sides is not None and len(tracks) == first + len(sides):
            tracks[first:] = [int(side) for side in sides]

    add.keeps_missing_branches = True  # type: ignore[attr-defined]
    for module in (tree_ensemble, decision_tree, random_forest):
        module.add_tree_to_attribute_pairs = add
