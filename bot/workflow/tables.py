"""Labels and annotations as they are stored: without secrets, as JSON in the order of its keys.

Alerts come again with the same labels: what was made of small sets of them is remembered. It refuses to judge what
they say; ``workflow.arrivals`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from msgspec.json import Encoder

from bot.domain.alert import WORKLOAD_LABELS, Labels
from bot.domain.redaction import forgotten_by, redact_values

SMALL = 1500
"""Characters of the values of label sets that are remembered, a few megabytes in all."""
DECIDING = ("alertname", "namespace", "cluster", "priority", "severity", *(label for label, _ in WORKLOAD_LABELS))
"""Labels that decide which incident an alert belongs to, and how bad it is; playbooks may name others."""
_BETWEEN = "\x00"  # the webhook lets it through nowhere

Values = tuple[str | None, ...]
"""What an alert says under ``DECIDING``, in that order, and then under the names that playbooks ask for."""


def body(table: Mapping[str, str]) -> str:
    """A table's stored form."""
    return _ENCODE(redact_values(table)).decode()


_ENCODE = Encoder(order="sorted").encode


def said(labels: Mapping[str, str], more: tuple[str, ...]) -> tuple[str, Values]:
    """The labels' stored form, and those of their values that decide."""
    if type(labels) is Labels:
        return _remembered_shared(labels, more)
    text = _BETWEEN.join(labels.values())
    if len(text) > SMALL or text.count(_BETWEEN) != len(labels) - 1:
        return _labels(labels, more)
    return _remembered_labels(tuple(labels), text, more)


def _labels(labels: Mapping[str, str], more: tuple[str, ...]) -> tuple[str, Values]:
    return body(labels), tuple(map(labels.get, (*DECIDING, *more)))


@lru_cache(maxsize=4096)
def _remembered_labels(names: tuple[str, ...], text: str, more: tuple[str, ...]) -> tuple[str, Values]:
    return _labels(dict(zip(names, text.split(_BETWEEN), strict=True)), more)


_remembered_shared = lru_cache(maxsize=4096)(_labels)
forgotten_by(_remembered_shared.cache_clear)
forgotten_by(_remembered_labels.cache_clear)
