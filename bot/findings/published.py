"""What the registry told of an image that can't be pulled, in words, and what follows from it.

It refuses to weigh the registry against the kubelet where both may be right: a tag can be pushed after a pull failed.
"""

from __future__ import annotations

from bot.domain import image
from bot.domain.errors import RequestError
from bot.domain.finding import Cite, Suggestion
from bot.domain.observed import ImageSeen
from bot.findings import cures
from bot.findings.case import Case
from bot.findings.phrases import cut, instant, span

ABSENT, UNTOLD = "absent", ""
"""Kinds of the kubelet's errors that the registry can say more of: not there, and not told why."""


def row_of(case: Case, wrong: str) -> ImageSeen | None:
    """What is known of this image; None when no registry was asked for it."""
    return next((row for row in case.images or () if row.image == wrong), None)


def kind_with(kind: str, row: ImageSeen | None) -> str:
    """The kind of the error: where the kubelet doesn't say why, the registry's word that the tag isn't there."""
    return ABSENT if kind == UNTOLD and row is not None and row.exists is False else kind


def sentence(case: Case, row: ImageSeen) -> str:
    """``tag 1.4.3 does not exist in example.com/shop/api; nearest existing: 1.4.2 (sha256:ab12…, 3 days old)``."""
    if row.repository is False:
        return f"the repository {row.place} does not exist"
    what = f"tag {row.tag}" if row.tag else "that digest"
    missing = f"{what} does not exist in {row.place}"
    if not row.nearest:
        return f"{missing}, and none near it: {row.rule}"
    return f"{missing}; nearest existing: {named(case, row)}"


def named(case: Case, row: ImageSeen) -> str:
    """``1.4.2 (sha256:ab12cd34ef56, 3 days old)``: what tells the nearest tag from others of its name."""
    at = instant(row.made_at)
    age = f"{span(case.now - at)} old" if at is not None else ""
    about = ", ".join(part for part in (image.short(row.digest), age) if part)
    return f"{row.nearest} ({about})" if about else row.nearest


def cite(case: Case, row: ImageSeen) -> Cite:
    """The fact for the thread: how many tags there are, and the rule that chose one."""
    many = f"{row.tags}{' or more' if row.cut else ''} tags in {row.place}" if row.tags is not None else row.place
    near = f"{named(case, row)} is {row.rule}" if row.nearest else row.rule
    return Cite("registry", cut(f"{many}: {near}", 200))


def doubt(kind: str, row: ImageSeen | None) -> str:
    """What the registry's answer, or its silence, leaves open."""
    if row is None:
        return ""
    if row.problem:
        return f"what tags there are isn't known: {row.problem.rstrip('.')}" if kind in {ABSENT, UNTOLD} else ""
    if row.exists:
        return "the registry has it now"
    if kind not in {ABSENT, UNTOLD} and row.exists is False:
        return "the registry hasn't got it either"
    return ""


def there_now(kind: str, row: ImageSeen | None) -> bool:
    """Whether it was missing and has been pushed since: then the kubelet gets it by itself."""
    return kind == ABSENT and row is not None and row.exists is True


def set_image(case: Case, container: str, row: ImageSeen) -> tuple[Suggestion, ...]:
    """The nearest existing tag for that container, its name written as the workload writes it."""
    try:
        other = image.parse(row.image).tagged(row.nearest)
        image.parse(other)
    except RequestError:
        return ()
    return cures.set_image(case, container, other, f"{named(case, row)} exists: {row.rule}")
