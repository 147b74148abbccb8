"""Pipelines, datasets, predictions and labels of the Tidemark platform, from Python.

Importing this package imports nothing heavy: pandas, pyarrow and mlflow come when a step asks for them.
"""

from tidemark.client import Client, Explanation, Label, PredictionLabel
from tidemark.prediction import Predictions, predict
from tidemark.steps import Context, step
from tidemark.transport import ApiError

__all__ = ["ApiError", "Client", "Context", "Explanation", "Label", "PredictionLabel", "Predictions", "predict", "step"]
__version__ = "0.1.0"
