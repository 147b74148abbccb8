"""SHAP values of raw columns, whatever a model makes of them inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemark_worker.rows import evenly_spaced

if TYPE_CHECKING:
    import numpy as np

    from tidemark_worker.explaining.target import Target

BACKGROUND_ROWS = 50
# Up to so many columns every coalition is asked for: 2^10 of them. Beyond, permutations: both add up exactly.
MOST_EXACT_COLUMNS = 10
PERMUTATIONS = 5
TOLERANCE = 1e-6
SEED = 20_240_229


@dataclass(frozen=True)
class Explanation:
    """A row's prediction as a sum: what the model predicts on average of the background, and what each column adds."""

    output: int
    prediction: float
    base: float
    contributions: list[float]


def explain(target: Target, rows: list[dict[str, Any]], background: list[dict[str, Any]]) -> list[Explanation]:
    """Interventional SHAP values of each row's output: of a classifier the most probable class, else the first number.

    Columns enter as whole raw values, so that a category is one contribution however many columns it becomes inside. The sum of the
    contributions and the base is the prediction; that is checked.

    Parameters
    ----------
    background
        Real rows that absent columns take their values from; at most 50 of them, evenly spaced, are used.

    Raises
    ------
    ArithmeticError
        The contributions do not add up to the prediction: the model answers differently each time.
    """
    import numpy as np
    import shap

    names = [column.name for column in target.columns]
    absent = evenly_spaced(background, BACKGROUND_ROWS)
    coding = Coding(names, [*absent, *rows])
    outputs = target.values(rows).argmax(axis=1) if target.classes is not None else np.zeros(len(rows), dtype=int)
    behind = coding.encode(absent)
    explanations = []
    for row, output in zip(rows, outputs.tolist(), strict=True):

        def predict(codes: np.ndarray, output: int = output) -> np.ndarray:
            return target.values(coding.decode(codes))[:, output]

        masker = shap.maskers.Independent(behind, max_samples=len(behind))
        exact = len(names) <= MOST_EXACT_COLUMNS
        explainer = shap.explainers.ExactExplainer(predict, masker) if exact else shap.explainers.PermutationExplainer(predict, masker, seed=SEED)
        calls = {} if exact else {"max_evals": PERMUTATIONS * (2 * len(names) + 1)}
        found = explainer(coding.encode([row]), silent=True, **calls)
        prediction = float(target.values([row])[0, output])
        explanation = Explanation(output, prediction, float(np.ravel(found.base_values)[0]), found.values[0].tolist())
        check_sum(explanation)
        explanations.append(explanation)
    return explanations


def check_sum(explanation: Explanation) -> None:
    """Raise unless base and contributions add up to the prediction.

    Examples
    --------
    >>> check_sum(Explanation(0, 3.0, 1.0, [0.5, 1.5]))
    >>> check_sum(Explanation(0, 3.0, 1.0, [0.5, 1.0]))
    Traceback (most recent call last):
    ArithmeticError: The contributions add up to 2.5, and the model predicts 3: it answers the same row differently each time.
    """
    total = explanation.base + sum(explanation.contributions)
    if not abs(total - explanation.prediction) <= TOLERANCE * max(1.0, abs(explanation.prediction), abs(explanation.base)):
        raise ArithmeticError(
            f"The contributions add up to {total:g}, and the model predicts {explanation.prediction:g}: "
            "it answers the same row differently each time."
        )


class Coding:
    """Rows of any values as numbers, a code for each value of a column: what SHAP exchanges are then raw values, text too."""

    def __init__(self, names: list[str], rows: list[dict[str, Any]]) -> None:
        self._names = names
        self._values: list[list[Any]] = [list(dict.fromkeys(row.get(name) for row in rows)) for name in names]
        self._codes = [{value: code for code, value in enumerate(values)} for values in self._values]

    def encode(self, rows: list[dict[str, Any]]) -> np.ndarray:
        import numpy as np

        lines = [[codes[row.get(name)] for name, codes in zip(self._names, self._codes, strict=True)] for row in rows]
        return np.array(lines, dtype="float64").reshape(len(rows), len(self._names))

    def decode(self, codes: np.ndarray) -> list[dict[str, Any]]:
        return [{name: values[int(code)] for name, values, code in zip(self._names, self._values, line, strict=True)} for line in codes]
