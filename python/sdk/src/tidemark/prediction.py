"""Predictions from an endpoint, asked for where it answers: at the gateway."""

from __future__ import annotations

import functools
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tidemark.client import Client
from tidemark.transport import ApiError, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd

Json = Any


@dataclass(frozen=True)
class Predictions:
    """What an endpoint answered to one request.

    Parameters
    ----------
    id
        Finds the request in the prediction log; labels may name it, with the row.
    version
        The model version that answered, as in ``films/3``.
    values
        What the model gave: by default one value a row.

    Examples
    --------
    >>> answer = Predictions("0197", "films/3", [6.5, 7.1])
    >>> len(answer), answer[1], list(answer)
    (2, 7.1, [6.5, 7.1])
    """

    id: str
    version: str
    values: Json

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> Json:
        return self.values[row]

    def __iter__(self) -> Iterator[Json]:
        return iter(self.values)


def predict(
    endpoint: str,
    data: pd.DataFrame | np.ndarray | Mapping[str, Json] | Sequence[Json],
    *,
    caller: str | None = None,
    entity: str | Sequence[str | None] | None = None,
    event_time: str | None = None,
    params: Mapping[str, Json] | None = None,
    client: Client | None = None,
) -> Predictions:
    """Ask an endpoint for predictions.

    Parameters
    ----------
    data
        A frame, a record, a list of records, a mapping of columns to lists, an array or nested lists. Missing values (NaN, NaT, None) become null.
    caller
        Who asks, at most 256 characters: the same caller gets the same version while a rollout is under way.
    entity
        Business key of the thing, or one for each row, by which a label can be joined that knows no prediction id.
    event_time
        ISO 8601 with offset; only for endpoints in replay mode.
    params
        Parameters of the model beside its rows.
    client
        Whom to ask for the endpoint's address; by default one made of ``TIDEMARK_URL`` and ``TIDEMARK_TOKEN``. With ``TIDEMARK_GATEWAY_URL``
        set the gateway there is asked, whether or not the server is up.

    Raises
    ------
    ApiError
        What the gateway refused, with its code (as ``INVALID_PARAMETER_VALUE`` for a wrong column) and status, or ``UNREACHABLE``.
    ValueError
        ``data`` is none of these forms.

    Examples
    --------
    >>> predict("films", {"budget": 1.5}, client=Client("http://127.0.0.1:1"))
    Traceback (most recent call last):
    tidemark.transport.ApiError: UNREACHABLE: Nothing answers at http://127.0.0.1:1 ...
    """
    asked = client or _default_client(os.environ.get("TIDEMARK_URL"), os.environ.get("TIDEMARK_TOKEN"))
    body = scoring_body(data)
    if params:
        body["params"] = dict(params)
    if entity is not None:
        body["entities"] = [entity] if isinstance(entity, str) else list(entity)
    headers = {"tidemark-caller": caller, "tidemark-event-time": event_time}
    address = _address(asked, endpoint)
    parts = urllib.parse.urlsplit(address)
    gateway = replace(asked.http, url=f"{parts.scheme}://{parts.netloc}")
    try:
        answer = gateway.call("POST", parts.path, body, {name: value for name, value in headers.items() if value is not None})
    except ApiError as error:
        if error.code == "UNREACHABLE":
            # The platform may have been started again elsewhere.
            asked.addresses.pop(endpoint, None)
        raise
    return Predictions(answer["prediction_id"], answer["model_version"], answer["predictions"])


@functools.lru_cache(maxsize=8)
def _default_client(url: str | None, token: str | None) -> Client:
    return Client(url, token)


def _address(client: Client, endpoint: str) -> str:
    gateway = os.environ.get("TIDEMARK_GATEWAY_URL")
    if gateway:
        return gateway.rstrip("/") + path_of("/endpoints/{name}/invocations", name=endpoint)
    if endpoint not in client.addresses:
        client.addresses[endpoint] = client.http.call("GET", path_of("/api/v1/endpoints/{name}", name=endpoint))["url"]
    return client.addresses[endpoint]


def scoring_body(data: Any) -> dict[str, Json]:
    """Rows in the form of MLflow's scoring protocol that fits them.

    Raises
    ------
    ValueError
        Not a frame, a record, a list of records or rows, a mapping of columns or an array.

    Examples
    --------
    >>> scoring_body({"budget": 1.5, "genre": "Drama"})
    {'dataframe_records': [{'budget': 1.5, 'genre': 'Drama'}]}
    >>> scoring_body({"budget": [1.5, float("nan")]})
    {'inputs': {'budget': [1.5, None]}}
    >>> scoring_body([[1.5, 2.0]])
    {'inputs': [[1.5, 2.0]]}
    """
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        frame = data.astype(object).where(data.notna(), None)
        cells = frame.to_numpy().tolist()
        # Only such columns may hold lists, arrays and records, with missing values of their own.
        nested = any(dtype.kind == "O" for dtype in data.dtypes)
        return {"dataframe_split": {"columns": [str(name) for name in frame.columns], "data": _plain(cells) if nested else cells}}
    if hasattr(data, "tolist"):
        return {"inputs": _plain(data.tolist())}
    if isinstance(data, Mapping):
        columns = _plain(data)
        by_column = columns and all(isinstance(cells, list) for cells in columns.values())
        return {"inputs": columns} if by_column else {"dataframe_records": [columns]}
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and data:
        rows = [_plain(row) for row in data]
        return {"dataframe_records" if all(isinstance(row, dict) for row in rows) else "inputs": rows}
    raise ValueError(f"Predictions need a frame, a record, records, columns or an array; this is {type(data).__name__}.")


def _plain(value: Any) -> Json:
    """Values as JSON has them: arrays as lists, missing values as null."""
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(name): _plain(cell) for name, cell in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(cell) for cell in value]
    # Only what is missing (NaN, NaT) differs from itself.
    return None if value is not None and value != value else value
