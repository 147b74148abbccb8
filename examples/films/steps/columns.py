"""The columns that the model sees: what a distributor knows on release day, and nothing that came later."""

from __future__ import annotations

NUMBERS = ["Production Budget", "Running Time min", "Release Month"]
CATEGORIES = ["MPAA Rating", "Distributor", "Source", "Major Genre", "Creative Type", "Director"]
INPUTS = [*NUMBERS, *CATEGORIES]

# A caller that leaves these out is refused; the others may be missing, as they are in the data.
REQUIRED = ["Release Month"]

# Beside the inputs, the holdout has these.
LABEL = "label"
ENTITY = "entity"
EVENT_TIME = "event_time"
