"""From an action and what is wanted to a draft with its preview; from several in their order to one draft of all.

It reads the cluster and decides nothing: what can't be planned becomes a sentence in the draft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.errors import FettleError
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import SYSTEM, ProposalText, Step
from bot.domain.target import Target
from bot.mitigations import catalog
from bot.workflow import again, facts
from bot.workflow.context import Context
from bot.workflow.offering import Draft, ended, lower

Asked = Sequence[tuple[str, Mapping[str, Any]]]
"""Actions with what is wanted of each, in their order."""


def aimed(target: Target, action: str, wanted: Mapping[str, Any]) -> Target:
    """The object that an action is about in an incident about ``target``."""
    return catalog.CATALOG[Action(action)].aim(target, wanted)


async def previewed(
    ctx: Context,
    action: str,
    wanted: Mapping[str, Any],
    reading: facts.Reading,
    rationale: str,
    requested_by: str,
    *,
    recent: bool = False,
) -> Draft:
    """One action, resolved and dry-run as far as it goes."""
    mitigation = catalog.CATALOG[Action(action)].reaching(ctx.sources)
    target = reading.target
    text = ProposalText(
        headline=mitigation.unplanned(target),
        done="",
        verb=mitigation.verb,
        rationale=rationale,
        press=mitigation.press,
    )
    if reading.state is None:  # policy says why: unreadable, or gone
        return Draft(action, text, reading, requested_by=requested_by)
    try:
        # What changed since the reading fails the dry run.
        cluster = ctx.cluster.recent() if recent else ctx.cluster
        params = await mitigation.plan(cluster, reading.state, wanted)
        preview = await mitigation.preview(
            cluster, reading.state, approved_at=ctx.clock(), execution_uid="preview", params=params
        )
    except FettleError as error:
        text = replace(text, refusal=str(error))
        return Draft(action, text, reading, None, error.retry, requested_by)
    text = replace(
        text,
        headline=mitigation.headline_for(target, params),
        done=mitigation.done_for(target, params),
        facts=preview.facts,
        consequence=preview.consequence,
        diff=preview.diff,
        undo=mitigation.inverse(reading.state, params),
        warnings=preview.warnings,
        refusal=preview.problem,
    )
    return Draft(action, text, reading, preview, preview.passing, requested_by, params=params)


async def followed(ctx: Context, target: Target, first: Draft, then: Asked, *, recent: bool) -> Draft:
    """The draft of all these steps, each planned as the next of the one before; as it is where nothing follows.

    Where a later one can't be, what an alert leads to is cut to the first.
    """
    if not then:
        return first
    parts = [first]
    for action, wanted in then:
        takes = catalog.CATALOG[Action(action)].follows(parts[-1].params)
        if takes.keys() & wanted.keys():
            takes = {}  # somebody names the pod that is meant
        parts.append(await _next(ctx, target, first, action, {**takes, **wanted}, recent=recent))
    steps = tuple(Step(one.action, one.params or one.wanted, one.text) for one in parts)
    readings = tuple(one.reading for one in parts if one.reading is not None)
    late = next((one for one in parts[1:] if one.text.refusal), None)
    made = replace(
        first, text=_told(parts), steps=steps, readings=readings,
        unanswered=any(one.unanswered for one in parts if one.text.refusal),
    )  # fmt: skip
    own = first.requested_by == SYSTEM and not again.marked(first.params)
    return made.cut(late.text.refusal) if own and late is not None and not first.text.refusal else made


async def _next(
    ctx: Context, target: Target, first: Draft, action: str, wanted: Mapping[str, Any], *, recent: bool
) -> Draft:
    reading = await facts.gather(ctx, aimed(target, action, wanted), action, recent=recent)
    made = await previewed(ctx, action, wanted, reading, "", first.requested_by, recent=recent)
    made = replace(made, wanted=wanted)
    if first.reading is None or reading.target.key == first.reading.target.key:
        return made
    said = f"It is about {reading.target.label}, and all steps have to be about {first.reading.target.label}."
    return replace(made, text=replace(made.text, refusal=said))


def _told(parts: Sequence[Draft]) -> ProposalText:
    """What the whole says: one headline, one consequence, every warning."""
    first, *others = texts = [one.text for one in parts]
    last = texts[-1]
    then = "".join(f" Then, if that passes: {lower(one.consequence)}" for one in others if one.consequence)
    refusals = [
        f"{f'Step {number}, {lower(one.headline)}: ' if number > 1 else ''}{ended(one.refusal)}"
        for number, one in enumerate(texts, 1)
        if one.refusal
    ]
    nouns = [traits_of(one.action).noun for one in parts]
    return replace(
        first,
        headline=", then ".join([first.headline, *(lower(one.headline) for one in others)]),
        done=", then ".join(one.done or one.headline for one in texts),
        verb=", then ".join(one.verb for one in texts),
        press=f"{nouns[0].capitalize()}, then {last.verb}" if len(parts) == 2 else f"All {len(parts)} steps",
        facts="",
        consequence=f"{first.consequence}{then}",
        diff="\n".join(one.diff for one in texts if one.diff),
        warnings=tuple(dict.fromkeys(warning for one in texts for warning in one.warnings)),
        undo=last.undo,
        refusal=" ".join(refusals[:1]),
    )
