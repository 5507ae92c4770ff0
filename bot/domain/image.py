"""A container image's reference, read whole: registry with its port, repository, tag, digest; and written again.

The grammar is that of the runtimes (``distribution/reference``). A name without a registry is Docker Hub's, a single
word its ``library``, a name without tag and digest the tag ``latest``. It refuses whatever a runtime refuses, so that
nothing that a workload names can become another path, host or query when a registry is asked for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.domain.errors import RequestError

DOCKER_HUB = "docker.io"
LATEST = "latest"
LONGEST_NAME = 255
"""Of registry and repository together."""
_HUBS = frozenset({"index.docker.io", "registry-1.docker.io"})
"""Other names of Docker Hub; as keys of settings and in references they mean the same."""

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_HEX_NAME = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True)
class ImageReference:
    """``registry`` is a host with its port if it has one (``docker.io`` is Docker Hub), ``repository`` the path on it.

    ``tag`` is empty where a digest alone names the image. ``name`` is registry and repository as they were written.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""
    name: str = ""

    def __str__(self) -> str:
        """The whole reference; ``parse`` gives the same from it, but for ``name``."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.place}{tag}{f'@{self.digest}' if self.digest else ''}"

    @property
    def place(self) -> str:
        """``registry.example.com/shop/api``."""
        return f"{self.registry}/{self.repository}"

    def tagged(self, tag: str) -> str:
        """Another tag of the same repository, written as this reference was."""
        return str(replace(self, tag=tag, digest="")) if not self.name else f"{self.name}:{tag}"


def parse(text: str) -> ImageReference:
    """The parts of a reference; raises ``RequestError`` with what is wrong about it."""
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise RequestError("behind its @ stands no sha256 or sha512 digest")
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not is_tag(tag):
        raise RequestError("behind its colon stands no tag: letters, digits, _, . and -, at most 128")
    name = f"{head}{slash}{last}"
    registry, repository = _split(name)
    if not _PATH.fullmatch(repository):
        raise RequestError("its repository isn't small letters and digits, joined by ., _, - and /")
    if len(registry) + 1 + len(repository) > LONGEST_NAME or _HEX_NAME.fullmatch(name):
        raise RequestError(f"its name is longer than {LONGEST_NAME} characters, or looks like a digest")
    return ImageReference(registry, repository, tag if colon or at else LATEST, digest, name)


def is_tag(text: str) -> bool:
    """Whether a tag may be called so."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether this is a digest by an algorithm that registries use."""
    return _DIGEST.fullmatch(text) is not None


def host(text: str) -> str:
    """A registry's host in one form: small letters, Docker Hub by one name, no port that goes without saying.

    A name without a dot keeps its port, since that alone tells it from a part of a repository. Raises ``RequestError``
    for anything that is no host with an optional port.
    """
    if not _HOST.fullmatch(text):
        raise RequestError("its registry is no host name or address with an optional port")
    named, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if colon and not 0 < int(port) < 65536:
        raise RequestError("its registry's port is none")
    bare = (named if colon else text).lower()
    plain = "." not in bare and not bare.endswith("]") and bare != "localhost"
    if (colon and int(port) != 443) or plain:
        return f"{bare}:{int(port) if colon else 443}"
    return DOCKER_HUB if bare in _HUBS else bare


def brief(name: str, most: int = 60) -> str:
    """``customer-facing-ga…:2026.11.26``: of a long name the tag is whole, for that is what somebody decides on."""
    if len(name) <= most:
        return name
    before, colon, tag = name.partition(":")
    room = max(12, most - len(tag) - len(colon))
    return f"{before[: room - 1]}…{colon}{tag}" if len(before) > room else name


def short(digest: str) -> str:
    """``sha256:ab12cd34ef56``: enough to tell two images apart; a digest's first twelve."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}" if value else digest


def _split(name: str) -> tuple[str, str]:
    """Registry and repository: the first part is a host if it looks like one, as runtimes decide it."""
    first, slash, rest = name.partition("/")
    if slash and (set(first) & {".", ":"} or first == "localhost" or first != first.lower()):
        registry, repository = host(first), rest
    else:
        registry, repository = DOCKER_HUB, name
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
