"""Every setting there is, read once: the environment wins over ``.env``, that over ``fettle.yaml``, that over defaults.

The only reader of the environment. All that is wrong is said at once, one sentence a setting, and never a secret's
value. It refuses to guess: an unknown key in ``fettle.yaml`` and a token with a wrong prefix are sentences, not
warnings; and it refuses to ask anybody whether a token or an address works (that is the preflight's work).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, SecretStr, ValidationError

from bot import settings_artifacts as artifacts
from bot import settings_files as files
from bot import settings_values as values
from bot.domain.approval import is_group, is_oncall
from bot.domain.errors import ConfigError
from bot.domain.mitigation import Action, Notice
from bot.domain.redaction import redact
from bot.domain.severity import DEFAULT_TABLE, Severity
from bot.settings_limits import LimitSettings
from bot.settings_oncall import OncallSettings, unknown
from bot.settings_policy import PolicySettings, from_file
from bot.settings_sources import SOURCE_SECRETS, UNTOLD, SourceSettings, address, contradictions
from bot.settings_webhook import WebhookSettings

IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
SHORT_SOAK = timedelta(seconds=30)
"""A soak below this measures nothing; it is for the sandbox's cluster alone."""

_BOT = values.token("xoxb-", "OAuth & Permissions")
_APP = values.token("xapp-", "Basic Information, App-Level Tokens,")
_File = Annotated[Path, BeforeValidator(values.file)]
_Words = tuple[str, ...]
_Timeout = Annotated[timedelta, BeforeValidator(values.duration(0.1, 300))]
_Soak = Annotated[timedelta, BeforeValidator(values.duration(1, 86400))]
_Host = Annotated[str, BeforeValidator(values.host)]
_Port = Annotated[int, BeforeValidator(values.whole(0, 65535))]
_Switch = Annotated[bool, BeforeValidator(values.switch)]


class StoreSettings(BaseModel):
    """What the command line needs to open the store without Slack or a cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    DATA_DIR: _File = Field(Path("data"), description="Folder of the database file and of everything kept on disk.")
    DATABASE_URL: Annotated[str, BeforeValidator(values.database_url)] = Field(
        default_factory=lambda data: f"sqlite:///{Path(data.get('DATA_DIR', 'data')).absolute() / 'fettle.db'}",
        repr=False,
        description="Where incidents and the audit are kept: a SQLite file under DATA_DIR, or "
        "postgresql://user@host/name.",
    )
    FREEZE_FILE: _File | None = Field(
        None, description="While this file exists nothing is changed in the cluster: a kill switch without Slack."
    )
    RETENTION_DAYS: Annotated[int, BeforeValidator(values.whole(1, 3650))] = Field(
        90, description="Days after which bodies, evidence and reasons of resolved incidents are erased."
    )


class IncidentSettings(BaseModel):
    """What decides which alerts become which incident and which playbook that gets: all that ``playbooks`` needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    PLAYBOOKS_DIR: _File | None = Field(
        None,
        description="Folder of your own playbooks (YAML); each replaces the built-in one of its name, and a change "
        "counts within seconds.",
    )
    SEVERITY_MAP: Annotated[Mapping[str, Severity], PlainValidator(values.severities)] = Field(
        default_factory=lambda: dict(DEFAULT_TABLE),
        description="What the severity label means, such as critical=SEV2,warning=SEV3; other words are SEV4.",
    )
    CLUSTER_NAME: str = Field(
        "", description="This cluster's name; alerts whose cluster label names another one get no proposals."
    )
    REOPEN_WINDOW: Annotated[timedelta, BeforeValidator(values.duration(0, 604800))] = Field(
        timedelta(minutes=30), description="A firing this soon after the end reopens the incident on its card."
    )


