"""Which container's image is replaced, and by which tag: one that the container's own registry lists.

The rule is ``domain.tags``' where nobody names the tag. It refuses another repository, a tag that isn't listed, and to
choose between containers.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import image, tags
from bot.domain.errors import NotFoundError, RequestError
from bot.domain.image import ImageReference
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.integrations.registries import Registries
from bot.kube.objects import Json, dig, mapping, text
from bot.kube.pulling import LISTS
from bot.mitigations.params import Params

LISTING = 5.0
"""Seconds for the tags, and again for the digest."""
NO_TAG = (
    "What follows the workload is no tag. Write a tag that its registry has "
    "(/incident act set-image shop/api 1.4.2), or none for the nearest one."
)


@dataclass(frozen=True)
class Part:
    """One container of a template: under which key and where it stands, and its image."""

    where: str
    at: int
    name: str
    image: str

    def with_image(self, template: Json, other: str) -> Json:
        """The template with that one image in it."""
        spec = mapping(template, "spec")
        rows = [{**one, "image": other} if i == self.at else one for i, one in enumerate(spec[self.where])]
        return {**template, "spec": {**spec, self.where: rows}}


@dataclass(frozen=True)
class There:
    """A tag that exists, with the whole reference; ``rule`` says by what it was chosen where nobody named it."""

    tag: str
    reference: str
    digest: str
    made_at: str
    rule: str

    @property
    def short(self) -> str:
        """``api:1.4.2``."""
        return short(self.reference.partition("@")[0])


def chosen(target: Target, state: TargetState, template: Json, named: str) -> Part:
    """The container that is named; without a name the one that the rollout hangs on, or the only one."""
    found = [
        Part(where, i, text(one, "name"), text(one, "image"))
        for where in LISTS
        for i, one in enumerate(dig(template, "spec", where) or [])
    ]
    names = ", ".join(one.name for one in found[:8])
    if named:
        part = next((one for one in found if one.name == named), None)
        if part is None:
            raise RequestError(f"{target.ref} has no container {named[:63]}; it has {names}.")
        return part
    hung = [one for one in found if (one.name, one.image) in state.hung]
    main = [one for one in found if one.where == LISTS[0]]
    for some in (hung, main):
        if len(some) == 1:
            return some[0]
    raise RequestError(f"{target.ref} has several containers: {names}. Name the one that is meant after the tag.")


async def there(registries: Registries | None, target: Target, part: Part, wanted: Params) -> There:
    """The tag that is meant, with its digest and age; raises ``RequestError`` where there is none."""
    try:
        now = image.parse(part.image)
    except RequestError as error:
        raise RequestError(f"The image of container {part.name} is no valid name: {error}.") from error
    asked = _asked(now, part, wanted)
    if not asked and not now.tag:
        raise RequestError(f"{now.place} is named by its digest alone, which has no series: name the tag.")
    if registries is None:
        raise RequestError(
            f"What tags {now.place} has isn't known, because REGISTRIES is empty. Name {now.registry} there, or set "
            "the image by hand."
        )
    try:
        listed = await registries.tags(now, within=LISTING)
    except NotFoundError as error:
        raise RequestError(f"{error}{_else(target)}") from error
    near = tags.nearest(asked or now.tag, listed.names)
    tag = asked or near.tag
    known = tag in listed.names or (listed.cut and tag)
    found = await registries.published(now, tag, within=LISTING, fresh=True) if known else None
    if found is None:
        raise RequestError(f"{_absent(now, asked or now.tag, near)}{_else(target)}")
    reference = f"{now.tagged(tag)}@{found.digest}"
    if part.image == reference or (now.tag == tag and not now.digest):
        raise RequestError(f"Container {part.name} of {target.ref} has the tag {tag} already, and {now.place} has it.")
    return There(tag, reference, found.digest, found.made_at, "" if asked else near.rule)


def _asked(now: ImageReference, part: Part, wanted: Params) -> str:
    """The tag that is asked for, empty for the nearest; another repository is refused."""
    if wanted.get("tag"):
        tag = str(wanted["tag"])
        if not image.is_tag(tag):
            raise RequestError(NO_TAG)
        return tag
    if not wanted.get("image"):
        return ""
    other = image.parse(str(wanted["image"]))
    if other.place != now.place:
        raise RequestError(f"Container {part.name} keeps its repository {now.place}; {other.place} is another one.")
    return other.tag


def _absent(now: ImageReference, tag: str, near: tags.Nearest) -> str:
    if near.tag and near.tag != tag:
        return f"Tag {tag} isn't in {now.place}; the nearest is {near.tag}: {near.rule}."
    return f"Tag {tag} isn't in {now.place}, and none is near it: {near.rule}."


def _else(target: Target) -> str:
    return f" Or go back to the last healthy revision: /incident act rollback {target.ref}."


def short(reference: str) -> str:
    """``api:1.4.3``; of a digest alone only what tells it from another."""
    name, _, digest = reference.rpartition("/")[2].partition("@")
    return f"{name}@{image.short(digest)}"[:80] if digest and ":" not in name else image.brief(name)
