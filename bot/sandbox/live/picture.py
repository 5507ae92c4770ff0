"""The whole picture: which part gets how many lines of a terminal, in one column or two. Pure.

It is never wider or higher than the terminal; what has no room is cut, the least important first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from bot.sandbox.live import parts
from bot.sandbox.live.seen import Seen

WIDE = 116
"""Columns from which there are two columns of parts."""
CARD = 6
"""Lines that a card has at the least, for it comes and goes through short and long states."""
ENDED = 100
"""Columns for the picture that stays, at most: nobody reads wider lines."""


@dataclass(frozen=True)
class Part:
    """``draw`` makes lines of a width and a height; ``wants`` is how many it has, ``least`` how few are of use.

    It has its place also while it is empty, so that nothing moves when it fills. ``title`` is drawn above, "" for none,
    and ``note`` beside it.
    """

    draw: Callable[[int, int], list[Text]]
    wants: int
    least: int
    title: str = ""
    note: Text | None = None

    @property
    def above(self) -> int:
        """Lines that the title takes."""
        return 1 if self.title else 0


def heights(found: Sequence[Part], room: int) -> list[int]:
    """Lines for each part without its title, 0 where it has no place; whoever stands first is served first."""
    given = [0] * len(found)
    for at, part in enumerate(found):
        least = min(part.least, part.wants)
        if least and part.above + least <= room:
            given[at] = least
            room -= part.above + least
    hungry = [at for at, part in enumerate(found) if given[at] and given[at] < part.wants]
    while room > 0 and hungry:
        for at in list(hungry):
            if room > 0:
                given[at] += 1
                room -= 1
            if given[at] == found[at].wants:
                hungry.remove(at)
    return given


def column(found: Sequence[Part], order: Sequence[int], width: int, height: int) -> list[Text]:
    """Parts below each other, as they stand; ``order`` is in which they are served."""
    served = heights([found[at] for at in order], height)
    given = dict(zip(order, served, strict=True))
    drawn: list[Text] = []
    for at, part in enumerate(found):
        if given[at]:
            drawn += [parts.rule(part.title, width, part.note)] if part.title else []
            inside = part.draw(width, given[at])
            drawn += [*inside, *(Text() for _ in range(given[at] - len(inside)))]
    return drawn[:height]


def picture(seen: Seen, width: int, height: int) -> list[Text]:
    """The lines of a terminal of this size; never more of them, and none wider."""
    above = parts.head(seen, width)
    steps, pods, card, happened, audit = _parts(seen, width if width < WIDE else width // 2)
    if width < WIDE:
        below = column([steps, pods, card, happened, audit], (0, 2, 1, 4, 3), width, height - len(above))
        return [*above, *below][:height]
    left_width = width // 2 - 1
    right_width = width - left_width - 2
    left = column([steps, audit], (0, 1), left_width, height - len(above))
    right = column([pods, card, happened], (1, 0, 2), right_width, height - len(above))
    rows = [*above]
    for at in range(max(len(left), len(right))):
        line = left[at].copy() if at < len(left) else Text()
        line.align("left", left_width)
        rows.append(line.append("  ").append_text(right[at] if at < len(right) else Text()))
    for row in rows:
        parts.cut(row, width)
    return rows[:height]


def _parts(seen: Seen, width: int) -> tuple[Part, Part, Part, Part, Part]:
    shown = parts.of_interest(seen.workloads, 10**6)
    entries = f"Audit: {seen.entries} {'entry' if seen.entries == 1 else 'entries'}"
    wrapped = max(CARD, len(parts.card(seen, width, 10**6)))
    return (
        Part(lambda w, h: parts.steps(seen, w, h), len(seen.steps), 4),
        Part(lambda w, h: parts.pods(seen, w, h), max(3, len(shown)), 2, "Pods", parts.legend(shown)),
        Part(lambda w, h: parts.card(seen, w, h), wrapped, 5, seen.heading),
        Part(lambda w, h: parts.lines(seen.happened, w, h), max(2, len(seen.happened)), 2, "In the cluster"),
        Part(lambda w, h: parts.lines(seen.audit, w, h), max(2, len(seen.audit)), 2, entries),
    )


def ended(seen: Seen, width: int) -> list[Text]:
    """What stays on the terminal: everything, and why if it isn't as it should be."""
    width = min(width, ENDED)
    _, pods, card, happened, audit = _parts(seen, width)
    found = parts.told(seen, width)
    for part, most in ((pods, pods.wants), (card, card.wants), (happened, 4), (audit, 6)):
        drawn = part.draw(width, min(most, part.wants))
        if drawn:
            found += [parts.rule(part.title, width, part.note), *drawn]
    found.append(parts.rule("Result", width))
    said, style = {
        "right": ("✓ as it should be", "bold green"),
        "wrong": ("✗ NOT as it should be", "bold red"),
    }.get(seen.stage, ("was ended before it was over", "bold"))
    found.append(Text.assemble((f" {said}", style), f", after {seen.seconds:.1f} s"))
    return [*found, *(Text(f"   {line}") for problem in seen.problems for line in problem.split("\n"))]