class Settings(
    SourceSettings, WebhookSettings, IncidentSettings, LimitSettings, PolicySettings, OncallSettings, StoreSettings
):
    """All settings; frozen. Durations are ``timedelta``, lists are tuples, tokens are ``SecretStr``."""

    SLACK_BOT_TOKEN: Annotated[SecretStr, BeforeValidator(_BOT)] = Field(
        description="The bot token (xoxb-...) with which cards are posted and edited."
    )
    SLACK_APP_TOKEN: Annotated[SecretStr, BeforeValidator(_APP)] = Field(
        description="The app-level token (xapp-..., connections:write) with which presses arrive over Socket Mode."
    )
    SLACK_CHANNEL_ID: Annotated[str, BeforeValidator(values.channel)] = Field(
        "", description="The channel of the cards; not needed while the bot is a member of exactly one channel."
    )
    SLACK_API_URL: Annotated[str, BeforeValidator(values.slack_api)] = Field(
        "https://slack.com/api/",
        description="Slack's Web API; an address other than Slack's is taken on loopback only.",
    )
    POST_TO_SHARED_CHANNELS: _Switch = Field(
        default=False, description="Allows posting into channels that are shared with other organisations."
    )
    KUBECONFIG: str = Field(
        "", description="The kubeconfig file; empty inside a cluster, where the pod's account is used."
    )
    KUBE_CONTEXT: str = Field("", description="The context of the kubeconfig; empty takes its current one.")
    OWN_NAMESPACE: str = Field("fettle", description="The namespace Fettle runs in; it never acts on it.")
    ALLOWED_NAMESPACES: Annotated[_Words, BeforeValidator(values.namespaces)] = Field(
        (), description="Namespaces in which Fettle may act; empty means none: it reads and shows, and changes nothing."
    )
    ALLOWED_ACTIONS: Annotated[tuple[Action | Notice, ...], BeforeValidator(values.allowed)] = Field(
        (),
        description="Actions that may be proposed for approval, such as restart,rollback, and silence, which approvers "
        "set; empty means none.",
    )
    OVERRIDE_OWNERS: Annotated[_Words, BeforeValidator(values.namespaces)] = Field(
        (),
        description="Namespaces where Fettle may change what Argo CD, Flux, Fleet or Helm keeps; it may be taken back.",
    )
    APPROVERS: Annotated[_Words, BeforeValidator(values.approvers)] = Field(
        (), description="Slack ids of people (U...) and user groups (S...) who may approve; empty means nobody."
    )
    SELF_APPROVE: Annotated[tuple[Action, ...], BeforeValidator(values.actions)] = Field(
        (), description="Actions that an approver may approve for a request of their own."
    )
    COMMAND_SUFFIX: Annotated[str, BeforeValidator(values.command_suffix)] = Field(
        "", description="Where a workspace has one app a cluster: eu makes /incident-eu, as in fettle manifest."
    )
    MODE: Annotated[str, BeforeValidator(values.one_of("act", "observe"))] = Field(
        "act", description="observe shows what would be proposed and what policy would say, without buttons."
    )
    FETTLE_FROZEN: _Switch = Field(default=False, description="Starts with the kill switch on.")
    APPROVAL_TTL: Annotated[timedelta, BeforeValidator(values.duration(1, 86400))] = Field(
        timedelta(minutes=15), description="How long a proposal may be approved."
    )
    VERIFY_SOAK: _Soak = Field(
        timedelta(seconds=120), description="How long new pods are watched for restarts before a verdict."
    )
    VERIFY_SOAK_CRASHLOOP: _Soak = Field(
        timedelta(seconds=600), description="The same after a crash loop, whose pauses are long."
    )
    WATCHDOG_TIMEOUT: Annotated[timedelta | None, BeforeValidator(values.duration(60, 86400))] = Field(
        None,
        description="Such as 15m: an incident when the alert Watchdog doesn't come for so long; unset, nobody looks.",
    )
    HANDLERS_DIR: _File | None = Field(
        None,
        description="Folder of your own handlers (Python), run as Fettle; refused where Fettle or others may write it.",
    )
    PAGERDUTY_SERVICES: Annotated[Mapping[str, SecretStr], PlainValidator(values.services)] = Field(
        default_factory=dict,
        description="Services of PagerDuty that playbooks may name, as name=ROUTING_KEY, comma separated; the first is "
        "paged when Slack hasn't taken the card of a SEV1 or SEV2 for two minutes.",
    )
    PAGERDUTY_URL: Annotated[str, BeforeValidator(address)] = Field(
        "https://events.pagerduty.com", description="PagerDuty's Events API; https://events.eu.pagerduty.com in the EU."
    )
    METRICS_HOST: _Host = Field("127.0.0.1", description="Address of the separate listener for /metrics and /status.")
    METRICS_PORT: _Port = Field(9090, description="Port of /metrics and /status.")
    KUBE_TIMEOUT: _Timeout = Field(timedelta(seconds=10), description="Limit of one request to the cluster.")
    SLACK_TIMEOUT: _Timeout = Field(timedelta(seconds=10), description="Limit of one request to Slack.")
    EVIDENCE_TIMEOUT: _Timeout = Field(timedelta(seconds=8), description="Limit of each collector of evidence.")
    EVIDENCE_RATE: Annotated[int, BeforeValidator(values.whole(1, 100))] = Field(
        10,
        description="Calls to the cluster that all evidence together may make a second; a 429 halves it for a while.",
    )
    CHARTS: Annotated[str, BeforeValidator(values.one_of("auto", "picture", "off"))] = Field(
        "auto",
        description="auto draws metrics with Slack's own charts where they fit and are taken, else as pictures (these "
        "need the extra plots); picture always as pictures; off leaves them a line of text.",
    )
    LOG_FORMAT: Annotated[str, BeforeValidator(values.one_of("auto", "json", "console"))] = Field(
        "auto", description="json, console, or auto: console on a terminal, json elsewhere."
    )
    LOG_LEVEL: Annotated[str, BeforeValidator(values.one_of("debug", "info", "warning", "error"))] = Field(
        "info", description="Least severe log line that is written."
    )

    @property
    def may_act(self) -> bool:
        """Whether anything could ever be changed: mode, namespaces, actions and approvers are all there."""
        return self.MODE == "act" and bool(self.ALLOWED_NAMESPACES and self.ALLOWED_ACTIONS and self.APPROVERS)

    @property
    def short_soak(self) -> bool:
        """A soak under 30 s, fit for the sandbox's cluster alone."""
        return min(self.VERIFY_SOAK, self.VERIFY_SOAK_CRASHLOOP) < SHORT_SOAK

    @property
    def approver_groups(self) -> tuple[str, ...]:
        """The user groups and schedules among the approvers, those of the policy included."""
        return tuple(dict.fromkeys(one for one in (*self.APPROVERS, *self.POLICY.approvers) if is_group(one)))

    @property
    def pager(self) -> str:
        """The service that is paged when Slack is late; empty if there is none."""
        return next(iter(self.PAGERDUTY_SERVICES), "")

    @property
    def slack_is_real(self) -> bool:
        """Whether SLACK_API_URL is Slack's own."""
        return self.SLACK_API_URL in values.SLACK_APIS

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redaction of logs; never to be shown."""
        basic = [pair.get_secret_value().partition(":")[2] for pair in self.WEBHOOK_BASIC]
        tokens = (
            self.SLACK_BOT_TOKEN, self.SLACK_APP_TOKEN, *self.WEBHOOK_TOKENS, *self.PAGERDUTY_SERVICES.values(),
        )  # fmt: skip
        database = values.password(self.DATABASE_URL)
        others = (*basic, *([database] if database else []), *self.source_secrets())
        return (*(one.get_secret_value() for one in tokens), *others)


def _described(model: type[BaseModel]) -> dict[str, str]:
    return {name: field.description or "" for name, field in model.model_fields.items()}


DESCRIPTIONS: Mapping[str, str] = MappingProxyType(_described(Settings))
"""Setting name -> one sentence: what it is and what it adds."""

SECRET = SOURCE_SECRETS | {
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "WEBHOOK_TOKENS", "WEBHOOK_BASIC", "DATABASE_URL", "PAGERDUTY_SERVICES",
}  # fmt: skip
"""Settings whose value is never shown; each is also taken from the file that ``NAME_FILE`` names."""

FOLLOWED = SECRET - {"DATABASE_URL"}
"""Secrets whose file is read again when it is replaced; a database is opened once."""

_MISSING = {
    "SLACK_BOT_TOKEN": "SLACK_BOT_TOKEN is missing: install the app with manifest.yml, then copy the token (xoxb-...) "
    "from OAuth & Permissions.",
    "SLACK_APP_TOKEN": "SLACK_APP_TOKEN is missing: make an app-level token (xapp-...) with connections:write "
    "under Basic Information.",
}

M = TypeVar("M", bound=BaseModel)


def load(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> Settings:
    """All settings; raises ``ConfigError`` with one sentence for each that is wrong or missing."""
    env = os.environ if environ is None else environ
    found = _found(env, env_file, yaml_file)
    raw, sentences = found.values, found.unreadable + found.wrong
    if "OWN_NAMESPACE" not in raw and IN_CLUSTER_NAMESPACE.is_file():
        raw["OWN_NAMESPACE"] = IN_CLUSTER_NAMESPACE.read_text().strip()
    inside = bool(env.get("KUBERNETES_SERVICE_HOST"))
    lacking = [name for name in _MISSING if not raw.get(name)] + ["KUBECONFIG"] * (not raw.get("KUBECONFIG"))
    if lacking and not inside and (nowhere := files.absent(Path(env_file))):
        sentences.insert(0, nowhere)
    if not raw.get("KUBECONFIG") and not inside:
        sentences.append(
            "KUBECONFIG is missing: name the kubeconfig file of the cluster (inside a pod it isn't needed)."
        )
    built = _built(Settings, raw, sentences + from_file(raw) + _across(raw))
    wrong = unknown(
        tuple(filter(is_oncall, built.approver_groups)), built.ONCALL, token=built.PAGERDUTY_API_TOKEN is not None
    )
    if wrong:
        raise ConfigError(wrong)
    built.follow({name: file for name, file in found.secret_files.items() if name in FOLLOWED})
    return built


def load_database_only(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> StoreSettings:
    """What ``audit`` and ``freeze`` need: no Slack tokens, no cluster; raises ``ConfigError`` like ``load``."""
    env = os.environ if environ is None else environ
    found = _found(env, env_file, yaml_file)
    wanted = {name: value for name, value in found.values.items() if name in StoreSettings.model_fields}
    # What isn't about the store must not keep anybody from freezing; a file that can't be read may have named it.
    sentences = [one for one in found.wrong if "DATABASE_URL" in one or "DATA_DIR" in one]
    return _built(StoreSettings, wanted, sentences + ([] if env.get("DATABASE_URL") else found.unreadable))


def load_channel_only(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> str:
    """Where cards go, as written; empty where it isn't: to tell of a freeze is wished for, to freeze comes first."""
    found = _found(os.environ if environ is None else environ, env_file, yaml_file)
    return str(found.values.get("SLACK_CHANNEL_ID", "") or "").strip()


