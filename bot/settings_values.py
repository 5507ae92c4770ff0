"""How one setting's text becomes a value, and what is said when it can't.

Every parser takes what the environment, ``.env`` or ``fettle.yaml`` hold (text, or YAML's own types) and raises
``ValueError`` with the second half of a sentence: what to write instead. It never repeats the value, because the value
may be a secret; ``bot.settings`` names the setting and, where it is no secret, the value.
This module refuses to read anything: no environment, no files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.domain import selector
from bot.domain.errors import RequestError
from bot.domain.mitigation import Action, Notice
from bot.domain.severity import DEFAULT_TABLE, Severity, parse_severity

T = TypeVar("T")

SLACK_APIS = frozenset({"https://slack.com/api/", "https://slack-gov.com/api/"})
"""Slack's own addresses; any other is accepted on loopback only."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP = re.compile(r"S[A-Z0-9]{2,}")
_ONCALL = re.compile(r"oncall(:[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{16,64}")
_SUFFIX = re.compile(r"[a-z0-9]([-a-z0-9]{0,14}[a-z0-9])?")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_MIN_TOKEN = 8
Named = TypeVar("Named")
_LONGEST_TEXT = 40
_TOKENS = {
    "xoxb-": "a bot token, which belongs into SLACK_BOT_TOKEN",
    "xapp-": "an app-level token, which belongs into SLACK_APP_TOKEN",
    "xoxp-": "a user's token, which Fettle doesn't use",
    "xoxe": "a token that rotates; switch token rotation off, as manifest.yml does",
}
"""Beginnings of Slack's tokens, and what they are."""


def words(value: Any) -> tuple[str, ...]:
    """A comma or line separated text, or a YAML list, as stripped words without blanks and repeats."""
    parts = value if isinstance(value, list | tuple) else re.split(r"[,\n]", str(value))
    return tuple(dict.fromkeys(word for word in (str(part).strip() for part in parts) if word))


def duration(least: float, most: float) -> Callable[[Any], timedelta]:
    """A parser of ``15m``, ``1h30m``, ``120`` (seconds), between ``least`` and ``most`` seconds."""

    def parse(value: Any) -> timedelta:
        if isinstance(value, timedelta):
            seconds = value.total_seconds()
        else:
            text = str(value).strip().lower().replace(" ", "")
            plain = re.fullmatch(r"\d+(\.\d+)?", text) and len(text) < _LONGEST_TEXT
            parts = _PART.findall(text) if len(text) < _LONGEST_TEXT else []
            if plain:
                seconds = float(text)
            elif parts and "".join(number + unit for number, unit in parts) == text:
                seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
            else:
                raise ValueError("write a duration such as 90s, 15m or 1h30m")
        if not least <= seconds <= most:
            raise ValueError(f"write a duration between {_span(least)} and {_span(most)}")
        return timedelta(seconds=seconds)

    return parse


