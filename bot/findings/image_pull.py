"""An image that can't be pulled: the registry's own error, and the nearest image that exists or is known to have run.

The kubelet's word is proof that it can't be pulled, not of why; older kubelets hide the error behind the back-off. It
refuses to guess tags: only those that the registry has, or images that the cluster has run, are offered.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import ImageSeen
from bot.findings import cures, published
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.phrases import clock, cut, image, number_of, stop
from bot.findings.sick import How, Sick

ABOUT = About(
    Cause.IMAGE_PULL,
    "an image that can't be pulled",
    "A container waits with a reason of the image (`ErrImagePull`, `ImagePullBackOff`, `InvalidImageName`, ...).",
    "A job's pod that has ended for good, or the container's state isn't known and events alone tell (`Failed to "
    "pull image`).",
    "",
    "Not there, wrong platform or no such name: the nearest tag that the registry has (if `REGISTRIES` lists it), "
    "rollback if the newest template brought it, or the nearest image that is known to have run. Pushed since, or a "
    "refused, limited or unreachable registry: nothing, the kubelet tries again by itself.",
    90,
)
_REFUSED = (
    r"unauthorized|authentication required|pull access denied|\bdenied\b|forbidden|basic auth credentials"
    r"|insufficient_scope|oauth token|no such credentials"
)
_UNREACHABLE = (
    r"i/o timeout|connection refused|no such host|no route to host|handshake timeout|deadline exceeded"
    r"|connection reset|\bEOF\b|x509|\b50[0234]\b|server misbehaving|service unavailable|registryunavailable"
)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        ("disk", r"no space left on device"),
        ("limit", r"toomanyrequests|too many requests|rate limit|pull rate"),
        ("refused", _REFUSED),
        ("platform", r"no match for platform|no matching manifest"),
        ("unreachable", _UNREACHABLE),
        ("name", r"couldn't parse image|invalid reference format|InvalidImageName"),
        ("absent", r"not found|manifest unknown|name unknown|does not exist|no such image|never"),
    )
)
_NAMES = re.compile(r"https?://[^\s\"]+|sha256:[0-9a-f]+")
"""Beside the image's own name: addresses and digests, which hold any word and any number."""
BY_EVENTS = 60.0
"""What it weighs without the pods: a pull that failed may have gone well since."""
SENTENCES = {
    "disk": "the node has no room for it",
    "limit": "the registry limits how often it is asked",
    "refused": "the registry refuses access",
    "platform": "it isn't there for the node's platform",
    "unreachable": "the registry doesn't answer",
    "name": "its name isn't valid",
    "absent": "the registry doesn't have it",
    "": "the kubelet doesn't say why",
}
BY_THE_NAME = frozenset({"absent", "platform", "name"})
"""Errors that another image cures."""
THERE_NOW = "The registry has the tag now: the kubelet tries again by itself, within five minutes."
"""It was pushed after the pull failed."""


def find(case: Case) -> Finding | None:
    """The image that can't be pulled, with the registry's error."""
    ill = case.sick_with(How.IMAGE)
    if not ill:
        return _by_events(case)
    one = max(ill, key=lambda sick: len(sick.container.message))
    message = _error(one.container.message) or _of_events(case)
    wrong = one.container.image
    row = published.row_of(case, wrong)
    kind = published.kind_with(_kind(f"{one.container.reason} {message}", wrong), row)
    now_there = ("the registry has it now",) if published.there_now(kind, row) else ()
    confidence, doubt = case.sure(Confidence.HIGH, "pods", against=now_there)
    doubts = (doubt, "" if kind else "the registry's own error isn't told", published.doubt(kind, row))
    doubt = "; ".join(dict.fromkeys(filter(None, doubts)))
    if row is not None and row.exists is False and kind == published.ABSENT:
        why = published.sentence(case, row)
    else:
        why = SENTENCES[kind] + (f" (“{cut(message, 140)}”)" if message else "")
    text = f"{number_of(len(ill), 'pod')} can't pull {image(wrong)}: {why}"
    cites = (
        Cite(
            "pods", f"{one.container.name or one.pod.name}: {one.container.reason}: {cut(one.container.message, 200)}"
        ),
        *((published.cite(case, row),) if row is not None and not row.problem else ()),
    )
    return _finding(case, ill, text, kind, wrong, confidence, doubt, cites, row)


def _by_events(case: Case) -> Finding | None:
    """When pods weren't read, or their rows tell no container."""
    rows = [row for row in case.event_rows("Failed", "InspectFailed") if "image" in row.message.lower()]
    if not rows or (case.pods is not None and not case.sick_with(How.CREATING, How.FAILED)):
        return None
    found = re.search(r'image "([^"]+)"', rows[0].message)
    wrong = found[1] if found else ""
    message = _error(rows[0].message)
    kind = _kind(message, wrong)
    confidence, doubt = case.sure(Confidence.MEDIUM, "pods")
    text = f"An image can't be pulled ({image(wrong) or 'its name is not told'}): {SENTENCES[kind]}"
    found_so = _finding(case, (), text, kind, wrong, confidence, doubt, (Cite("events", cut(rows[0].message, 200)),))
    return replace(found_so, weight=BY_EVENTS)


