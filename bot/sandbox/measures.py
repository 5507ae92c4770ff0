"""What Prometheus measured beside the pods: curves that somebody put there, found by a word and labels of the question.

It refuses to evaluate anything: a curve is known by the metric in the expression and by the matchers in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Curve = Callable[[float], float]
"""Moment (seconds since 1970) -> value."""
MATCHER = re.compile(r'(\w+)(=~|=)("(?:[^"\\]|\\.)*")')


def matchers(expr: str) -> dict[str, tuple[str, str]]:
    """Label -> (sign, value) of an expression; the first matcher of a label counts."""
    return {name: (sign, json.loads(text)) for name, sign, text in reversed(MATCHER.findall(expr))}


@dataclass(frozen=True)
class Measure:
    """One series: ``word`` is in the expression, ``where`` its matchers say; ``labels`` are what it is answered with.

    ``without`` is a word that isn't in it.
    """

    word: str
    where: Mapping[str, str]
    curve: Curve
    labels: Mapping[str, str] = field(default_factory=dict)
    without: str = ""

    def fits(self, expr: str, wanted: Mapping[str, tuple[str, str]]) -> bool:
        """Whether this is what the expression asks for."""
        if self.word not in expr or (self.without and self.without in expr):
            return False
        return all(name in wanted and _means(*wanted[name], value) for name, value in self.where.items())


def _means(sign: str, pattern: str, value: str) -> bool:
    return re.fullmatch(re.escape(pattern) if sign == "=" else pattern, value) is not None


def level(value: float) -> Curve:
    """A steady one, with a little life in it."""
    return lambda at: value * (1 + 0.002 * ((at // 60) % 5 - 2))


def climb(now: float, value: float, per_hour: float) -> Curve:
    """A line that has reached ``value`` now."""
    return lambda at: max(0.0, value + per_hour * (at - now) / 3600)


def step(at: float, before: float, after: float) -> Curve:
    """A jump at a moment."""
    return lambda moment: after if moment >= at else before
