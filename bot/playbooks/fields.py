"""The single values of a playbook: how each is written, and the sentence for one that isn't written so.

It refuses to know where in a playbook a value stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from bot import settings_values as values
from bot.domain.errors import RequestError
from bot.domain.finding import Cause
from bot.integrations import promql
from bot.playbooks import matcher, pattern
from bot.playbooks.queries import STANDARD

ALERT = "alert"
"""An expression that stands for the alert's own."""
ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
NAME = r"^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$"
KEY = r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$"
CHANNEL = r"^[CG][A-Z0-9]{2,}$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
SERVICE = r"^[A-Za-z0-9_.-]+$"
DURATION = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"

HINTS: Mapping[str, str] = {
    ONE_LINE: "one line of text",
    NAME: "small letters, digits and dashes, such as pod-crash-looping",
    KEY: "letters, digits and underscores, such as memory",
    CHANNEL: "a channel's id, such as C0123456789; names don't work",
    CLOCK: "a time of day, such as 22:00",
    SERVICE: "the name of a service, such as payments",
}
"""What to write where a pattern wasn't met."""


def _matcher(text: str) -> str:
    matcher.parse(text)
    return text


def _expr(text: str) -> str:
    if text.strip() != ALERT:
        try:
            promql.check(text)
        except RequestError as error:
            raise ValueError(str(error)) from error
    return text


def _selector(text: str) -> str:
    try:
        promql.check(text)
    except RequestError as error:
        raise ValueError(str(error)) from error
    return text


def _error_lines(text: str) -> str:
    """The expression that makes a line an error: its places, then what RE2 says of the rest."""
    try:
        found = promql.places(f"|~ {promql.quoted(text)}")
    except RequestError as error:
        raise ValueError(str(error)) from error
    for name in sorted(found, key=len, reverse=True):
        text = text.replace(f"${name}", "x")
    pattern.compiled(text)
    return text


def _person_or_group(text: str) -> str:
    if not values.is_person(text) and not values.is_group(text):
        raise ValueError(f"“{text}” is no Slack id: people are U... or W..., user groups S...; names don't work")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"“{text}” is no zone of the IANA database, such as Europe/Berlin") from error
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or "{{" in text:
        raise ValueError("write a whole address such as https://wiki.example/api; nothing is filled in")
    return text


def _cause_key(key: str) -> str:
    cause, _ = cause_of(key)
    if cause not in tuple(Cause):
        raise ValueError(f"“{cause}” is no cause that Fettle finds{nearest(cause, tuple(Cause))}")
    return key


def _asked(given: Any) -> Any:
    """A query by its name, or written out."""
    if isinstance(given, str):
        if given not in STANDARD:
            raise ValueError(f"“{given}” is no query that Fettle knows{nearest(given, tuple(STANDARD))}")
        query = STANDARD[given]
        return {
            "name": query.name, "expr": query.expr, "title": query.title, "unit": query.unit,
            "window": int(query.window.total_seconds()),
        }  # fmt: skip
    return given


def cause_of(key: str) -> tuple[str, str]:
    """``oom_killed/leak`` as cause and detail."""
    cause, _, detail = key.partition("/")
    return cause, detail


def nearest(word: str, known: Sequence[str]) -> str:
    """``: did you mean restart?``, else the words there are."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"


def _span(least: float, most: float) -> Any:
    """A duration as text (``10m``) or seconds; written back as seconds."""
    shape = {"anyOf": [{"type": "string", "pattern": DURATION}, {"type": "integer", "minimum": 0}]}
    return Annotated[
        timedelta,
        BeforeValidator(values.duration(least, most)),
        PlainSerializer(lambda span: int(span.total_seconds()), return_type=int),
        WithJsonSchema(shape),
    ]


Line = Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE)]
Name = Annotated[str, Field(pattern=NAME)]
Key = Annotated[str, Field(pattern=KEY)]
SeverityWord = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
SetSeverity = Literal["SEV2", "SEV3", "SEV4"]
"""SEV1 takes the label priority=P0, or a person."""
LowSeverity = Literal["SEV3", "SEV4"]
Window = _span(0, 14 * 86400)
Expiry = _span(60, 86400)
Settle = _span(0, 1800)
Delay = _span(30, 1800)
Number = Annotated[float, Field(allow_inf_nan=False)]
MatcherText = Annotated[str, Field(max_length=1200), AfterValidator(_matcher)]
Expr = Annotated[str, Field(min_length=1, max_length=8000), AfterValidator(_expr)]
Selector = Annotated[str, Field(min_length=1, max_length=8000), AfterValidator(_selector)]
ErrorLines = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_error_lines)]
SlackId = Annotated[str, AfterValidator(_person_or_group)]
Channel = Annotated[str, Field(pattern=CHANNEL)]
Clock = Annotated[str, Field(pattern=CLOCK)]
Zone = Annotated[str, AfterValidator(_zone)]
PagerService = Annotated[str, Field(max_length=60, pattern=SERVICE)]
Address = Annotated[str, Field(max_length=1000), AfterValidator(_address)]
CauseKey = Annotated[str, Field(max_length=120), AfterValidator(_cause_key)]
asked = BeforeValidator(_asked)