def _finding(
    case: Case,
    ill: tuple[Sick, ...],
    text: str,
    kind: str,
    wrong: str,
    confidence: Confidence,
    doubt: str,
    cites: tuple[Cite, ...],
    row: ImageSeen | None = None,
) -> Finding:
    rollout = case.rollout
    by_new = rollout is not None and rollout.follows and rollout.by_the_new() and rollout.was_healthy
    suggestions = _cures(case, ill, kind, wrong, row)
    if by_new and rollout is not None:
        text += f", since the rollout of {clock(rollout.at)}" + (f" ({rollout.words})" if rollout.words else "")
    no_help = "" if suggestions else THERE_NOW if published.there_now(kind, row) else _no_help(kind)
    basis = "the kubelet's own reason" if ill else "events alone"
    return Finding(
        Cause.IMAGE_PULL, stop(text), confidence, cites, basis, doubt, kind, suggestions, no_help, ABOUT.weight
    )


def _cures(case: Case, ill: tuple[Sick, ...], kind: str, wrong: str, row: ImageSeen | None) -> tuple[Suggestion, ...]:
    if (kind and kind not in BY_THE_NAME) or published.there_now(kind, row):
        return ()
    rollout = case.rollout
    found: tuple[Suggestion, ...] = ()
    new = rollout is not None and rollout.follows and rollout.by_the_new()
    if rollout is not None and new and rollout.was_healthy and _image_changed(case, wrong):
        found = cures.rollback(
            case, f"rev {rollout.before.revision if rollout.before else ''} runs with an image that is there"
        )
    near = nearest(case, wrong)
    if row is not None and row.exists is False and row.nearest and kind == published.ABSENT and ill:
        other = published.set_image(case, ill[0].container.name, row)
        # The way back brings an older template too; a version that nobody wanted yet comes after it.
        return found + other if row.newer else other + found
    if kind and near and ill:
        found += cures.set_image(case, ill[0].container.name, near, f"{image(near)} is known to have run here")
    return found


def _image_changed(case: Case, wrong: str) -> bool:
    """Whether the revision before ran another image; unknown revisions don't count as changed."""
    before = case.rollout.before if case.rollout is not None else None
    return before is not None and bool(before.images) and wrong not in before.images


def nearest(case: Case, wrong: str) -> str:
    """The image of the same repository, known from revisions or running pods, whose tag is most like the wrong one."""
    name = _repository(wrong)
    known: list[str] = []
    for row in case.revisions or ():
        known += [one for one in row.images if row.healthy or row.ready]
    for pod in case.living:
        known += [part.image for part in pod.containers if part.ready]
    fitting = [one for one in dict.fromkeys(known) if one != wrong and _repository(one) == name]
    return max(fitting, key=lambda one: difflib.SequenceMatcher(None, one, wrong).ratio(), default="")


def _repository(reference: str) -> str:
    bare = reference.split("@", 1)[0]
    head, slash, last = bare.rpartition("/")
    return f"{head}{slash}{last.split(':', 1)[0]}"


def _kind(message: str, wrong: str) -> str:
    """What the words say without the names: a port, a tag or a digest can hold 503, a repository "denied"."""
    said = _NAMES.sub("", message.replace(wrong, "") if wrong else message)
    return next((kind for kind, words in _KINDS if words.search(said)), "")


def _error(message: str) -> str:
    """The registry's part of the kubelet's message: behind the last reference to the image."""
    if ": " not in message:
        return ""
    core = message.split("ErrImagePull: ", 1)[-1]
    core = re.sub(r"^Failed to pull image \"[^\"]*\": ", "", core)
    core = re.sub(r"^rpc error: code = \w+ desc = ", "", core)
    core = re.sub(r"^failed to (?:pull and unpack|resolve) image \"[^\"]*\": ", "", core)
    core = re.sub(r"^failed to resolve (?:reference|image) \"[^\"]*\": ", "", core)
    return "" if core.startswith("Back-off pulling image") else core.strip()


def _of_events(case: Case) -> str:
    rows = [row for row in case.event_rows("Failed") if row.message.startswith("Failed to pull image")]
    return _error(rows[0].message) if rows else ""


def _no_help(kind: str) -> str:
    return {
        "limit": "The kubelet tries again by itself; the registry's limit has to end or be lifted.",
        "refused": "Whoever keeps the pull secret or the registry's rights has to renew them; "
        "the kubelet tries again by itself.",
        "unreachable": "The kubelet tries again by itself; look at the registry and the way to it.",
        "disk": "The node's disk has to be freed first.",
    }.get(kind, "No image of that name is known to have run here: push it, or name one that exists.")
