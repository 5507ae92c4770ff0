"""The nearest tag that exists, by a rule that can be said in a sentence; never simply what was pushed last.

Tags that hold a version are compared as versions: same beginning (``v``), same variant (``-alpine``), the newest stable
one at or below the wanted one, of its major.minor, else of its major; only where none is at or below, the oldest above
within the same major.minor, and that is said. Other tags, and variants, are near by a typing error alone, whose digits
must be the same. It refuses to choose between equals, between hashes of commits, and where nothing is near.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_VERSION = re.compile(
    r"(?P<prefix>[A-Za-z_-]*?)(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})(?P<rest>(?:[._+-]?[A-Za-z-].*|[_-].*)?)"
)
_UNSTABLE = re.compile(
    r"(?:a|alpha|b|beta|c|rc|cr|m|milestone|pre|preview|dev|snapshot|nightly|canary|next|edge|ea|unstable|test)[.0-9]*",
    re.IGNORECASE,
)
_INLINE = re.compile(r"(?P<pre>\.?(?:a|b|c|rc|alpha|beta|dev|pre)[0-9]+)(?P<rest>(?:[_-].*)?)", re.IGNORECASE)
_HASH = re.compile(r"g?(?=[a-f]*[0-9])(?=[0-9]*[a-f])[a-f0-9]{7,64}")
"""A commit's; digits alone are a number."""
_SYSTEM = re.compile(r"(alpine|debian|ubuntu|ubi|el)[0-9.]+")
"""Variants by system and its version: another version of the same system is the next best."""
_LONGEST_NUMBER = 18
BUILD = 100
"""A tag of one number from here on counts builds or days; below, it is a major version."""


@dataclass(frozen=True)
class Nearest:
    """``tag`` is empty where none is near; ``rule`` says in a clause by what it is the nearest, or why none is.

    ``newer`` is whether its version is above the wanted one.
    """

    tag: str
    rule: str
    newer: bool = False


@dataclass(frozen=True)
class _Version:
    tag: str
    prefix: str
    numbers: tuple[int, ...]
    unstable: tuple[tuple[int, int, str], ...]
    """The pieces of ``rc.1``, comparable; empty for a stable one."""
    variant: str
    build: tuple[int, ...]

    @property
    def family(self) -> str:
        """``slim-alpine`` of ``slim-alpine3.19``."""
        return _SYSTEM.sub(r"\1", self.variant)

    @property
    def order(self) -> tuple[Any, ...]:
        """By which it is newer or older than another of its prefix and shape."""
        return self.numbers, not self.unstable, self.unstable, self.build


def nearest(wanted: str, tags: Iterable[str]) -> Nearest:
    """The tag nearest to ``wanted`` among those that exist; ``wanted`` itself if it is among them."""
    there = list(dict.fromkeys(tags))
    if wanted in there:
        return Nearest(wanted, "it exists")
    version = _read(wanted)
    if version is not None:
        known = [one for one in map(_read, there) if one is not None and _comparable(version, one)]
        found = _by_version(version, known)
        if found is not None:
            return found
    typo = _by_typo(wanted, there)
    if typo is not None:
        return typo
    near = "no tag is spelled nearly so" if version is None else f"no stable tag is near {wanted} by its version"
    return Nearest("", near)


def _by_version(wanted: _Version, known: Sequence[_Version]) -> Nearest | None:
    """The steps of the rule, in order; for each the very variant goes before one of its family."""
    if wanted.unstable:
        same = [one for one in known if one.unstable and one.numbers == wanted.numbers and one.order <= wanted.order]
        if found := _newest(wanted, same):
            return Nearest(found.tag, f"the newest of {_dotted(wanted.numbers)} before it, not stable either")
    stable = [one for one in known if not one.unstable]
    below = [one for one in stable if _at_or_below(wanted, one)]
    if len(wanted.numbers) == 1:
        if wanted.numbers[0] < BUILD:
            below = [one for one in below if one.numbers[0] == wanted.numbers[0]]
        found = _newest(wanted, below)
        return Nearest(found.tag, f"the newest at or below {wanted.tag}") if found else None
    for depth in (2, 1):
        series = wanted.numbers[:depth]
        found = _newest(wanted, [one for one in below if one.numbers[:depth] == series])
        if found:
            return Nearest(found.tag, f"the newest stable one of {_dotted(series)} at or below it")
    series = wanted.numbers[:2]
    above = [one for one in stable if one.numbers[:2] == series and not _at_or_below(wanted, one)]
    found = _newest(wanted, above, oldest=True)
    if found is None:
        return None
    return Nearest(found.tag, f"the oldest of {_dotted(series)}, newer than the wanted one", newer=True)


