"""What the registry has of an image that pods can't pull: whether the tag is there, and which existing one is nearest.

Asked only when a pod of the target waits for its image, and only where the image's registry is listed in the settings.
The pods were read for their own evidence: reading them again costs no call. It refuses to guess a tag; the rule is
``domain.tags``'. Without listed registries it isn't there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bot.domain import image, tags
from bot.domain.errors import FettleError, NotFoundError, RequestError
from bot.domain.evidence import Evidence, EvidenceStatus, PodRow
from bot.domain.image import ImageReference
from bot.domain.observed import ImageSeen
from bot.domain.redaction import redact
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.evidence.changes import span
from bot.integrations.published import Tags
from bot.integrations.registries import Registries
from bot.kube.members import target_pods

SOURCE = "registry"
WAITING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
"""Reasons of a container that waits for an image which may not be there."""
MOST = 3
"""Images of one incident; more than that can't be pulled for one reason."""
SHARE = 0.9
"""Of a collector's time; what is later than that comes too late for the card."""
LISTING, ABOUT = 0.7, 0.25
"""Shares of that for the tags, and for digest and age of the nearest."""
LONGEST = 300


async def collect(ask: Ask) -> Evidence | None:
    """``data`` is ``{"images": [ImageSeen]}``, at most three; FAILED where all were asked for in vain."""
    registries = ask.registries
    if registries is None:
        return None
    end = asyncio.get_running_loop().time() + ask.within * SHARE
    try:
        pods = await target_pods(ask.cluster, ask.workload)
    except FettleError:  # the pods' own evidence tells of it
        return None
    wanted = waited_for([pod.row for pod in pods if not pod.deleting])[:MOST]
    if not wanted:
        return None
    left = max(end - asyncio.get_running_loop().time(), 0.1)
    rows = await asyncio.gather(*(look(registries, one, left) for one in wanted))
    silent = [row for row in rows if row.problem and row.place.partition("/")[0] in registries.hosts]
    at = ask.clock()
    if len(silent) == len(rows):
        problem = " ".join(dict.fromkeys(row.problem for row in rows))
        return Evidence(SOURCE, EvidenceStatus.FAILED, "registry unavailable", at, {}, redact(problem))
    return answered(SOURCE, at, "; ".join(told(row, at) for row in rows), {"images": rows})


def waited_for(pods: Iterable[PodRow]) -> list[str]:
    """The images that containers wait for, each once, those that most pods wait for first."""
    counted: dict[str, int] = {}
    for pod in pods:
        for part in pod.containers:
            if part.state == "waiting" and part.reason in WAITING and part.image:
                counted[part.image] = counted.get(part.image, 0) + 1
    return sorted(counted, key=lambda one: -counted[one])


async def look(registries: Registries, text: str, within: float) -> ImageSeen:
    """What its registry has of one image, in ``within`` seconds; never raises but for a bug.

    Where the age doesn't come in time the rest comes without it.
    """
    named = text[:LONGEST]
    try:
        wanted = image.parse(text)
    except RequestError as error:
        return ImageSeen(named, problem=redact(f"“{named}” is no valid name of an image: {error}."))
    try:
        async with asyncio.timeout(within * LISTING):
            found = await registries.tags(wanted, within=within * LISTING)
            exists, near = await _nearest(registries, wanted, found, within * LISTING)
    except NotFoundError:
        return ImageSeen(named, wanted.place, wanted.tag, repository=False, exists=False, rule="no such repository")
    except FettleError as error:
        return ImageSeen(named, wanted.place, wanted.tag, problem=str(error))
    except TimeoutError:
        return ImageSeen(named, wanted.place, wanted.tag, problem=f"{wanted.registry} didn't answer in time.")
    digest, made_at = await _described(registries, wanted, near.tag, within * ABOUT) if near.tag else ("", "")
    return ImageSeen(
        named, wanted.place, wanted.tag, repository=True, exists=exists, nearest=near.tag, rule=near.rule,
        newer=near.newer, digest=digest, made_at=made_at, tags=len(found.names), cut=found.cut,
    )  # fmt: skip


async def _nearest(
    registries: Registries, wanted: ImageReference, found: Tags, within: float
) -> tuple[bool | None, tags.Nearest]:
    """Whether the very image is there, and the tag nearest to its own; of a list that was cut only a hit is sure."""
    if not wanted.digest:
        near = tags.nearest(wanted.tag, found.names)
        hit = near.tag == wanted.tag
        return (None if found.cut and not hit else hit), near
    exists = await registries.published(wanted, wanted.digest, within=within) is not None
    if not wanted.tag:
        return exists, tags.Nearest("", "it is named by its digest alone, which has no series")
    near = tags.nearest(wanted.tag, found.names)
    return exists, tags.Nearest(near.tag, "its own tag, of another digest now") if near.tag == wanted.tag else near


async def _described(registries: Registries, wanted: ImageReference, tag: str, within: float) -> tuple[str, str]:
    """Digest and age of a tag; without them it is shown without."""
    try:
        async with asyncio.timeout(within):
            found = await registries.published(wanted, tag, within=within)
    except (FettleError, TimeoutError):
        return "", ""
    return (found.digest, found.made_at) if found is not None else ("", "")


def told(row: ImageSeen, now: datetime) -> str:
    """``tag 1.4.3 isn't in registry.example.com/shop/api; nearest: 1.4.2 (sha256:ab12…, 3 days old)``."""
    if row.problem:
        return row.problem.rstrip(".")
    if row.repository is False:
        return f"there is no repository {row.place}"
    what = f"tag {row.tag}" if row.tag else "that digest"
    if row.exists:
        return f"{what} is in {row.place} {_about(row, now)}".rstrip()
    there = f"{what} isn't in {row.place}" if row.exists is False else f"{what} isn't among those read of {row.place}"
    if not row.nearest:
        return f"{there}; {row.rule}"
    return f"{there}; nearest: {row.nearest} {_about(row, now)}".rstrip() + f", {row.rule}"


def _about(row: ImageSeen, now: datetime) -> str:
    parts: Sequence[str] = [part for part in (image.short(row.digest), _age(row.made_at, now)) if part]
    return f"({', '.join(parts)})" if parts else ""


def _age(made_at: str, now: datetime) -> str:
    if not made_at:
        return ""
    seconds = (now - datetime.fromisoformat(made_at).astimezone(UTC)).total_seconds()
    return f"{span(max(seconds, 0))} old"