def _span(seconds: float) -> str:
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:g}s"


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A parser of whole numbers between ``least`` and ``most``."""

    def parse(value: Any) -> int:
        text = str(value).strip()
        number = int(text) if re.fullmatch(r"\d{1,9}", text) else -1
        if isinstance(value, bool) or not least <= number <= most:
            raise ValueError(f"write a whole number between {least} and {most}")
        return number

    return parse


def switch(value: Any) -> bool:
    """``true``/``false``, ``on``/``off``, ``yes``/``no``, ``1``/``0``."""
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("write true or false")
    return word in _TRUE


def one_of(*choices: str) -> Callable[[Any], str]:
    """A parser of one word out of ``choices``, in any case."""

    def parse(value: Any) -> str:
        found = {choice.lower(): choice for choice in choices}.get(str(value).strip().lower())
        if found is None:
            raise ValueError(f"write one of {', '.join(choices)}")
        return found

    return parse


def token(prefix: str, where: str) -> Callable[[Any], Any]:
    """A parser of Slack tokens by their prefix; a ``SecretStr`` passes through unwrapped."""

    def parse(value: Any) -> str:
        text = revealed(value).strip()
        copy = f"copy it from {where} of your app at api.slack.com/apps"
        if text[:1] in {'"', "'"}:
            raise ValueError("stands in quotation marks, which are no part of the token; leave them out")
        if not text.startswith(prefix):
            other = next((what for begin, what in _TOKENS.items() if text.startswith(begin)), "")
            raise ValueError(
                f"holds {other}; this one begins with {prefix}, {copy}"
                if other
                else f"must begin with {prefix}; {copy}"
            )
        if not re.fullmatch(r"[A-Za-z0-9._-]+", text) or text == prefix:
            raise ValueError(f"holds characters that no token has, or nothing after {prefix}; copy it again")
        return text

    return parse


def revealed(value: Any) -> str:
    """The text of a value that may be wrapped as a secret."""
    get = getattr(value, "get_secret_value", None)
    return str(get() if get else value)


def webhook_tokens(value: Any) -> tuple[str, ...]:
    """Secrets of 8 characters or more, at most two of a name: the live one, and the next one while you rotate.

    ``shop:SECRET`` is one with a name, where WEBHOOK_BINDINGS has that name.
    """
    found = words([revealed(one) for one in value] if isinstance(value, list | tuple) else revealed(value))
    names = [one.rpartition(":")[0] for one in found]
    if any(names.count(name) > 2 for name in names):
        raise ValueError("holds more than two tokens; keep the live one, and the next one while you rotate")
    short = any(len(one.rpartition(":")[2]) < _MIN_TOKEN for one in found)
    if short or any(not one.isascii() or not one.isprintable() or " " in one for one in found):
        raise ValueError(
            "holds a token that is shorter than 8 characters or has spaces; make one: openssl rand -hex 32"
        )
    return found


def webhook_basic(value: Any) -> tuple[str, ...]:
    """At most two ``user:password`` pairs."""
    found = words([revealed(one) for one in value] if isinstance(value, list | tuple) else revealed(value))
    if len(found) > 2:
        raise ValueError("holds more than two pairs; keep the live one, and the next one while you rotate")
    if any(len(pair.partition(":")[2]) < _MIN_TOKEN or pair.startswith(":") for pair in found):
        raise ValueError("must be user:password, the password 8 characters or longer")
    return found


def services(value: Any) -> Mapping[str, SecretStr]:
    """``name=routing key`` pairs, or a YAML table; the order counts."""
    given = value.items() if isinstance(value, Mapping) else [one.partition("=")[::2] for one in words(revealed(value))]
    pairs = [(str(name).strip(), revealed(key).strip()) for name, key in given]
    if any(not _SERVICE.fullmatch(name) or not _ROUTING_KEY.fullmatch(key) for name, key in pairs):
        raise ValueError("write name=routing key, comma separated; a routing key has 32 letters and digits")
    if len(dict(pairs)) != len(pairs):
        raise ValueError("names one service twice: keep one of the two")
    return {name: SecretStr(key) for name, key in pairs}


def namespaces(value: Any) -> tuple[str, ...]:
    """Names of namespaces; patterns are refused, so that the list can be read as it stands."""
    found = words(value)
    if any(not _NAMESPACE.fullmatch(name) for name in found):
        raise ValueError("write names of namespaces, comma separated, without patterns, such as shop,payments")
    return found


def actions(value: Any) -> tuple[Action, ...]:
    """Actions by their words, a hyphen being as good as an underscore."""
    return _named(value, {action.value: action for action in Action})


def allowed(value: Any) -> tuple[Action | Notice, ...]:
    """What may be done by its words: actions on the cluster, and what changes notices alone."""
    return _named(value, {one.value: one for one in (*Action, *Notice)})


def _named(value: Any, known: Mapping[str, Named]) -> tuple[Named, ...]:
    found = [known.get(word.lower().replace("-", "_")) for word in words(value)]
    if None in found:
        raise ValueError(f"write actions out of: {', '.join(known)}")
    return tuple(one for one in found if one is not None)


def label_selector(value: Any) -> str:
    """A label selector as kubectl takes it; empty selects nothing."""
    text = str(value).strip()
    selector.parse(text)
    return text


def approvers(value: Any) -> tuple[str, ...]:
    """Slack user ids (U..., W...), user group ids (S...), and schedules (``oncall:sre``)."""
    found = words(value)
    if any(not is_person(word) and not is_group(word) and not _ONCALL.fullmatch(word) for word in found):
        raise ValueError(
            "write Slack ids, comma separated: people are U... or W..., user groups S..., whoever is on call is oncall "
            "or oncall:NAME; names don't work"
        )
    return found


def is_person(slack_id: str) -> bool:
    """Whether this is the id of a person."""
    return bool(_PERSON.fullmatch(slack_id))


def is_group(slack_id: str) -> bool:
    """Whether this is the id of a user group."""
    return bool(_GROUP.fullmatch(slack_id))


def channel(value: Any) -> str:
    """A Slack channel id."""
    text = str(value).strip()
    if text and not _CHANNEL.fullmatch(text):
        raise ValueError(
            "write the channel's id, such as C0123456789 (channel, About, at the bottom); names don't work"
        )
    return text


def command_suffix(value: Any) -> str:
    """What is put behind each slash command; Slack takes commands of at most 32 characters, in small letters."""
    text = str(value).strip().lstrip("-")
    if text and not _SUFFIX.fullmatch(text):
        raise ValueError("write at most 16 small letters, digits and dashes, such as eu")
    return text


def slack_api(value: Any) -> str:
    """Slack's address, or another one on loopback; always with a slash at the end."""
    text = str(value).strip().rstrip("/") + "/"
    if text in SLACK_APIS:
        return text
    try:
        parts = urlsplit(text)
        local = parts.scheme in {"http", "https"} and is_loopback(parts.hostname or "")
    except ValueError:
        local = False
    if not local:
        raise ValueError("must be https://slack.com/api/; any other address is taken on loopback only")
    return text


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8 and ::1; a name that would need resolving is not."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def file(value: Any) -> Path:
    """A path; ``~`` is the home folder, as in a shell."""
    try:
        return Path(str(value).strip()).expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and names nobody's home folder: write the whole path") from None