def load_webhook_only(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> WebhookSettings:
    """What ``alert send`` needs: where the webhook listens and its tokens; raises ``ConfigError`` like ``load``."""
    found = _found(os.environ if environ is None else environ, env_file, yaml_file)
    wanted = {name: value for name, value in found.values.items() if name in WebhookSettings.model_fields}
    about = [one for one in found.wrong if any(name in one for name in WebhookSettings.model_fields)]
    return _built(WebhookSettings, wanted, about + found.unreadable)


def load_incidents_only(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> IncidentSettings:
    """What ``fettle playbooks`` needs: no tokens, no cluster, no store; raises ``ConfigError`` like ``load``."""
    found = _found(os.environ if environ is None else environ, env_file, yaml_file)
    wanted = {name: value for name, value in found.values.items() if name in IncidentSettings.model_fields}
    about = [one for one in found.wrong if any(name in one for name in IncidentSettings.model_fields)]
    return _built(IncidentSettings, wanted, about + found.unreadable)


def load_policy_only(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> PolicySettings:
    """What ``fettle policy check`` needs: no tokens, no cluster, no store; raises ``ConfigError`` like ``load``."""
    found = _found(os.environ if environ is None else environ, env_file, yaml_file)
    wanted = {name: value for name, value in found.values.items() if name in PolicySettings.model_fields}
    about = [one for one in found.wrong if "POLICY" in one]
    return _built(PolicySettings, wanted, about + found.unreadable + from_file(wanted))


def secret_files(
    environ: Mapping[str, str] | None = None, env_file: str | Path = ".env", yaml_file: str | Path = "fettle.yaml"
) -> Mapping[str, Path]:
    """The files that hold secrets: ``.env`` and ``fettle.yaml`` where they do, and each that a ``NAME_FILE`` names."""
    return _found(os.environ if environ is None else environ, env_file, yaml_file).secret_files


def suspicious(environ: Mapping[str, str] | None = None) -> list[str]:
    """Sentences about environment variables that look like a setting with a typing error; they may be another's."""
    return files.nearly_known(os.environ if environ is None else environ, DESCRIPTIONS, SECRET)


def _found(environ: Mapping[str, str], env_file: str | Path, yaml_file: str | Path) -> files.Found:
    return files.found(environ, Path(env_file), Path(yaml_file), DESCRIPTIONS, SECRET)


def _across(raw: Mapping[str, Any]) -> list[str]:
    """What is wrong between settings that are right each by itself."""
    sentences = contradictions(raw) + artifacts.contradictions(raw)
    if bool(raw.get("TLS_CERT")) != bool(raw.get("TLS_KEY")):
        given, other = ("TLS_CERT", "TLS_KEY") if raw.get("TLS_CERT") else ("TLS_KEY", "TLS_CERT")
        sentences.append(f"{given} is given without {other}: give both, or neither.")
    guarded = raw.get("WEBHOOK_TOKENS") or raw.get("WEBHOOK_BASIC")
    listen = str(raw.get("LISTEN_HOST", "127.0.0.1")).strip("[]")
    port = str(raw.get("LISTEN_PORT", 8080)).strip()
    same_host = str(raw.get("METRICS_HOST", "127.0.0.1")).strip("[]") in {listen, "0.0.0.0", "::"}
    if port == str(raw.get("METRICS_PORT", 9090)).strip() != "0" and (same_host or guarded):
        sentences.append(f"LISTEN_PORT and METRICS_PORT are both {port}: give each listener a port of its own.")
    if not guarded and not values.is_loopback(listen):
        sentences.append(
            f"LISTEN_HOST is “{listen}” without a webhook token, which would let anybody send alerts: "
            "set WEBHOOK_TOKENS, or listen on 127.0.0.1."
        )
    return sentences


def _built(model: type[M], raw: Mapping[str, Any], sentences: list[str]) -> M:
    try:
        built = model.model_validate(dict(raw))
    except ValidationError as exc:
        errors = [one for one in exc.errors(include_url=False) if one["type"] != "default_factory_not_called"]
        wrong = [_sentence(str(error["loc"][0]), error, raw) for error in errors]
        raise ConfigError(sentences + wrong) from None
    if sentences:
        raise ConfigError(sentences)
    return built


def _sentence(name: str, error: Any, raw: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return _MISSING.get(name, f"{name} is missing.")
    advice = str(error.get("ctx", {}).get("error", error["msg"]))
    if name in SECRET | UNTOLD:
        return f"{name} {advice}."
    return f"{name} is “{redact(str(raw.get(name)))}”: {advice}."
