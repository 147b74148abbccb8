"""Runs one step of a pipeline: imports ``module:function`` from the step's code and calls it with a Context."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.steps import Context

if TYPE_CHECKING:
    from tidemark_worker.tasks import Channel


def run(arguments: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Run the step.

    Parameters
    ----------
    arguments
        ``codeDir``, ``entry`` (``module:function``), ``workDir``, ``inputs`` (name → path), ``parameters``, ``seed``.

    Returns
    -------
    dict
        ``outputs``: name → path relative to the work folder; ``values``: what the step returned or set.
    """
    module_name, _, function_name = arguments["entry"].partition(":")
    sys.path.insert(0, arguments["codeDir"])
    function = getattr(importlib.import_module(module_name), function_name)
    context = Context(
        work_dir=Path(arguments["workDir"]),
        inputs={name: Path(path) for name, path in arguments["inputs"].items()},
        params=arguments["parameters"],
        seed=arguments["seed"],
    )
    returned = function(context)
    if isinstance(returned, dict):
        for name, value in returned.items():
            context.value(name, value)
    elif returned is not None:
        raise TypeError(f"Step {arguments['entry']} returned {type(returned).__name__}: return a dict of values, or nothing.")
    return {"outputs": {name: str(path) for name, path in context.outputs.items()}, "values": context.values}
