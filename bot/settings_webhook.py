"""The alert webhook: where it listens, who is let in, and what each of its named tokens speaks for.

A team that may send alerts about its own namespace must not get a proposal for another team's, nor end its incident. A
token without a name speaks for everything.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, SecretStr

from bot import settings_values as values

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
OPTIONS = ("namespaces", "clusters")


@dataclass(frozen=True)
class Binding:
    """What one named token speaks for; an empty list of either is no limit there."""

    name: str
    namespaces: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is this token's to tell of."""
        inside = not self.namespaces or labels.get("namespace", "") in self.namespaces
        return inside and (not self.clusters or labels.get("cluster", "") in self.clusters)


def bindings(value: Any) -> tuple[Binding, ...]:
    """``shop namespaces=shop|shop-staging, eu clusters=eu-1``, or a YAML table of name and lists."""
    found = tuple(_binding(name, options) for name, options in _given(value))
    if len({one.name for one in found}) != len(found):
        raise ValueError("names one token twice: keep one of the two")
    return found


def _given(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        for name, table in value.items():
            if not isinstance(table, Mapping):
                raise ValueError(f"gives {str(name)[:40]} no table")  # noqa: TRY004 - pydantic takes no other
            yield str(name), {str(key): one for key, one in table.items()}
        return
    for entry in value if isinstance(value, list | tuple) else re.split(r"[,\n]", str(value)):
        if isinstance(entry, Binding):
            yield entry.name, {"namespaces": sorted(entry.namespaces), "clusters": sorted(entry.clusters)}
            continue
        name, *words = str(entry).split() or [""]
        if name:
            yield name, {key: text.split("|") for key, _, text in (word.partition("=") for word in words)}


def _binding(name: str, options: Mapping[str, Any]) -> Binding:
    if not _NAME.fullmatch(name):
        raise ValueError(f"names a token “{name[:40]}”: use small letters, digits and hyphens, a letter first")
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        raise ValueError(f"gives {name} what it doesn't know: {', '.join(unknown)[:80]}; it knows {', '.join(OPTIONS)}")
    lists = {key: [options[key]] if isinstance(options[key], str) else list(options[key] or ()) for key in options}
    wrong = next((one for given in lists.values() for one in given if not _VALUE.fullmatch(str(one))), None)
    if wrong is not None:
        raise ValueError(f"binds {name} to “{str(wrong)[:40]}”, which is no name of a namespace or cluster")
    found = {key: frozenset(map(str, given)) for key, given in lists.items()}
    if not any(found.values()):
        raise ValueError(f"binds {name} to nothing: name namespaces or clusters, or leave it out")
    return Binding(name, **found)


def split(token: str, named: Container[str]) -> tuple[str, str]:
    """(name, secret) of ``shop:SECRET`` where that name is bound; any other token has none and is whole."""
    name, colon, secret = token.partition(":")
    return (name, secret) if colon and name in named else ("", token)


_File = Annotated[Path, BeforeValidator(values.file)]
_Host = Annotated[str, BeforeValidator(values.host)]
_Port = Annotated[int, BeforeValidator(values.whole(0, 65535))]


class WebhookSettings(BaseModel):
    """What ``fettle alert send`` needs to find the webhook of a running Fettle and to be let in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    WEBHOOK_TOKENS: Annotated[tuple[SecretStr, ...], BeforeValidator(values.webhook_tokens)] = Field(
        (), description="One or two bearer tokens of the alert webhook; without one it listens on loopback only."
    )
    WEBHOOK_BASIC: Annotated[tuple[SecretStr, ...], BeforeValidator(values.webhook_basic)] = Field(
        (), description="user:password pairs for senders that can only do basic authorization."
    )
    WEBHOOK_BINDINGS: Annotated[tuple[Binding, ...], PlainValidator(bindings)] = Field(
        (),
        description="For what a token of WEBHOOK_TOKENS that is written NAME:TOKEN speaks, such as "
        "shop namespaces=shop|shop-staging; of the rest it makes no proposal and ends no incident.",
    )
    LISTEN_HOST: _Host = Field(
        default_factory=lambda data: (
            "0.0.0.0" if data.get("WEBHOOK_TOKENS") or data.get("WEBHOOK_BASIC") else "127.0.0.1"
        ),
        description="Address of the alert webhook: loopback without a webhook token, else all addresses.",
    )
    LISTEN_PORT: _Port = Field(8080, description="Port of the alert webhook, /healthz and /readyz.")
    TLS_CERT: _File | None = Field(None, description="Certificate chain for the webhook; with TLS_KEY it serves HTTPS.")
    TLS_KEY: _File | None = Field(None, description="Private key that belongs to TLS_CERT.")

    @property
    def webhook_open(self) -> bool:
        """No token configured: only loopback clients are let in."""
        return not self.WEBHOOK_TOKENS and not self.WEBHOOK_BASIC
