"""The corpus of lines, read from its files: what holds secrets, and what looks like it and holds none.

A file has sections (``[kind]``) of one template a line; ``⏎`` is a line break and ``␛`` the escape character. The lines
of ``names.txt`` and ``forms.txt`` are crossed: any name may stand in any form. A third of all templates, chosen by a
checksum, was held out while the rules were made, and ``written later`` when they were done: what was missed of these
then is known by now, so that a rule is only shown to be general by lines that are yet to be written.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.redaction.values import HARMLESS, SECRETS, WAYS

HERE = Path(__file__).parent
SURVIVES = 5
"""So many characters of a secret in a row are too many."""
_PLACE = re.compile(r"\{(\w+)((?:\|\w+)*)\}")


@dataclass(frozen=True)
class Line:
    """A template filled: ``secrets`` are the texts of which nothing may survive; none for a harmless line."""

    kind: str
    template: str
    text: str
    secrets: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """Whether the first rules were made without looking at it."""
        return zlib.crc32(self.template.encode()) % 3 == 0

    def surviving(self, shown: str) -> str:
        """What of a secret still stands in ``shown``, five characters of it; "" when nothing does."""
        around = _PLACE.sub("\0", self.template)
        for secret in self.secrets:
            for part in re.split(r"\s+|\x1b\[[0-9;]*m|\u200b", secret):
                pieces = (part[at : at + SURVIVES] for at in range(max(1, len(part) - SURVIVES + 1)))
                for piece in pieces:
                    if len(piece) >= SURVIVES and piece in shown and piece not in around:
                        return piece
        return ""


def sections(name: str) -> Iterator[tuple[str, str]]:
    """(kind, template) of every line of a file."""
    kind = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[[\w -]+\]", line):
            kind = line[1:-1]
        elif line.strip() and not line.startswith("# "):
            yield kind, line


def fill(kind: str, template: str, seed: str) -> Line:
    """The line with a value at each place; the same seed makes the same line."""
    random = Random(f"{seed}/{template}")  # noqa: S311 - the same line again is what is wanted
    secrets: list[str] = []

    def made(place: re.Match[str]) -> str:
        name, ways = place[1], place[2].split("|")[1:]
        if name not in SECRETS and name not in HARMLESS:
            return place[0]
        value = (SECRETS.get(name) or HARMLESS[name])(random)
        for way in ways:
            value = WAYS[way](value)
        if name in SECRETS:
            secrets.append(value)
        return value

    text = _PLACE.sub(made, template.replace("⏎", "\n").replace("␛", "\x1b"))
    return Line(kind, template, text, tuple(secrets))


def crossed(names: str, forms: str, count: int, seed: str) -> Iterator[tuple[str, str]]:
    """(kind, template) of ``count`` of the names in forms."""
    every = [line for _, line in sections(names)]
    shapes = list(sections(forms))
    random = Random(f"{seed}/{names}")  # noqa: S311 - as above
    for _ in range(count):
        kind, form = random.choice(shapes)
        yield kind, form.replace("NAME", random.choice(every))


def hostile(seed: str, count: int = 400) -> list[Line]:
    """Every written template, and ``count`` of the names in forms."""
    told = [*sections("hostile.txt"), *crossed("names.txt", "forms.txt", count, seed)]
    return [fill(kind, template, seed) for kind, template in told]


def benign(seed: str, count: int = 450) -> list[Line]:
    """The same of what is harmless."""
    told = [*sections("benign.txt"), *crossed("benign_names.txt", "benign_forms.txt", count, seed)]
    return [fill(kind, template, seed) for kind, template in told]
