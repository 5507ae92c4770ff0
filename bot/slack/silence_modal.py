"""The form of a silence: what it would match now, for how long, and why; and what stands in its place before that.

It shows the very matchers that are sent, as Alertmanager writes them: label values are hostile, so they stand in a
block in which nothing is parsed. What is submitted carries the digest of what was shown. It refuses to choose for the
person where more than the incident would be quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.silence import SilencePreview
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.message import Block
from bot.slack.modals import Place, View, input_block, message, modal, text_input
from bot.slack.mrkdwn import clean, cut, duration, plural, safe

TITLE = "Silence the alerts?"
USUAL = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 1440))
FIRST = timedelta(hours=1)
WIDE, MOST = 1000, 2800
"""Characters of one matcher, and of all that are shown; what isn't only narrows it further."""


def waiting(place: Place) -> View:
    """While Alertmanager is asked: a form must be open within three seconds of the press."""
    return modal(ids.VIEW_MESSAGE, TITLE, [blocks.section("Alertmanager is being asked what fires now.")], place)


def form(place: Place, preview: SilencePreview, wanted: timedelta | None = None, comment: str = "") -> View:
    """What it would match, how long, and why; a refusal instead where it can't be set."""
    if preview.refusal:
        return refused(preview.refusal)
    bound = replace(place, value=ids.incident_value(preview.incident_id), shown=preview.digest)
    body = [
        blocks.section(_told(preview)),
        blocks.preformatted(_lines(preview.matchers)),
        input_block(ids.BLOCK_DURATION, "For how long?", _durations(preview.longest, wanted)),
        input_block(
            ids.BLOCK_COMMENT,
            "Why?",
            text_input(ids.ENTER_COMMENT, limit=200, initial=comment),
            optional=True,
            hint="It is kept in Alertmanager with your name, and stands on the card.",
        ),
    ]
    return modal(ids.VIEW_SILENCE, TITLE, body, bound, submit="Silence")


def _lines(matchers: Sequence[str]) -> list[str]:
    lines = [cut(clean(one), WIDE) for one in matchers]
    kept = [line for number, line in enumerate(lines) if sum(map(len, lines[: number + 1])) <= MOST]
    left = len(lines) - len(kept)
    return [*kept, f"and {plural(left, 'label')} more, which narrow it further"] if left else kept


def refused(sentence: str) -> View:
    """In the form's place: why nothing was silenced."""
    return message("Not silenced", sentence)


def _told(preview: SilencePreview) -> str:
    of = max(preview.firing, preview.own)
    others = f"{preview.beside} more like them" if preview.beside else "nothing else"
    lines = [
        f"*Matches {preview.own} of {plural(of, 'firing alert')} of {preview.ref}* and {others}.",
        "For so long nobody is notified of them, Fettle included: not here, and by no pager behind Alertmanager.",
        f"It ends when {preview.ref} is resolved.",
    ]
    lines += [f"⚠ {safe(one, 300)}" for one in preview.warnings[:6]]
    return "\n".join(lines)


def _durations(longest: timedelta, wanted: timedelta | None) -> Block:
    offered = sorted({one for one in (*USUAL, longest, *([wanted] if wanted else [])) if one <= longest})
    options = {one: blocks.option(duration(one.total_seconds()), str(int(one.total_seconds()))) for one in offered}
    first = wanted if wanted in options else max((one for one in offered if one <= FIRST), default=offered[0])
    select = blocks.static_select(ids.PICK_DURATION, "How long", options.values())
    select["initial_option"] = options[first]
    return select
