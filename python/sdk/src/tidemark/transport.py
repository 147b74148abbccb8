"""Asking a server or a gateway over HTTP, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Json = Any


class ApiError(Exception):
    """An answer other than success.

    Parameters
    ----------
    code
        Stable, upper case: what a program may match on.
    request_id
        Finds the line in the server's log.
    """

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.request_id = request_id


@dataclass(frozen=True)
class Http:
    """One server and who asks it."""

    url: str
    token: str | None
    timeout_seconds: float

    def call(self, method: Literal["GET", "POST", "PUT"], path: str, body: Json = None, more: Mapping[str, str] | None = None) -> Json:
        """Ask once; `more` are headers beside those that every request has.

        Raises
        ------
        ApiError
            The server refused, or did not answer (code ``UNREACHABLE``).
        """
        headers = {"accept": "application/json", "user-agent": "tidemark-python", **(more or {})}
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body, allow_nan=False, default=_isoformat).encode()
        return self._ask(urllib.request.Request(self.url.rstrip("/") + path, data, headers, method=method))

    def upload(self, path: str, file: Path, content_type: str) -> Json:
        """Send a file as it is, read as it goes."""
        headers = {"content-type": content_type, "content-length": str(file.stat().st_size), "user-agent": "tidemark-python"}
        with file.open("rb") as content:
            return self._ask(urllib.request.Request(self.url.rstrip("/") + path, content, headers, method="POST"))

    def _ask(self, request: urllib.request.Request) -> Json:
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            raise _refusal(error.code, error.read()) from None
        except (OSError, http.client.HTTPException) as error:
            # Also what breaks off, or comes too late, after the request was sent: urllib raises that as it is.
            reason = getattr(error, "reason", None) or error
            message = f"Nothing answers at {self.url} ({reason}). Is the platform up? `./tidemark up` starts it."
            raise ApiError(0, "UNREACHABLE", message, "") from None
        return json.loads(text) if text else None


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        answer = json.loads(body)
        if "error_code" in answer:
            # A gateway speaks as MLflow's scoring server does.
            return ApiError(status, answer["error_code"], answer["message"], answer.get("request_id", ""))
        error = answer["error"]
        places = "".join(f" {detail['path']}: {detail['message']}" for detail in error.get("details") or [])
        return ApiError(status, error["code"], error["message"] + places, error.get("requestId", ""))
    except (ValueError, KeyError, TypeError):
        return ApiError(status, "UNREADABLE", f"HTTP status {status}: {body[:200].decode('utf-8', 'replace')}", "")


def _isoformat(value: Any) -> Any:
    for convert in ("isoformat", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


def path_of(template: str, **values: str) -> str:
    """Fill a path with encoded values.

    Examples
    --------
    >>> path_of("/api/v1/datasets/{name}", name="a/b")
    '/api/v1/datasets/a%2Fb'
    """
    return template.format(**{name: urllib.parse.quote(value, safe="") for name, value in values.items()})
