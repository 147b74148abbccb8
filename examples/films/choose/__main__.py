"""`python -m choose MOVIES`: what is known before 2000, the model's form and two fits of it, as JSON for main.ts."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import yaml

from choose import form, known, refits


def main(movies: Path) -> None:
    parameters = yaml.safe_load((Path(__file__).parents[1] / "pipeline.yaml").read_text(encoding="utf-8"))["parameters"]
    months = int(parameters["holdoutMonths"])
    rows = known.read_known(movies)
    films = known.labelled(rows)
    scores = [(candidate, form.score(films, candidate, months)) for candidate in form.CANDIDATES]
    chosen = form.choose(scores)
    json.dump(
        {
            "labelled": len(films),
            "months": months,
            "releaseDays": known.release_days(rows, months),
            "candidates": [{**asdict(candidate), "rmse": rmse} for candidate, rmse in scores],
            "chosen": asdict(chosen),
            "pairs": refits.pairs(films, chosen, months, int(parameters["trees"]), int(parameters["seed"])),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
