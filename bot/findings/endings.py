"""How a container ended, in words: its exit code, the signal behind it, its last words.

It refuses to tell a kill by the kernel from one by the kubelet by the exit code alone: both are 137.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.findings.case import Case
from bot.findings.lines import Points, spoken
from bot.findings.phrases import cut
from bot.findings.sick import START_REASONS, How, Sick
from bot.findings.signs import Sign, strongest

CODES = {
    0: "it finished by itself",
    126: "the command can't be executed",
    127: "the command isn't there",
    128: "the runtime couldn't start it",
    132: "illegal instruction",
    134: "aborted (SIGABRT)",
    135: "bus error",
    136: "arithmetic fault",
    137: "killed (SIGKILL)",
    139: "segmentation fault",
    143: "asked to stop (SIGTERM)",
}
_RUNTIME = "unable to start container process: "
"""What the container runtime says before it comes to the point."""
UNSTARTABLE = frozenset({126, 127, 128})
NATIVE = frozenset({132, 134, 135, 136, 139})
"""Ends by a fault of the process itself, which another start rarely cures."""


def worst(found: Iterable[Sick]) -> Sick | None:
    """The pod that tells most: down before up again, most restarts first."""
    return max(found, key=lambda one: (not one.up, one.container.restarts, one.pod.name), default=None)


def last_words(case: Case, found: Iterable[Sick]) -> Sign | None:
    """What these pods said before they ended; a sign that names a reason before a mere error."""
    names = {one.pod.name for one in found}
    said = [one for one in case.signs if one.last_words & names]
    return next((one for one in said if one.points is not Points.ERROR), None) or strongest(said, Points.ERROR)


def how_it_ended(case: Case, found: Iterable[Sick]) -> str:
    """``exit 1, KeyError: 'DB_URL'``: code, reason and last words of the pod that tells most."""
    ill = tuple(found)
    one = worst(ill)
    if one is None:
        return ""
    if one.how is How.START:
        return cut(_refused(one), 140) or one.container.last_reason or one.container.reason
    code = one.exit_code
    parts = []
    if code is not None:
        parts.append(f"exit {code}" + (f" ({CODES[code]})" if code in CODES else ""))
    said = last_words(case, ill)
    if said is not None:
        parts.append(f"“{cut(spoken(said.line), 140)}”")
    return ", ".join(parts)


def heard(case: Case, found: Iterable[Sick]) -> tuple[str, ...]:
    """What ``how_it_ended`` tells in the words of the runtime or of the container itself, whole."""
    ill = tuple(found)
    one = worst(ill)
    if one is None:
        return ()
    if one.how is How.START:
        return tuple(filter(None, (_refused(one),)))
    said = last_words(case, ill)
    return (spoken(said.line),) if said is not None else ()


def _refused(one: Sick) -> str:
    """Why the runtime couldn't start it."""
    told = one.container.message if one.container.reason in START_REASONS else one.container.last_message
    return told.rsplit(_RUNTIME, 1)[-1]


def at_start(found: Iterable[Sick]) -> bool:
    """Whether the containers ended within a minute of their start, as far as that is known."""
    lengths = [one.ran.total_seconds() for one in found if one.ran is not None]
    return bool(lengths) and max(lengths) <= 60
