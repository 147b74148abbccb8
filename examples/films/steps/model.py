"""The model: a forest on imputed numbers, one-hot categories, and the mean rating of a director's and a distributor's films."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from steps.columns import CATEGORIES, INPUTS, NUMBERS, REQUIRED

if TYPE_CHECKING:
    import pandas as pd

# Many values with few films each: their mean rating, learnt from training films alone and across folds, says more than a column each.
NAMES = ["Director", "Distributor"]

# Below every real value: a tree splits it off, as it would an indicator column, which the ONNX converter drops without a word.
MISSING = -1.0

# Models are stored as skops files, which hold no code; these of its types it trusts only by name.
TRUSTED_TYPES = ["numpy.dtype", "sklearn.model_selection._split.KFold", "sklearn.tree._tree.Tree"]


def new_model(trees: int, seed: int) -> Pipeline:
    """An unfitted model. Every part has an exact ONNX counterpart.

    Leaf size and share of features were chosen on films before 1998 (validated on 1992–93, 1994–95, 1996–97; among 24
    combinations within 0.001 of the best RMSE, 1.066), so that nothing later had a say.
    """
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    means = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=seed))
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="constant", fill_value=MISSING), NUMBERS),
            ("categories", one_hot, [name for name in CATEGORIES if name not in NAMES]),
            ("names", means, NAMES),
        ]
    )
    forest = RandomForestRegressor(trees, min_samples_leaf=3, max_features=0.33, random_state=seed)
    return Pipeline([("columns", columns), ("forest", forest)])


def signature() -> ModelSignature:
    """What callers send, and which of it may be missing."""
    inputs = [ColSpec(DataType.double if name in NUMBERS else DataType.string, name, required=name in REQUIRED) for name in INPUTS]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec(DataType.double)]))


def example(films: pd.DataFrame) -> pd.DataFrame:
    """Two films as a caller would send them."""
    return films[INPUTS].tail(2).reset_index(drop=True)
