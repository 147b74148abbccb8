"""Every example in a docstring is run."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "tidemark.client",
    "tidemark.prediction",
    "tidemark.steps",
    "tidemark.transport",
    "tidemark_worker.answers",
    "tidemark_worker.conversion.edges",
    "tidemark_worker.explaining.shapley",
    "tidemark_worker.lines",
    "tidemark_worker.questions",
    "tidemark_worker.rows",
    "tidemark_worker.samples",
    "tidemark_worker.tasks.convert",
    "choose.form",
    "steps.evaluate",
    "steps.films",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    result = doctest.testmod(importlib.import_module(name), optionflags=options)
    assert result.attempted > 0
    assert result.failed == 0
