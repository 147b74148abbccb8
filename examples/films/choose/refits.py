"""Two fits of one model, two years apart, on the films that neither has seen: how far a retrained version usually is from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from choose.form import Form, model_of
from steps.columns import INPUTS, LABEL
from steps.films import split

if TYPE_CHECKING:
    import pandas as pd


def pairs(films: pd.DataFrame, form: Form, months: int, trees: int, seed: int) -> list[dict[str, float]]:
    """Predictions of both fits and the label, a film each.

    The candidate is what the pipeline makes as the site opens; the champion what it would have made a holdout earlier.
    """
    learnt_later, judged = split(films, "2000-01", months)
    learnt_earlier, _ = split(films, f"{2000 - months // 12}-01", months)
    champion, candidate = (
        model_of(form, trees, seed).fit(learnt[INPUTS], learnt[LABEL]).predict(judged[INPUTS]) for learnt in (learnt_earlier, learnt_later)
    )
    columns = zip(champion, candidate, judged[LABEL], strict=True)
    return [{"champion": float(a), "candidate": float(b), "label": float(y)} for a, b, y in columns]
