"""Explains rows by SHAP values of raw columns, in a child with the library for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tidemark_worker.explaining.shapley import explain
from tidemark_worker.explaining.target import target_of
from tidemark_worker.rows import settled
from tidemark_worker.samples import example_rows, real_rows, sample_rows

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Give ``{"of", "background", "explanations"}``: of each row its prediction, base value and the contribution of each column.

    Parameters
    ----------
    arguments
        ``modelDir``, ``gap`` (see ``rows``), ``sampleFile`` (rows of raw inputs, or null), ``rows`` (records of raw inputs) and
        ``lacking`` (columns that no row of their request has).

    Raises
    ------
    ValueError
        The model gives no number to explain, or no real row is known to compare with.
    """
    target = target_of(arguments["modelDir"], arguments["gap"])
    background = sample_rows(arguments.get("sampleFile"), target.columns) or example_rows(arguments["modelDir"], target.columns)
    if not background:
        raise ValueError("No real row of the model's input is known to compare with: log it with an input example.")
    target = replace(target, columns=settled(target.columns, arguments["lacking"]))
    found = explain(target, real_rows(arguments["rows"], target.columns), background)
    names = [column.name for column in target.columns]
    return {
        "of": target.of,
        "background": len(background),
        "explanations": [
            {
                "output": None if target.classes is None else str(target.classes[each.output]),
                "prediction": each.prediction,
                "base": each.base,
                "contributions": dict(zip(names, each.contributions, strict=True)),
            }
            for each in found
        ],
    }
