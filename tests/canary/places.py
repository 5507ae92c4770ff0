"""A canary for each place in which a secret may lie: planted there, looked for everywhere else.

Each is the text that is planted and the core of it, which no other place has: what turns up says where it came from.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from tests.redaction.values import ALNUM, some

SHAPES = ("named", "github", "slack", "jwt", "address", "pem", "base64", "bare")
"""``bare`` has neither a name nor a shape: for places whose text is never looked at."""


@dataclass
class Canaries:
    """``core(place)`` is what must turn up nowhere; the same place has the same core for all of a run."""

    random: Any
    cores: dict[str, str] = field(default_factory=dict)

    def core(self, place: str) -> str:
        """Sixteen characters that nothing else in the world has."""
        if place not in self.cores:
            self.cores[place] = f"Cn9{some(self.random, ALNUM, 13)}"
        return self.cores[place]

    def text(self, place: str, shape: str = "named") -> str:
        """The canary of this place as somebody would have written it there."""
        core = self.core(place)
        return {
            "named": f"password={core}",
            "github": f"ghp_{core}{core}",
            "slack": f"xoxb-{core}-{core}",
            "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJ{core}.{core}",
            "address": f"postgres://ana:{core}@db.shop.svc:5432/shop",
            "pem": f"-----BEGIN PRIVATE KEY-----\n{core}{core}\n-----END PRIVATE KEY-----",
            "base64": base64.b64encode(json.dumps({"db": {"password": core}}).encode()).decode(),
            "bare": core,
        }[shape]

    def all(self, place: str) -> str:
        """A sentence with one of every shape that can be told by looking."""
        told = [self.text(f"{place}/{shape}", shape) for shape in SHAPES if shape not in {"bare", "pem"}]
        return " and ".join(told)

    def found(self, seen: bytes) -> list[str]:
        """The places whose canary stands in these bytes, as it was planted or in base64."""
        return [
            place
            for place, core in self.cores.items()
            if core.encode() in seen or any(form in seen for form in in_base64(core))
        ]


def in_base64(core: str) -> list[bytes]:
    """The three ways in which base64 writes it, by where it begins."""
    found = []
    for offset in range(3):
        told = base64.b64encode(b"\0" * offset + core.encode())
        found.append(told[4 if offset else 0 : 16])
    return found
