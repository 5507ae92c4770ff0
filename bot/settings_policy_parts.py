"""The tables of ``POLICY``: every key typed, unknown ones refused, and each turned into the domain's words.

It refuses what would widen: the other settings give, and a rule only takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot import settings_calendar as calendar
from bot import settings_values as values
from bot.domain.approval import too_few
from bot.domain.errors import RequestError
from bot.domain.rules import Dates, Environments, Match, PolicyRule, Weekly, Window
from bot.domain.severity import Severity, parse_severity
from bot.domain.target import KIND_ALIASES

T = TypeVar("T")

MOST = 200
"""Rules, and windows: more than that nobody has read."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
_PATTERN = re.compile(r"[a-z0-9*?]([-a-z0-9*?]{0,61}[a-z0-9*?])?")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z]{1,62}")
_LABEL = re.compile(r"([a-z0-9][a-z0-9.-]{0,252}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LONGEST = 300


def _each(pattern: re.Pattern[str], advice: str) -> Callable[[Any], tuple[str, ...]]:
    def parse(value: Any) -> tuple[str, ...]:
        found = values.words(value)
        if not found or any(not pattern.fullmatch(one) for one in found):
            raise ValueError(advice)
        return found

    return parse


def _one(pattern: re.Pattern[str], advice: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        text = str(value).strip()
        if not pattern.fullmatch(text):
            raise ValueError(advice)
        return text

    return parse


def _actions(value: Any) -> tuple[str, ...]:
    return tuple(str(action) for action in _some(values.allowed(value)))


def _severities(value: Any) -> tuple[Severity, ...]:
    try:
        return _some(tuple(parse_severity(word) for word in values.words(value)))
    except RequestError:
        raise ValueError("write severities out of SEV1, SEV2, SEV3, SEV4") from None


def _kinds(value: Any) -> tuple[str, ...]:
    found = tuple(KIND_ALIASES.get(word.lower(), word) for word in _some(values.words(value)))
    if any(not _KIND.fullmatch(one) for one in found):
        raise ValueError("write kinds as the cluster has them, such as Deployment,StatefulSet")
    return found


def _some(found: tuple[T, ...]) -> tuple[T, ...]:
    """An empty list would mean everything: whoever wants that leaves the key out."""
    if not found:
        raise ValueError("is empty: name some, or leave it out for all")
    return found


def _people(value: Any) -> tuple[str, ...]:
    found = values.approvers(value)
    if not found:
        raise ValueError("names nobody: write Slack ids, or leave it out")
    return found


def _text(value: Any) -> str:
    text = str(value).strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"write one line of text, at most {_LONGEST} characters")
    return text


def _own(value: Any) -> str:
    word = str(value).strip().lower()
    if word == "allow":
        raise ValueError("allow would widen what the settings give: name the action in SELF_APPROVE, and leave it out")
    if word != "forbid":
        raise ValueError("write forbid, or leave it out")
    return word


def _listed(value: Any) -> tuple[str, ...]:
    """One line or a list of lines; a day alone comes from YAML as a date."""
    return tuple(str(one) for one in (value if isinstance(value, list | tuple) else [value]))


_Name = Annotated[str, BeforeValidator(_one(_NAME, "write small letters, digits and dashes, such as prod-rollback"))]
_Span = Annotated[timedelta, BeforeValidator(values.duration(60, 86400))]
_Line = Annotated[str, BeforeValidator(_text)]
_Lines = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_SPACES = "write names or patterns of namespaces, such as shop,pay-*"
_Spaces = Annotated[tuple[str, ...], BeforeValidator(_each(_PATTERN, _SPACES))]
_Places = Annotated[tuple[str, ...], BeforeValidator(_each(_WORD, "write names of environments, such as prod"))]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MatchPart(_Part):
    """Which cases; what isn't said fits all."""

    actions: Annotated[tuple[str, ...], BeforeValidator(_actions)] = Field(
        default=(), description="Actions, such as rollback."
    )
    namespaces: _Spaces = Field(default=(), description="Namespaces, or patterns such as `pay-*`.")
    environments: _Places = Field(
        default=(), description="Environments, as `environments` tells them; a namespace without one counts as each."
    )
    severities: Annotated[tuple[Severity, ...], BeforeValidator(_severities)] = Field(
        default=(), description="Severities of the incident, such as SEV1."
    )
    kinds: Annotated[tuple[str, ...], BeforeValidator(_kinds)] = Field(
        default=(), description="Kinds of targets, such as StatefulSet."
    )

    def made(self) -> Match:
        """In the domain's words."""
        return Match(self.actions, self.namespaces, self.environments, self.severities, self.kinds)


class RulePart(_Part):
    """One rule."""

    name: _Name = Field(description="What cards, refusals and the audit call it.")
    match: MatchPart = Field(default=MatchPart(), description="Which cases it is for; without it all.")
    approvers: Annotated[tuple[str, ...], BeforeValidator(_people)] = Field(
        default=(),
        description="Slack ids of people and groups, or `oncall`: whoever approves is named here and by `APPROVERS`.",
    )
    quorum: Annotated[int, BeforeValidator(values.whole(1, 5))] = Field(
        default=1, description="How many different people have to approve, at least."
    )
    self_approval: Annotated[str, BeforeValidator(_own)] = Field(
        default="", description="`forbid`: nobody approves a request of their own, whatever `SELF_APPROVE` says."
    )
    expires: _Span | None = Field(default=None, description="How long it may be approved; at most `APPROVAL_TTL`.")
    nudge: _Span | None = Field(
        default=None, description="So long before the end the approvers are reminded in the thread."
    )
    require_reason: Annotated[bool, BeforeValidator(values.switch)] = Field(
        default=False, description="Each approval needs a reason, which is asked for and audited."
    )
    deny: _Line = Field(default="", description="It isn't done at all; this says why, and what to do instead.")

    def made(self) -> PolicyRule:
        """In the domain's words; ``ValueError`` for what takes nothing away, or can never be."""
        if self.expires is not None and self.nudge is not None and self.nudge >= self.expires:
            raise ValueError("nudge isn't shorter than expires, so that nobody would be reminded")
        if self.approvers and too_few(self.approvers, self.quorum):
            raise ValueError(f"{self.quorum} people have to approve, and approvers names {len(self.approvers)}")
        rule = PolicyRule(
            self.name, self.match.made(), self.approvers, self.quorum, not self.self_approval, self.expires,
            self.nudge, self.require_reason, self.deny,
        )  # fmt: skip
        if rule == PolicyRule(self.name, rule.match):
            raise ValueError("takes nothing away: say approvers, quorum, expires, deny or another of its keys")
        return rule


class WindowPart(_Part):
    """One freeze window."""

    name: _Name = Field(description="What refusals call it.")
    match: MatchPart = Field(default=MatchPart(), description="What is held up; without it everything.")
    weekly: _Lines = Field(
        default=(),
        description="Each week: `Fri 16:00 - Mon 08:00`, `Mon-Thu 22:00 - 06:00` (to the next morning), "
        "`daily 00:00 - 05:00`; one or a list.",
    )
    dates: _Lines = Field(
        default=(),
        description="Once: `2026-12-20 - 2027-01-03` (whole days, the last one too), or with times "
        "`2026-12-20 18:00 - 2027-01-03 08:00`; one or a list.",
    )
    zone: Annotated[str, BeforeValidator(calendar.zone)] = Field(description="The IANA zone, such as `Europe/Berlin`.")
    reason: _Line = Field(default="", description="Why; it stands in the refusal.")

    def made(self) -> Window:
        """In the domain's words; ``ValueError`` for a calendar that can't be read."""
        spans: tuple[Weekly | Dates, ...] = tuple(span for line in self.weekly for span in calendar.weekly(line))
        spans += tuple(calendar.dates(line) for line in self.dates)
        if not spans:
            raise ValueError("has no calendar: write weekly or dates")
        written = (*self.weekly, *self.dates)
        return Window(self.name, self.zone, spans, written, self.match.made(), self.reason)


class EnvironmentsPart(_Part):
    """How a namespace's environment is told."""

    label: Annotated[str, BeforeValidator(_one(_LABEL, "write the key of a label of namespaces"))] = Field(
        default="", description="A label of the namespace whose value is its environment."
    )
    namespaces: Mapping[str, _Spaces] = Field(
        default_factory=dict, description="Environment: its namespaces, or patterns. It wins over the label."
    )

    def made(self) -> Environments:
        """In the domain's words."""
        return Environments(self.label, tuple((name, patterns) for name, patterns in self.namespaces.items()))


class PolicyPart(_Part):
    """The whole of ``POLICY``."""

    rules: tuple[RulePart, ...] = Field(
        default=(),
        max_length=MOST,
        description="Rules that narrow; all that fit hold together, the strictest word counts.",
    )
    windows: tuple[WindowPart, ...] = Field(default=(), max_length=MOST, description="Times in which nothing is done.")
    environments: EnvironmentsPart = Field(
        default=EnvironmentsPart(), description="How a namespace's environment is told."
    )
    break_glass: Annotated[tuple[str, ...], BeforeValidator(_people)] = Field(
        default=(), description="Slack ids of people and groups who may override windows and rates, with a reason."
    )
