"""``fettle policy``: whether the policy is right, and why one person may approve one action on one target, or not.

``explain`` reads the store beside the bot, the cluster and Slack, and changes nothing anywhere. Exit codes: 0 it would
be proposed and this person may approve it (``check``: the policy is right), 1 something is against it (is wrong), 2 it
can't be told: settings, store, cluster, Slack, or what was asked have to be put right first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import clock, yaml_file
from bot.domain import redaction
from bot.domain.approval import Principal, is_oncall
from bot.domain.errors import ConfigError, FettleError
from bot.domain.incident import Incident, IncidentState
from bot.domain.mitigation import Action, traits_of
from bot.domain.rules import Policy
from bot.domain.severity import Severity, parse_severity
from bot.domain.target import Target
from bot.kube.client import Cluster
from bot.policy import rule_words, windows
from bot.policy.approvers import GroupView
from bot.roster import Roster
from bot.settings import Settings, load, load_policy_only
from bot.settings_policy import PolicyError, policy
from bot.settings_values import is_person
from bot.slack.client import SlackClient
from bot.storage import incidents, people
from bot.storage.db import Store, Tx
from bot.workflow import explaining, facts, targets, vouching
from bot.workflow.context import Context
from bot.workflow.explaining import Explained, Guard, Who

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
NOT_MET = "person:not-met"
"""The principal of somebody whom this store doesn't know yet."""
WORDS: Mapping[bool | None, str] = {True: "ok", False: "DENIED", None: "unknown"}


@dataclass(frozen=True)
class Asked:
    """``--as USER ACTION TARGET`` as typed; ``severity`` is empty for the incident's, or SEV3 without one."""

    user: str
    action: str
    target: str
    severity: str = ""
    own: bool = False


def check(file: Path | None, env_file: Path, *, as_json: bool) -> int:
    """Says what is wrong in a file, else in the settings' policy; or every rule and window in words."""
    try:
        found = _read(file) if file is not None else load_policy_only(env_file=env_file).POLICY
    except PolicyError as error:
        wrong = error.sentences
    except ConfigError as error:
        wrong = error.sentences
        if file is not None:
            raise
    else:
        wrong = []
    if wrong:
        _say([json.dumps({"ok": False, "wrong": wrong}, ensure_ascii=False)] if as_json else wrong, err=not as_json)
        return 1
    now = clock.now()
    on = {one.name: end for one in found.windows if (end := windows.ends(one, now)) is not None}
    lines = rule_words.lines(found)
    if as_json:
        told = {"ok": True, "lines": lines, "on": {name: end.isoformat() for name, end in on.items()}}
        _say([json.dumps(told, ensure_ascii=False)])
        return 0
    _say(lines or ["Nothing is narrowed: there is no rule and no window."])
    _say(f"On now: {name}, {windows.end_words(end, now)}." for name, end in on.items())
    return 0


def _read(file: Path) -> Policy:
    """A file as POLICY_FILE names one."""
    try:
        text = file.read_bytes()[: yaml_file.MAX_YAML + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError([f"{file} can't be read ({reason}): name a file with a policy."]) from error
    return policy(text)


def explain(asked: Asked, env_file: Path, *, as_json: bool) -> int:
    """Asks every guard for this person, action and target; prints each with its word."""
    settings = load(env_file=env_file)
    redaction.know(settings.secrets())
    return asyncio.run(explained(settings, asked, as_json=as_json))


async def explained(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """The same with settings at hand; raises errors of the domain for what can't be read."""
    action = _action(asked.action)
    severity = parse_severity(asked.severity) if asked.severity else None
    async with _opened(settings) as (ctx, slack):
        who = await _person(ctx, slack, asked)
        found = await targets.find(ctx, asked.target, traits_of(action).kinds)
        if found.target is None:
            raise ConfigError([found.problem])
        groups, unread = await _groups(ctx, slack)
        reading = await vouching.for_question(ctx, found.target, action, who.principal)
        if reading.problem:
            raise ConfigError([f"The target can't be read, so that nothing can be told. {reading.problem}"])
        incident = await ctx.store.read(_incident, reading.target, severity, ctx.clock())
        told = await ctx.store.read(explaining.explain, ctx, incident, action, reading, who, groups)
    if as_json:
        _say([json.dumps(_as_json(told, asked, action, incident, reading), ensure_ascii=False)])
    else:
        _say(_lines(told, action, incident, reading, who))
        _say(unread, err=True)
    return {True: 0, False: 1, None: 2}[told.allowed]


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Context, SlackClient]]:
    store = await asyncio.to_thread(Store.open, settings.DATABASE_URL, lock=False, query_only=True)
    async with contextlib.AsyncExitStack() as closing:
        closing.push_async_callback(store.close)
        cluster = await Cluster.connect(
            settings.KUBECONFIG or None, settings.KUBE_CONTEXT or None, settings.KUBE_TIMEOUT.total_seconds(),
            "fettle-policy",
        )  # fmt: skip
        closing.push_async_callback(cluster.close)
        slack = await SlackClient.connect(
            settings.secret("SLACK_BOT_TOKEN"), settings.SLACK_API_URL, settings.SLACK_TIMEOUT.total_seconds()
        )
        closing.push_async_callback(slack.close)
        yield Context(store, cluster, settings, clock.now, "", settings.FETTLE_FROZEN), slack


