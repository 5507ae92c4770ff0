"""Reads what a handler found or picked: a small closed form, each word of it checked, all of it refused for one wrong.

A handler's finding claims at most a medium confidence, and a low one when it cites nothing that was observed. What it
picks is one of what may be proposed anyway. It refuses to let it name another target or another value.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion

MOST_FINDINGS, MOST_CITES = 5, 5
TEXT, CITE, REASON, VALUE = 300, 160, 200, 200
"""Characters of a finding's text, a cite's, a reason and a parameter."""
FINDING = ("text", "confidence", "cites", "suggestion")
CITED = ("source", "text")
PICK = ("action", "params", "reason")
NONE = "none"
"""The action that proposes nothing."""

Words = Mapping[str, Mapping[str, type]]
"""Every mitigation there is a word for, and the parameters that each takes, by type."""


@dataclass(frozen=True)
class Option:
    """One mitigation that may be proposed; ``params`` are settled, ``open`` may be given, each of its type."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    open: Mapping[str, type] = field(default_factory=dict)
    reason: str = ""

    def shown(self) -> dict[str, Any]:
        """As the handler sees it."""
        kinds = {name: "number" if kind is int else "text" for name, kind in self.open.items()}
        return {"action": self.action, "params": dict(self.params), "open": kinds, "reason": self.reason}


@dataclass(frozen=True)
class Pick:
    """What a handler picked; no ``action`` when it wants nothing proposed."""

    handler: str
    action: str
    params: Mapping[str, Any]
    reason: str

    @property
    def why(self) -> str:
        """A clause that names the handler."""
        who = f"the handler {self.handler}"
        done = f"picked by {who}" if self.action else f"{who} proposes nothing"
        return f"{done}: {self.reason}" if self.reason else done


def findings(
    handler: str, given: Sequence[Any], sources: Collection[str], words: Collection[str]
) -> tuple[Finding, ...]:
    """The findings as Fettle's own; ``sources`` were observed and may be cited. Raises ``RequestError``."""
    return tuple(_finding(handler, f"Finding {number}", one, sources, words) for number, one in enumerate(given, 1))


def _finding(handler: str, what: str, given: Any, sources: Collection[str], words: Collection[str]) -> Finding:
    table = _table(what, given, FINDING)
    said = _text(what, table, "text", TEXT)
    if not said:
        raise RequestError(f"{what} of the handler has no text.")
    sure = _text(what, table, "confidence", 20)
    if sure not in tuple(Confidence):
        raise RequestError(f"{what} of the handler has the confidence “{sure}”: there are {', '.join(Confidence)}.")
    cites = _cites(what, table.get("cites"), sources)
    word = _text(what, table, "suggestion", 40)
    if word and word not in words:
        raise RequestError(f"{what} of the handler suggests “{word}”{_nearest(word, words)}")
    # A claim that nobody measured stays behind one whose rate of errors is known.
    least = Confidence.MEDIUM if cites else Confidence.LOW
    return Finding(
        cause=Cause.HANDLER,
        sentence=f"Handler {handler}: {said}",
        confidence=max(Confidence(sure), least, key=lambda one: one.rank),
        cites=cites,
        basis=f"by the handler {handler}" if cites else f"by the handler {handler}, which cites nothing",
        detail=handler,
        suggestions=(Suggestion(word, {}, f"the handler {handler} suggests it"),) if word else (),
        no_help="" if word else f"The handler {handler} suggests no mitigation.",
    )


def _cites(what: str, given: Any, sources: Collection[str]) -> tuple[Cite, ...]:
    if not isinstance(given, list | None):
        raise RequestError(f"{what} of the handler has cites that are no list.")
    made = []
    for one in (given or [])[:MOST_CITES]:
        table = _table(f"A cite of {what.lower()}", one, CITED)
        source = _text(what, table, "source", 100)
        if source not in sources:
            raise RequestError(
                f"{what} of the handler cites “{source}”, which wasn't observed{_nearest(source, sources)}"
            )
        made.append(Cite(source, _text(what, table, "text", CITE)))
    return tuple(made)


def pick(handler: str, given: Any, options: Sequence[Option]) -> Pick | None:
    """What it picked, None when it leaves that to the playbook; raises ``RequestError``."""
    if given is None:
        return None
    what = "The proposal"
    table = _table(what, given, PICK)
    action, reason = _text(what, table, "action", 40), _text(what, table, "reason", REASON)
    params = table.get("params") or {}
    if not isinstance(params, Mapping):
        raise RequestError("The proposal of the handler has params that are no table.")
    if action == NONE:
        return Pick(handler, "", {}, reason)
    option = next((one for one in options if one.action == action), None)
    if option is None:
        raise RequestError(
            f"The handler picked “{action}”, which isn't to be proposed here: "
            f"there is {', '.join(one.action for one in options)}."
        )
    for name, value in params.items():
        _fits(option, name, value)
    return Pick(handler, action, {**option.params, **params}, reason)


def _fits(option: Option, name: str, value: Any) -> None:
    if name in option.params:
        if option.params[name] != value or type(option.params[name]) is not type(value):
            raise RequestError(
                f"The handler picked another {name} for {option.action} than the playbook and the finding say."
            )
    elif name not in option.open:
        raise RequestError(f"The handler gave {name}, which {option.action} doesn't take here.")
    elif type(value) is not option.open[name]:
        kind = "a whole number" if option.open[name] is int else "text"
        raise RequestError(f"The handler gave a {name} for {option.action} that isn't {kind}.")
    elif isinstance(value, str) and (not value.strip() or len(value) > VALUE or not value.isprintable()):
        raise RequestError(
            f"The handler gave a {name} for {option.action} that isn't one line of at most {VALUE} characters."
        )


def _table(what: str, given: Any, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise RequestError(f"{what} of the handler is no table.")
    unknown = next((key for key in given if key not in keys), None)
    if unknown is not None:
        raise RequestError(f"{what} of the handler has “{unknown}”{_nearest(unknown, keys)}")
    return given


def _text(what: str, table: Mapping[str, Any], key: str, most: int) -> str:
    """One line, cut; empty when it isn't there."""
    given = table.get(key)
    if not isinstance(given, str | None):
        raise RequestError(f"{what} of the handler has no text as its {key}.")
    line = " ".join((given or "").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return (
        f": did you mean {near[0]}?" if near else f"; there {'are' if known else 'is'} {', '.join(known) or 'nothing'}."
    )
