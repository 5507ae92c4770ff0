"""Alertmanager's notification (version 4) as it nearly always comes, decoded by its shape.

Whatever has another shape, is beyond a cap, or isn't JSON, is None here: ``alerts.payload`` looks at that piece by
piece and says what is wrong. It refuses to judge what the fields say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, MsgspecError, Raw, Struct, field
from msgspec.json import Decoder

from bot.domain.alert import Labels

MAX_LABELS = 64
MAX_VALUE = 4096
"""Bytes of a label's or annotation's value; beyond it is cut and marked (reliability, "Intake")."""
MAX_NAME = 256
MAX_FINGERPRINT = 128
MAX_COUNT = 2**31 - 1

# No character takes more than four bytes.
_Value = Annotated[str, Meta(max_length=MAX_VALUE // 4)]
_Table = Annotated[dict[Annotated[str, Meta(max_length=MAX_NAME)], _Value], Meta(max_length=MAX_LABELS)]


class Item(Struct, rename="camel", gc=False):
    """One alert; what nobody needs is skipped."""

    labels: Raw
    status: Literal["firing", "resolved"]
    starts_at: str
    fingerprint: Annotated[str, Meta(max_length=MAX_FINGERPRINT)]
    annotations: _Table = {}
    ends_at: str = ""
    generator_url: str = field(default="", name="generatorURL")


class Notification(Struct, rename="camel", gc=False):
    """The envelope."""

    alerts: list[Item]
    group_key: str
    receiver: str = ""
    external_url: str = field(default="", name="externalURL")
    truncated: Annotated[int, Meta(ge=0, le=MAX_COUNT)] = field(default=0, name="truncatedAlerts")


_DECODE = Decoder(Notification).decode
_TABLE = Decoder(_Table).decode
SMALL = 2000
"""Bytes of label sets that are remembered, some ten megabytes in all."""
_ESCAPED = re.compile(rb"\\u").search


def labels(raw: Raw) -> Mapping[str, str] | None:
    """An alert's labels, read once, as they come again with each of its deliveries; None of any other shape."""
    given = bytes(raw)
    try:
        return _remembered(given) if len(given) <= SMALL else _TABLE(given)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@lru_cache(maxsize=4096)
def _remembered(given: bytes) -> Labels:
    return Labels(_TABLE(given))


def read(body: bytes) -> Notification | None:
    """The notification; its texts hold nothing that a database refuses, as no character in it is escaped."""
    if _ESCAPED(body):
        return None
    try:
        return _DECODE(body)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