def _action(word: str) -> Action:
    known = {str(action): action for action in Action}
    found = known.get(word.strip().lower().replace("-", "_"))
    if found is None:
        raise ConfigError([f"“{word}” is no action that Fettle has; there are {', '.join(known)}."])
    return found


async def _person(ctx: Context, slack: SlackClient, asked: Asked) -> Who:
    """Who is meant: a Slack id, or the name of somebody whom this store knows; and what Slack says of them."""
    word = asked.user.strip().removeprefix("@")
    slack_id = word if is_person(word) else await ctx.store.read(_by_name, word)
    known = await ctx.store.read(people.principal_of, slack_id) or NOT_MET
    name = (await ctx.store.read(people.called, [slack_id])).get(slack_id, "").removeprefix("@")
    try:
        await slack.whoami()
        person = await slack.user(slack_id)
    except FettleError as error:
        said = f"Slack didn't say who {word} is ({str(error).rstrip('.')}); a press is refused then."
        return Who(Principal(known, slack_id, name), said, asked.own)
    principal = Principal(
        known, slack_id, person.name, person.restricted, person.stranger, person.bot, person.deleted,
        email=person.email,
    )  # fmt: skip
    return Who(principal, own=asked.own)


def _by_name(tx: Tx, name: str) -> str:
    found = people.by_name(tx, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError([f"“{name}” is the name of {len(found)} people: write the Slack id, {' or '.join(found)}."])
    raise ConfigError([f"Nobody of the name “{name}” was met: write the Slack id (U..., in the profile under More)."])


async def _groups(ctx: Context, slack: SlackClient) -> tuple[dict[str, GroupView], list[str]]:
    """Members of every group that could count, asked now; what Slack doesn't tell is as the store has it."""
    stored = await ctx.store.read(people.groups)
    views: dict[str, GroupView] = {}
    unread: list[str] = []
    roster, now = Roster(ctx.settings, slack.by_email), ctx.clock()
    for group in ctx.settings.approver_groups:
        try:
            if is_oncall(group):
                members = [one.slack_id for one in await roster.shifts(group, now) if one.holds(now)]
            else:
                members = list(await slack.group_members(group))
            views[group] = GroupView(frozenset(members), ctx.clock())
        except FettleError as error:
            known, at, _ = stored.get(group, ((), None, ""))
            views[group] = GroupView(frozenset(known), at, str(error))
            what = "schedule" if is_oncall(group) else "group"
            unread.append(f"The {what} {group} couldn't be asked: {error}")
    await roster.close()
    return views, unread


def _incident(tx: Tx, target: Target, severity: Severity | None, now: datetime) -> Incident:
    """The open incident on the target, else one that is made up; with the severity that was asked for."""
    found = incidents.open_on_target(tx, target.key)
    if found is None:
        found = Incident(
            0, "", "", "", target.namespace, IncidentState.TRIGGERED, severity or Severity.SEV3, now, now, now,
            target=target,
        )  # fmt: skip
    return replace(found, severity=severity) if severity is not None else found


def _lines(told: Explained, action: Action, incident: Incident, reading: facts.Reading, who: Who) -> Iterator[str]:
    name = f"@{who.principal.name} ({who.principal.slack_id})" if who.principal.name else who.principal.slack_id
    where = incident.ref if incident.id else "no incident is open on it"
    yield f"{action} of {reading.target.label} as {name}, {incident.severity.name} ({where})"
    yield ""
    width = max(len(guard.name) for guard in told.guards)
    for guard in told.guards:
        first, *rest = guard.says or ("",)
        yield f"{guard.name.ljust(width)}  {WORDS[guard.allowed].ljust(7)}  {first}".rstrip()
        yield from (f"{' ' * width}           {line}" for line in rest)
    yield ""
    yield f"{told.needs}, within {rule_words.span(told.lasts)}"
    against = [guard.name for guard in told.guards if guard.allowed is False]
    if told.allowed:
        yield "Allowed: it would be proposed, and this person may approve it."
    elif against:
        yield f"Not allowed, because of: {', '.join(against)}."
    else:
        yield "It can't be told."


def _as_json(
    told: Explained, asked: Asked, action: Action, incident: Incident, reading: facts.Reading
) -> dict[str, Any]:
    return {
        "allowed": told.allowed,
        "as": asked.user,
        "action": str(action),
        "target": reading.target.key,
        "severity": incident.severity.name,
        "incident": incident.id or None,
        "environment": told.environment or None,
        "guards": [_guard(guard) for guard in told.guards],
        "approvers": list(told.approvers),
        "quorum": told.quorum,
        "within_seconds": int(told.lasts.total_seconds()),
        "rules": list(told.rules),
    }


def _guard(guard: Guard) -> dict[str, Any]:
    return {"guard": guard.name, "allowed": guard.allowed, "says": [one for one in guard.says if one]}


def _say(lines: Iterable[str], *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    for line in lines:
        stream.write(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) + "\n")
