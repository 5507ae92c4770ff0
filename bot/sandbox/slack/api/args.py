"""Arguments of a Web API call, wherever they came: query, form, JSON body or multipart.

Values keep their JSON type when they had one; the readers here turn "1"/"0"/"true" into booleans
and JSON strings into objects, as Slack does. A wrong type is `invalid_arguments`.
"""

import json
from typing import Any

from aiohttp import web

from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json

TRUE = {"1", "true", "True"}
SHORT = 2_000  # characters of a value kept in the log of calls


class Args:
    """A call's arguments; `values` is what was sent, the token left out."""

    def __init__(self, values: Json, token: str = "") -> None:
        self.values = values
        self.token = token

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers become their digits."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list, bool)):
            raise ApiError("invalid_arguments", response_metadata=_wrong(name, "string"))
        return str(value)

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """A string that must be there."""
        value = self.text(name)
        if not value:
            raise ApiError(error, response_metadata=_missing(name))
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean in any of Slack's spellings."""
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value) in TRUE

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number, at most `most`."""
        try:
            return min(int(self.text(name, str(default))), most)
        except ValueError:
            raise ApiError("invalid_arguments", response_metadata=_wrong(name, "integer")) from None

    def names(self, name: str) -> list[str]:
        """A comma-separated list, or a JSON list of strings."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def structure(self, name: str) -> Any:
        """A JSON value that may have come as a string of JSON; None when it is not there."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError("invalid_arguments", response_metadata=_wrong(name, "json")) from None


def _wrong(name: str, wanted: str) -> Json:
    return {"messages": [f"[ERROR] must be a valid {wanted} [json-pointer:/{name}]"]}


def _missing(name: str) -> Json:
    return {"messages": [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"]}


def for_log(values: Json) -> Json:
    """The arguments as the log of calls keeps them: long strings are cut."""
    return {k: v[:SHORT] if isinstance(v, str) else v for k, v in values.items()}


async def read(request: web.Request) -> Args:
    """All arguments of a request; ApiError for a body that cannot be read."""
    values: Json = dict(request.query)
    kind = request.content_type
    if request.can_read_body and request.method == "POST":
        if kind == "application/json":
            values |= await _json_body(request)
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            form = await request.post()
            values |= {k: v for k, v in form.items() if isinstance(v, str)}
        elif (await request.read()).strip():
            raise ApiError("invalid_post_type")
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else ""
    in_body = str(values.pop("token", "") or "")
    return Args(values, token or in_body)


async def _json_body(request: web.Request) -> Json:
    raw = await request.text()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(body, dict):
        raise ApiError("json_not_object")
    return body
