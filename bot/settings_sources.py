"""Settings of the systems that evidence is asked from: where each is, and how it lets us in.

The three are alike on purpose, so that who has set one knows the others. It refuses to ask any of them: an address
that is down is a line on the card and in ``fettle doctor``, never a start that fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, SecretStr

from bot.domain.mitigation import Notice
from bot.secret_file import SecretSettings
from bot.settings_registries import RegistrySetting, registries
from bot.settings_values import file, revealed

SOURCES = ("PROMETHEUS", "ALERTMANAGER", "LOKI")
SOURCE_SECRETS = frozenset(f"{source}_{what}" for source in SOURCES for what in ("TOKEN", "BASIC")) | {
    "PAGERDUTY_API_TOKEN"
}
UNTOLD = frozenset({"POLICY", "REGISTRIES", "CLUSTER_USERS", "ONCALL"})
"""Settings that hold no secret and aren't repeated in a sentence: somebody may have written one into them."""


def address(value: Any) -> str:
    """The base address of an HTTP system, without a slash at its end."""
    text = str(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("write its base address, such as http://prometheus.monitoring.svc:9090") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write its base address, such as http://prometheus.monitoring.svc:9090")
    if parts.username or parts.password:
        raise ValueError("must hold no credentials; give user:password in the setting that ends in _BASIC")
    if parts.query or parts.fragment or re.search(r"\s", text):
        raise ValueError("must end with its path, without a question mark, a # or blanks")
    return text


def bearer(value: Any) -> str:
    """A bearer token: printable, without blanks."""
    text = revealed(value).strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that no bearer token has; copy it again, without “Bearer”")
    return text


def pair(value: Any) -> str:
    """``user:password``."""
    text = revealed(value).strip()
    user, colon, _ = text.partition(":")
    if not user or not colon or not text.isprintable():
        raise ValueError("must be user:password")
    return text


def tenant(value: Any) -> str:
    """A tenant, as its header takes it; several are joined by ``|``."""
    text = str(value).strip()
    if not re.fullmatch(r"[A-Za-z0-9!._*'()|-]{0,150}", text):
        raise ValueError("write the tenant's id, as X-Scope-OrgID takes it: letters, digits and !-_.*'()|")
    return text


_Address = Annotated[str, BeforeValidator(address)]
_Token = Annotated[SecretStr, BeforeValidator(bearer)]
_Basic = Annotated[SecretStr, BeforeValidator(pair)]
_File = Annotated[Path, BeforeValidator(file)]
_Tenant = Annotated[str, BeforeValidator(tenant)]


class SourceSettings(SecretSettings):
    """Prometheus, Alertmanager, Loki, and the registries of images."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    PROMETHEUS_URL: _Address = Field(
        "", description="Base address of Prometheus (or Thanos, Mimir): metrics on the card, charts in its thread."
    )
    PROMETHEUS_TOKEN: _Token | None = Field(None, description="Bearer token for Prometheus.")
    PROMETHEUS_BASIC: _Basic | None = Field(None, description="user:password for Prometheus.")
    PROMETHEUS_CA_FILE: _File | None = Field(
        None, description="File with the certificate authority of Prometheus, where the system doesn't trust it."
    )
    PROMETHEUS_TENANT: _Tenant = Field("", description="Tenant for Prometheus, sent as X-Scope-OrgID.")
    ALERTMANAGER_URL: _Address = Field(
        "", description="Base address of Alertmanager: asked each minute, so that a resolve that got lost is made good."
    )
    ALERTMANAGER_TOKEN: _Token | None = Field(None, description="Bearer token for Alertmanager.")
    ALERTMANAGER_BASIC: _Basic | None = Field(None, description="user:password for Alertmanager.")
    ALERTMANAGER_CA_FILE: _File | None = Field(
        None, description="File with the certificate authority of Alertmanager, where the system doesn't trust it."
    )
    ALERTMANAGER_TENANT: _Tenant = Field("", description="Tenant for Alertmanager, sent as X-Scope-OrgID.")
    LOKI_URL: _Address = Field(
        "",
        description="Base address of Loki: error lines around the start, and after an action against before.",
    )
    LOKI_TOKEN: _Token | None = Field(None, description="Bearer token for Loki.")
    LOKI_BASIC: _Basic | None = Field(None, description="user:password for Loki.")
    LOKI_CA_FILE: _File | None = Field(
        None, description="File with the certificate authority of Loki, where the system doesn't trust it."
    )
    LOKI_TENANT: _Tenant = Field("", description="Tenant for Loki, sent as X-Scope-OrgID.")
    PAGERDUTY_API_TOKEN: _Token | None = Field(
        None, description="Key of PagerDuty's REST API that may read schedules, for ONCALL; a read-only one is enough."
    )
    PAGERDUTY_API_URL: _Address = Field(
        "https://api.pagerduty.com", description="PagerDuty's REST API; https://api.eu.pagerduty.com in the EU."
    )
    REGISTRIES: Annotated[tuple[RegistrySetting, ...], PlainValidator(registries)] = Field(
        (),
        description="Registries that may be asked which tags there are when an image can't be pulled, comma separated, "
        "each with its options (see docs/operations.md); empty means none is asked.",
    )

    def follow(self, files: Mapping[str, Path]) -> None:
        """Those of the registries too, whose files stand in their list."""
        super().follow(files)
        for one in self.REGISTRIES:
            self._secrets.update({held.name: held for held in (one.password, one.token) if held is not None})

    def source_secrets(self) -> tuple[str, ...]:
        """Every secret value of these, for the redaction of logs."""
        held = [getattr(self, name) for name in sorted(SOURCE_SECRETS)]
        texts = [one.get_secret_value() for one in held if one is not None]
        parts = [part for text in texts for part in (text, text.partition(":")[2]) if part]
        return (*parts, *(secret for one in self.REGISTRIES for secret in one.secrets))


def contradictions(raw: Mapping[str, Any]) -> list[str]:
    """What is wrong between settings that are right each by itself."""
    sentences = [
        f"{source}_TOKEN and {source}_BASIC are both given: keep the one that {source.capitalize()} asks for."
        for source in SOURCES
        if raw.get(f"{source}_TOKEN") and raw.get(f"{source}_BASIC")
    ]
    if Notice.SILENCE in str(raw.get("ALLOWED_ACTIONS", "")).lower() and not raw.get("ALERTMANAGER_URL"):
        where = "give the address of Alertmanager, or take silence out."
        sentences.append(f"ALLOWED_ACTIONS names silence without ALERTMANAGER_URL: {where}")
    return sentences