def host(value: Any) -> str:
    """An address to listen on."""
    text = str(value).strip().strip("[]")
    try:
        ip_address(text)
    except ValueError:
        if text != "localhost":
            raise ValueError("write an IP address such as 127.0.0.1 or 0.0.0.0") from None
    return text


def database_url(value: Any) -> str:
    """``sqlite:////absolute/file.db``, ``sqlite:///relative.db`` or ``postgresql://...``."""
    text = revealed(value).strip()
    scheme, _, rest = text.partition("://")
    sqlite = scheme == "sqlite" and rest.startswith("/") and len(rest) > 1
    postgres = scheme in {"postgresql", "postgres"} and bool(rest.strip("/"))
    if not sqlite and not postgres:
        raise ValueError("must be sqlite:////path/to/fettle.db or postgresql://user@host/name")
    return f"postgresql://{rest}" if postgres else text


def password(url: str) -> str:
    """The password in a database's address, empty if it holds none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def severities(value: Any) -> Mapping[str, Severity]:
    """``critical=SEV2,warning=SEV3`` or a YAML table; replaces the built-in table. SEV1 is refused: it takes P0."""
    pairs = value.items() if isinstance(value, Mapping) else [word.partition("=")[::2] for word in words(value)]
    table: dict[str, Severity] = {}
    for word, severity in pairs:
        try:
            table[str(word).strip().lower()] = parse_severity(str(getattr(severity, "name", severity)))
        except RequestError:
            raise ValueError("write words and severities, such as critical=SEV2,warning=SEV3,info=SEV4") from None
    if Severity.SEV1 in table.values():
        raise ValueError("can't give SEV1: that takes the label priority=P0, or a person; write SEV2")
    return table or dict(DEFAULT_TABLE)
