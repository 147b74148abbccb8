"""The model: a forest on imputed numbers and one-hot categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from steps.columns import CATEGORIES, INPUTS, NUMBERS, REQUIRED

if TYPE_CHECKING:
    import pandas as pd

# Below every real value: a tree splits it off, as it would an indicator column, which the ONNX converter drops without a word.
MISSING = -1.0

# Models are stored as skops files, which hold no code; these of its types it trusts only by name.
TRUSTED_TYPES = ["numpy.dtype", "sklearn.tree._tree.Tree"]


def new_model(trees: int, seed: int) -> Pipeline:
    """An unfitted model: a forest on imputed numbers and one column a category. Every part has an exact ONNX counterpart.

    The form, leaf size and share of features are what `choose/form.py` gives: of 18 candidates the one that predicts 1992-97 best from the
    years before (RMSE 1.044; the next form, directors and distributors by their mean rating, 1.050). A test computes it again.
    """
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="constant", fill_value=MISSING), NUMBERS),
            ("categories", knowing_gaps(OneHotEncoder(handle_unknown="ignore", sparse_output=False)), CATEGORIES),
        ]
    )
    forest = RandomForestRegressor(trees, min_samples_leaf=1, max_features=0.33, random_state=seed)
    return Pipeline([("columns", columns), ("forest", forest)])


def knowing_gaps(encoder: OneHotEncoder | TargetEncoder) -> Pipeline:
    """The encoder with "no category" as a category of its own, which is ``""``.

    Two imputers, because a missing text comes as NaN where another row of a request has a text in the column, and as None where none has.
    """
    gaps = [SimpleImputer(missing_values=missing, strategy="constant", fill_value="") for missing in (np.nan, None)]
    return make_pipeline(*gaps, encoder)


def signature() -> ModelSignature:
    """What callers send, and which of it may be missing."""
    inputs = [ColSpec(DataType.double if name in NUMBERS else DataType.string, name, required=name in REQUIRED) for name in INPUTS]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec(DataType.double)]))


def example(films: pd.DataFrame) -> pd.DataFrame:
    """Two films as a caller would send them."""
    return films[INPUTS].tail(2).reset_index(drop=True)
