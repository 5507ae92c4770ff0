"""What a team writes on a workload or its namespace to narrow what Fettle does there: ``fettle/deny`` and its kin.

Annotations take away and never give: verbs from those that are allowed, people from those who may approve. What can't
be understood denies, with a sentence that names the annotation: a guard with a typing error is still meant as one. The
text is somebody else's; it refuses to repeat more than a word of it, and never one that looks like a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import thing
from bot.domain.redaction import redact

PREFIX = "fettle/"
DENY, APPROVERS, CHANNEL = "fettle/deny", "fettle/approvers", "fettle/channel"
KEYS = (DENY, APPROVERS, CHANNEL)
SAYS_SAFE = (thing.RERUN, thing.DELETE)
"""Annotations that narrow nothing: by them whoever knows a CronJob or Job says what may be done to it."""
NAMES = tuple(key.removeprefix(PREFIX) for key in (*KEYS, *SAYS_SAFE))
VERBS = (
    "restart", "rollback", "scale", "evict", "set_image", "set_resources", "cordon", "rerun_job", "expand_volume",
    "raise_autoscaler", "thread_dump", "heap_dump", "pause", "resume", "silence", "uncordon", "delete_failed_job",
    "debug_thread_dump", "debug_heap_dump", "goroutine_dump", "heap_profile",
)  # fmt: skip
"""Every mitigation that can be thought of, those that Fettle doesn't have included: what is denied stays so."""
ALL = "all"
"""In ``fettle/deny``: every mitigation, those of later versions too."""
MOST = 1000
"""Characters of a value; a longer one was written for something else."""
_SLACK_ID = re.compile(r"[UWS][A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}")


@dataclass(frozen=True)
class Narrowing:
    """What the annotations of one workload and its namespace say.

    ``denied`` and ``approvers`` hold pairs of where it is written ("Deployment shop/api", "namespace shop") and what:
    verbs, and Slack ids. ``wrong`` are sentences about annotations that can't be understood; each denies everything.
    ``channel`` is where a line about incidents goes too; ``lost`` says why a channel isn't one. ``labels`` are those of
    the namespace, by which a policy tells its environment.
    """

    denied: tuple[tuple[str, tuple[str, ...]], ...] = ()
    approvers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    wrong: tuple[str, ...] = ()
    channel: str = ""
    channel_of: str = ""
    lost: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def denying(self, action: str) -> tuple[str, ...]:
        """Where it is written that this action isn't to be taken."""
        return tuple(where for where, verbs in self.denied if action in verbs or ALL in verbs)

    def __add__(self, other: Narrowing) -> Narrowing:
        """Both hold; of two channels the first one's."""
        first = self if self.channel or self.lost else other
        return Narrowing(
            self.denied + other.denied,
            self.approvers + other.approvers,
            self.wrong + other.wrong,
            first.channel,
            first.channel_of,
            first.lost,
            {**self.labels, **other.labels},
        )


def read(where: str, annotations: Mapping[str, str]) -> Narrowing:
    """What one object's annotations say; ``where`` names the object in sentences."""
    found = Narrowing()
    for key in sorted(key for key in annotations if key.startswith(PREFIX)):
        found += _one(key, where, annotations[key])
    return found


def _one(key: str, where: str, value: str) -> Narrowing:
    named = f"The annotation {_shown(key)} of {where}"
    stays = "Until it is corrected I change nothing there."
    if key in SAYS_SAFE:
        return _safe(f"{named} says “{_shown(value)}”, and the only word it takes is {thing.SAFE}. {stays}", value)
    if key not in KEYS:
        return Narrowing(wrong=(f"{named} is none that I know{_nearest(key.removeprefix(PREFIX), NAMES)} {stays}",))
    words = tuple(dict.fromkeys(re.split(r"[\s,]+", value.strip(" \t\r\n,")))) if value.strip(" \t\r\n,") else ()
    if key == CHANNEL:
        return _channel(named, where, words)
    if len(value) > MOST or not words:
        wrong = (
            "is empty: name what it is about, or take it away." if not words else f"has more than {MOST} characters."
        )
        return Narrowing(wrong=(f"{named} {wrong} {stays}",))
    if key == DENY:
        verbs = tuple(word.lower().replace("-", "_") for word in words)
        for verb, word in zip(verbs, words, strict=True):
            if verb not in (*VERBS, ALL):
                return Narrowing(wrong=(f"{named} says “{_shown(word)}”{_nearest(verb, (*VERBS, ALL))} {stays}",))
        return Narrowing(denied=((where, verbs),))
    for word in words:
        if not _SLACK_ID.fullmatch(word):
            said = f"{named} says “{_shown(word)}”, which is no Slack id: people are U... or W..., user groups S...."
            return Narrowing(wrong=(f"{said} {stays}",))
    return Narrowing(approvers=((where, words),))


def _safe(wrong: str, value: str) -> Narrowing:
    """Only the word itself: what is understood otherwise would let something happen."""
    return Narrowing() if value == thing.SAFE else Narrowing(wrong=(wrong,))


def _channel(named: str, where: str, words: Sequence[str]) -> Narrowing:
    """A channel decides about noise alone: what is wrong with it is told, and nothing else suffers."""
    if len(words) != 1 or not _CHANNEL.fullmatch(words[0]):
        said = f"says “{_shown(words[0])}”, which is no channel's id" if len(words) == 1 else "names no single channel"
        return Narrowing(lost=f"{named} {said}, such as C0123456789; it is ignored.")
    return Narrowing(channel=words[0], channel_of=where)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word[:60], known, n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}."


def _shown(text: str) -> str:
    """One word of somebody else's, short, in one line, without what looks like a secret."""
    return "".join(char if char.isprintable() else "?" for char in redact(text))[:40]
