"""``REGISTRIES``: which registries of images may be asked, and how each lets us in.

What isn't listed is never asked, since the name of an image comes from whoever may write a workload, and an address
inside the network can be written as one. Passwords stand in files, never in the list. It refuses hosts of the link
itself, where clouds keep credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.domain.errors import RequestError
from bot.domain.image import host
from bot.secret_file import Secret
from bot.settings_values import file, switch

OPTIONS = ("user", "password_file", "token_file", "ca_file", "also", "insecure", "ecr", "region")
_SWITCHES = frozenset({"insecure", "ecr"})
_ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]{4,32})\.amazonaws\.com(?:\.cn)?")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{2,10}){1,3}-[0-9]{1,2}")
_USER = re.compile(r"[!-9;-~]{1,200}")
_LONGEST_SECRET = 16_384


@dataclass(frozen=True)
class RegistrySetting:
    """One registry. ``also`` are hosts that it may send us to: for a token, or for a blob that lies elsewhere.

    ``account`` and ``region`` are of ECR alone; ``files`` are those in which its secrets stand.
    """

    host: str
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    ca_file: Path | None = None
    also: tuple[str, ...] = ()
    insecure: bool = False
    ecr: bool = False
    account: str = ""
    region: str = ""
    files: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its secret values, for the redaction of logs."""
        return tuple(one.get_secret_value() for one in (self.password, self.token) if one is not None)


def registries(value: Any) -> tuple[RegistrySetting, ...]:
    """``docker.io, registry.example.com user=fettle password_file=/path``, or a YAML table of host and options."""
    found = tuple(_setting(name, options) for name, options in _given(value))
    if len({one.host for one in found}) != len(found):
        raise ValueError("names one registry twice: keep one of the two")
    return found


def _given(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each host with its options, out of a text, a YAML list of such texts, or a YAML table."""
    if isinstance(value, Mapping):
        for name, table in value.items():
            if table is not None and not isinstance(table, Mapping):
                raise ValueError(f"gives {str(name)[:80]} no table of options: write {{}} for none")
            yield str(name), {str(key): one for key, one in (table or {}).items()}
        return
    for entry in value if isinstance(value, list | tuple) else re.split(r"[,\n]", str(value)):
        name, *words = str(entry).split() or [""]
        options: dict[str, Any] = {}
        for word in words:
            key, equals, text = word.partition("=")
            if key == "also":
                options.setdefault("also", []).append(text)
            else:
                options[key] = text if equals else "true"
        if name:
            yield name, options


def _setting(name: str, options: dict[str, Any]) -> RegistrySetting:
    at = _host(name)
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        # Not the value: it may be a password that belongs into a file.
        raise ValueError(f"gives {at} an option {unknown[0][:40]} that there isn't: write {', '.join(OPTIONS)}")
    on = {key: _switch(at, key, options[key]) for key in _SWITCHES & options.keys()}
    files = {key: file(options[key]) for key in ("password_file", "token_file") if options.get(key)}
    held = {key.removesuffix("_file"): _secret(at, key, path) for key, path in files.items()}
    user = str(options.get("user", "")).strip()
    if bool(user) != ("password" in held) or (user and not _USER.fullmatch(user)):
        raise ValueError(f"gives {at} only one of user and password_file: give both, or neither")
    if user and "token" in held:
        raise ValueError(f"gives {at} both a user and a token_file: keep the one that it asks for")
    also = options.get("also") or []
    ca_file = options.get("ca_file")
    made = RegistrySetting(
        at,
        user,
        held.get("password"),
        held.get("token"),
        ca_file=file(ca_file) if ca_file else None,
        also=tuple(dict.fromkeys(_host(str(one)) for one in ([also] if isinstance(also, str) else also))),
        insecure=on.get("insecure", False),
        files=tuple(files.values()),
    )
    return _of_ecr(made, str(options.get("region") or "")) if on.get("ecr") else _not_of_ecr(made, options)


def _of_ecr(made: RegistrySetting, region: str) -> RegistrySetting:
    found = _ECR.fullmatch(made.host)
    if found is None:
        raise ValueError(f"says ecr of {made.host}, which is no ACCOUNT.dkr.ecr.REGION.amazonaws.com")
    if made.user or made.token or made.insecure or made.ca_file or made.also:
        raise ValueError(f"gives {made.host} more than ecr and region: AWS's own credentials let us in there")
    if region and not _REGION.fullmatch(region):
        raise ValueError(f"gives {made.host} a region that is none, such as eu-central-1")
    return RegistrySetting(made.host, ecr=True, account=found["account"], region=region or found["region"])


def _not_of_ecr(made: RegistrySetting, options: Mapping[str, Any]) -> RegistrySetting:
    if options.get("region"):
        raise ValueError(f"gives {made.host} a region, which only ecr has")
    return made


def _host(text: str) -> str:
    """The host in the form that references of images have; refused where it is of the link itself."""
    try:
        found = host(text.strip())
    except RequestError:
        raise ValueError(
            "write hosts with their ports, comma separated, each with its options, such as "
            "registry.example.com user=fettle password_file=/path"
        ) from None
    if _of_the_link(found):
        raise ValueError(f"names {found}: on such addresses clouds keep credentials, not images")
    return found


def _of_the_link(at: str) -> bool:
    bare = at.rpartition(":")[0] if re.search(r":[0-9]+$", at) else at
    try:
        return ip_address(bare.strip("[]")).is_link_local
    except ValueError:
        return False


def _switch(at: str, key: str, value: Any) -> bool:
    try:
        return switch(value)
    except ValueError:
        raise ValueError(f"gives {at} {key} neither true nor false") from None


def _secret(at: str, key: str, path: Path) -> Secret:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise ValueError(f"gives {at} the {key} “{path}”, which can't be read ({reason})") from None
    try:
        value = _line(text)
    except ValueError as exc:
        raise ValueError(f"gives {at} the {key} “{path}”, which {exc}") from None
    return Secret(f"REGISTRIES ({at} {key})", value, path, _line)


def _line(text: str) -> SecretStr:
    if not text or len(text) > _LONGEST_SECRET or not text.isprintable():
        raise ValueError("is empty or holds more than one line")
    return SecretStr(text)
