"""Chooses the model's form: the candidate that predicts later years best, from earlier ones.

Each candidate learns from the films before a span of two years and predicts that span, for 1992-93, 1994-95 and 1996-97. The lowest root mean
squared error over all these films wins (the gates' loss is the squared error). Candidates within 0.001 of the lowest are ties, and the simplest of
them wins: the first in the list below. The years 1998-99 have no say, though they are known when the site opens: they are the first version's
holdout, and nothing of a holdout may enter its model's tuning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from steps.columns import CATEGORIES, INPUTS, LABEL, NUMBERS
from steps.films import split
from steps.model import MISSING, knowing_gaps

if TYPE_CHECKING:
    import pandas as pd

# The end of each span, as the pipeline's `asOf`; a span is as long as the pipeline's holdout.
SPANS = ("1994-01", "1996-01", "1998-01")
TIE = 0.001
# Fewer than the pipeline's: enough to order the candidates, in a third of the time.
TREES = 100
SEED = 1
# Many values with few films each.
NAMES = ["Director", "Distributor"]

Encoding = Literal["without_names", "one_hot", "mean_ratings"]


@dataclass(frozen=True)
class Form:
    """How categories become numbers, and how far the forest's trees go."""

    encoding: Encoding
    leaf: int
    features: float


# By simplicity: fewer inputs first, then larger leaves, then the textbook's third of the features.
CANDIDATES = [
    Form(encoding, leaf, features) for encoding in ("without_names", "one_hot", "mean_ratings") for leaf in (10, 3, 1) for features in (0.33, 1.0)
]


def model_of(form: Form, trees: int, seed: int) -> Pipeline:
    """An unfitted model of this form."""
    one_hot = knowing_gaps(OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    parts = [("numbers", SimpleImputer(strategy="constant", fill_value=MISSING), NUMBERS)]
    if form.encoding == "one_hot":
        parts.append(("categories", one_hot, CATEGORIES))
    else:
        parts.append(("categories", one_hot, [name for name in CATEGORIES if name not in NAMES]))
    if form.encoding == "mean_ratings":
        folds = KFold(5, shuffle=True, random_state=seed)
        parts.append(("names", knowing_gaps(TargetEncoder(target_type="continuous", cv=folds)), NAMES))
    forest = RandomForestRegressor(trees, min_samples_leaf=form.leaf, max_features=form.features, random_state=seed)
    return Pipeline([("columns", ColumnTransformer(parts)), ("forest", forest)])


def score(films: pd.DataFrame, form: Form, months: int) -> float:
    """Root mean squared error over the films of all spans, each predicted from the films before its span."""
    errors = []
    for as_of in SPANS:
        earlier, span = split(films, as_of, months)
        model = model_of(form, TREES, SEED).set_params(forest__n_jobs=-1).fit(earlier[INPUTS], earlier[LABEL])
        errors.append(model.predict(span[INPUTS]) - span[LABEL].to_numpy())
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))


def choose(scores: list[tuple[Form, float]]) -> Form:
    """The simplest of those within `TIE` of the lowest.

    Examples
    --------
    >>> choose([(CANDIDATES[0], 1.1), (CANDIDATES[1], 1.0004), (CANDIDATES[2], 1.0)]) == CANDIDATES[1]
    True
    """
    lowest = min(rmse for _, rmse in scores)
    return next(form for form, rmse in scores if rmse <= lowest + TIE)
