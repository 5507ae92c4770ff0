"""What a step is in plain words, for somebody who watches a scenario on the page and may press what comes next.

It refuses to know how a step came out: that is the transcript's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.sandbox.faults.every import sentence
from bot.sandbox.scenarios import schema, spans
from bot.sandbox.scenarios.talk_step import Post, React, Shortcut

OWN_HAND = frozenset({"press", "submit", "view", "slash", "post", "react", "shortcut"})
"""What the viewer may do instead of the player."""
SIGNS = {"pushpin": "📌", "eyes": "👀", "white_check_mark": "✅", "+1": "👍"}
"""As the menu of a message on the page shows them."""
ILLS = {
    "crash": "crash",
    "oom": "run out of memory",
    "image-missing": "lack their image",
    "config-error": "lack a part of their configuration",
    "not-ready": "never get ready",
    "slow": "take long to get ready",
}


def caption(step: schema.Step) -> str:
    """One or two sentences."""
    return CAPTIONS[step.verb](getattr(step, step.verb))


def _list(words: Sequence[str], last: str = "and") -> str:
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end


def _quoted(words: Sequence[str]) -> str:
    return _list([f"“{one}”" for one in words])


def _fire(fire: schema.Fire) -> str:
    about = fire.workload or _list([f"{key} {value}" for key, value in fire.labels.items()] or ["nothing by name"])
    return f"Alertmanager fires {fire.alert} for {about}."


def _press(press: schema.Press) -> str:
    if len(press.by) > 1:
        return f"Now {_list(press.by)} press {press.button} on the card at the same moment."
    end = "; it reaches nobody, and Slack says so." if press.unheard else "."
    return f"Now act as {press.by[0]} and press {press.button} on the card{end}"


def _submit(submit: schema.Submit) -> str:
    said = _list([f"{label}: “{value}”" for label, value in submit.values.items()] or ["as it is"])
    return f"Now act as {submit.by} and submit the dialog ({said})."


def _post(post: Post) -> str:
    return f"Now act as {post.by} and write{' in the thread of the card' if post.thread else ''}: {post.text}"


def _react(react: React) -> str:
    doing, where = ("take", "off") if react.away else ("put", "on")
    return f"Now act as {react.by} and {doing} {SIGNS[react.name]} {where} the message “{react.to}”."


def _shortcut(shortcut: Shortcut) -> str:
    return f"Now act as {shortcut.by} and choose “{shortcut.name}” in the menu of the message “{shortcut.to}”."


def _expect_card(expect: schema.ExpectCard) -> str:
    parts = [f"says {_quoted(expect.containing)}"] if expect.containing else []
    parts += [f"doesn't say {_quoted(expect.without)}"] if expect.without else []
    parts += [f"offers {_list(expect.buttons)}"] if expect.buttons else []
    parts += [f"doesn't offer {_list(expect.no_buttons, 'or')}"] if expect.no_buttons else []
    return f"Look at the {'new ' if expect.new else ''}card: it {_list(parts or ['is there'])}."


def _expect_cards(expect: schema.ExpectCards) -> str:
    cards = "is 1 card" if expect.count == 1 else f"are {expect.count} cards"
    count = "" if expect.count is None else f" There {cards}."
    return f"Every alert that was taken is on a card{' or in the digest' if expect.digest else ''}.{count}"


def _expect_cluster(expect: schema.ExpectCluster) -> str:
    parts = [] if expect.ready is None else [f"{expect.ready} of its pods are ready"]
    parts += [] if expect.restarted is None else [f"it was {'' if expect.restarted else 'not '}restarted"]
    parts += [] if expect.writes is None else [f"Fettle wrote to it {_times(expect.writes)}"]
    return f"Look at {expect.workload} in the cluster: {_list(parts or ['it is there'])}."


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _expect_object(expect: schema.ExpectObject) -> str:
    named = f"{expect.kind} {expect.name}".rstrip()
    if expect.gone:
        return f"{named} is gone from the cluster."
    return f"{named} is in the cluster{f' with {_quoted(expect.containing)}' if expect.containing else ''}."


def _annotate(note: schema.Annotate) -> str:
    said = [f"{key} is {'taken away' if value is None else value}" for key, value in note.notes.items()]
    return f"Somebody annotates {note.workload or note.namespace}: {_list(said)}."


def _bot(bot: schema.Bot) -> str:
    return {"stop": "The bot is stopped.", "kill": "The bot is killed.", "start": "The bot starts again."}[bot.do]


def _expect_audit(expect: schema.ExpectAudit) -> str:
    parts = [_quoted(expect.containing)] if expect.containing else []
    parts += [f"{tag} {_times(count)}" for tag, count in expect.counts.items()]
    return f"Look at the audit: it has {_list(parts or ['entries'])}."


def _silences(expect: schema.ExpectSilences) -> str:
    return f"{expect.active or 'No'} silence{'' if expect.active == 1 else 's'} in force at Alertmanager."


CAPTIONS: Mapping[str, Callable[[Any], str]] = {
    "say": str,
    "wait": lambda seconds: f"{seconds:g} seconds pass.",
    "advance": lambda span: f"Everybody's clock goes on by {spans.told(span)}, within seconds.",
    "fire": _fire,
    "resolve": lambda name: f"{name} is over: Alertmanager says so.",
    "storm": lambda storm: f"{storm.alerts} alerts about {storm.groups} workloads come at once.",
    "crash": lambda it: f"Pods of {it.workload} {ILLS[it.how]}, again and again.",
    "break_next": lambda it: f"Pods of {it.workload} that start from now on {ILLS[it.how]}.",
    "heal": lambda workload: f"{workload} is well again.",
    "jvm": lambda jvm: f"The pods of {jvm.workload} run a JVM{' that answers nothing' if jvm.silent else ''}.",
    "pprof": lambda pprof: f"The pods of {pprof.workload} run a Go program with its pprof on port {pprof.port}.",
    "change": lambda change: f"Somebody rolls out {change.image} to {change.workload}.",
    "apply": lambda it: f"Somebody applies {it.manifest.get('kind')} {it.manifest['metadata']['name']}.",
    "annotate": _annotate,
    "bind": lambda it: f"{it.user} may {'do more' if it.rules else 'do nothing'} in {it.namespace} from now on.",
    "kubectl_restart": lambda workload: f"Somebody restarts {workload} with kubectl.",
    "expect_card": _expect_card,
    "expect_cards": _expect_cards,
    "press": _press,
    "submit": _submit,
    "view": lambda view: (
        f"Now act as {view.by}, who has a dialog that says {_quoted(view.containing or ('something',))}, and close it."
    ),
    "slash": lambda slash: f"Now act as {slash.by} and type {slash.line}",
    "post": _post,
    "react": _react,
    "shortcut": _shortcut,
    "told": lambda told: f"Only {told.to} is told: {_quoted(told.containing)}.",
    "thread": lambda thread: f"Look at the card's thread: it says {_quoted(thread.containing)}.",
    "expect_cluster": _expect_cluster,
    "expect_object": _expect_object,
    "expect_audit": _expect_audit,
    "expect_silences": _silences,
    "expect_sockets": lambda expect: f"The bot has {expect.count} connections to Slack.",
    "bot": _bot,
    "fault": lambda fault: sentence(fault.order),
    "clear_faults": lambda _: "All faults are over.",
    "fettle": lambda fettle: f"At the terminal: fettle {fettle.line}",
    "tell": lambda _: "The alerts of all that is broken come; each card must name the cause first.",
}
