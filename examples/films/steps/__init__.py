"""The steps of the film site's pipeline."""

# Runs of the pipeline, and of steps tried by hand, are kept together.
EXPERIMENT = "films"