def _newest(wanted: _Version, known: Sequence[_Version], *, oldest: bool = False) -> _Version | None:
    """The newest, of the very variant if there is one, else of its family; of equals the one written alike."""
    for fitting in (
        [one for one in known if one.variant == wanted.variant],
        [one for one in known if one.family == wanted.family],
    ):
        for same_shape in (True, False):
            shaped = [one for one in fitting if (len(one.numbers) == len(wanted.numbers)) is same_shape]
            if shaped:
                edge = (min if oldest else max)(shaped, key=lambda one: one.order).order
                alike = [one for one in shaped if one.order == edge]
                return min(alike, key=lambda one: (one.prefix != wanted.prefix, one.tag))
    return None


def _comparable(wanted: _Version, other: _Version) -> bool:
    """Same prefix (``v`` and none are one), and not a shorter number: such a tag moves from version to version."""
    alike = other.prefix.lower().removesuffix("v") == wanted.prefix.lower().removesuffix("v")
    return alike and len(other.numbers) >= len(wanted.numbers)


def _at_or_below(wanted: _Version, other: _Version) -> bool:
    """Compared by as many numbers as the wanted one has: 1.4 stands for all of 1.4."""
    size = len(wanted.numbers)
    if len(other.numbers) > size:
        return other.numbers[:size] <= wanted.numbers
    return other.order <= wanted.order or (other.numbers == wanted.numbers and not wanted.unstable and not wanted.build)


def _read(tag: str) -> _Version | None:
    """The tag as a version; None where it holds none."""
    found = _VERSION.fullmatch(tag)
    if found is None or any(len(part) > _LONGEST_NUMBER for part in found["numbers"].split(".")):
        return None
    begin = max(tag.rfind(mark, 0, found.start("numbers")) for mark in "._-") + 1
    if _HASH.fullmatch(re.split(r"[._-]", tag[begin:])[0]):
        return None  # main-12abc34: these digits count nothing
    rest = found["rest"]
    unstable: list[str] = []
    variant: list[str] = []
    build: list[int] = []
    inline = _INLINE.fullmatch(rest)
    if inline is not None:
        unstable.append(inline["pre"].lstrip("."))
        rest = inline["rest"]
    for piece in re.split(r"[_+-]", rest.lstrip("_+-.")) if rest else []:
        if _UNSTABLE.fullmatch(piece):
            unstable.append(piece)
        elif piece.isdecimal() and len(piece) <= _LONGEST_NUMBER:
            build.append(int(piece))
        else:
            variant.append("#" if _HASH.fullmatch(piece) else piece)
    numbers = tuple(int(part) for part in found["numbers"].split("."))
    ordered = tuple(key for piece in unstable for key in _pieces(piece))
    return _Version(tag, found["prefix"], numbers, ordered, "-".join(variant), tuple(build))


def _pieces(text: str) -> list[tuple[int, int, str]]:
    """``rc.10`` as words and numbers, so that it comes after ``rc.9``."""
    return [
        (1, int(part), "") if part.isdecimal() else (0, 0, part.lower())
        for part in re.findall(r"[0-9]{1,18}|[A-Za-z]+", text)
    ]


def _by_typo(wanted: str, there: Sequence[str]) -> Nearest | None:
    """The one tag that a slip of the hand would make ``wanted``; its digits are the same, since those are no slips.

    None where no tag is spelled nearly so; of several none is chosen, and why.
    """
    room = 0 if len(wanted) < 4 else 1 if len(wanted) < 8 else 2
    digits = re.findall(r"[0-9]+", wanted)
    near: dict[int, list[str]] = {}
    for tag in there:
        if re.findall(r"[0-9]+", tag) != digits or any(_HASH.fullmatch(part) for part in re.split(r"[._-]", tag)):
            continue
        away = 0 if tag.lower() == wanted.lower() else _slips(wanted.lower(), tag.lower(), room)
        if away <= room:
            near.setdefault(away, []).append(tag)
    if not near:
        return None
    best = sorted(near[min(near)])
    if len(best) > 1:
        return Nearest("", f"{' and '.join(best[:2])} are spelled equally near")
    return Nearest(best[0], "the only one that is spelled nearly so")


def _slips(one: str, other: str, most: int) -> int:
    """Letters left out, put in, changed, or two swapped, until one is the other; ``most + 1`` for more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row[-1], most + 1)


def _dotted(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))
