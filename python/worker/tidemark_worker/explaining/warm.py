"""Imported before a worker of the environment for explanations forks: SHAP compiles at its first call, which takes seconds, once for all."""

from __future__ import annotations

import importlib.util


def warm() -> None:
    """Explain a sum of two numbers, with both explainers that are used."""
    import numpy as np
    import shap

    rows = np.zeros((2, 2))
    masker = shap.maskers.Independent(rows)
    for explainer in (shap.explainers.ExactExplainer, shap.explainers.PermutationExplainer):
        explainer(lambda values: values.sum(axis=1), masker)(rows[:1] + 1, silent=True)


if importlib.util.find_spec("shap") is not None:
    warm()
